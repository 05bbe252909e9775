"""The people of a simulated take: whose body, which motion, where in the ring, and in which clothes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from body.appearance import dress
from body.bank import load_body_bank
from body.garments import tailor
from body.model import BodyModel
from body.motion.clip import MotionClip
from body.motion.retarget import to_parameters
from body.parameters import BodyParameters
from capture.errors import CaptureError
from capture.virtual.config import SimulationConfig
from capture.virtual.placement import Occupant, Spot, place
from capture.virtual.scene import Thing
from capture.virtual.subject import Subject, choose_betas

OUTFIT_SEED, MOTION_SEED, PLACE_SEED, BODY_SEED = 6, 7, 8, 9
MAX_REACH_M = 0.6
"""Further out the feet leave the picture of the nearest high camera."""
EVERY_VERTEX = 50
BODY_RADIUS_M = 0.1
"""Around every 50th vertex: the rest of the skin is within 50 mm of them, loose clothes another 50 mm."""
THING_RADIUS_M = 0.03
CONTACT_STEP_S = 0.1
"""Contact is looked for this often."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """One body of a take."""

    model: BodyModel
    """The exact body: the model at its mean shape is this body, betas are not to be given to it."""
    betas: Float[np.ndarray, "shapes"]
    """Of the model that reconstructions use: exact with `rest_vertices` None, else the nearest."""
    rest_vertices: Float[np.ndarray, "vertices 3"] | None = None
    child: float = 0.0
    name: str = ""
    sex: Literal["female", "male"] | None = None
    age_years: float | None = None


def make_people(
    config: SimulationConfig,
    model: BodyModel,
    choose_clip: Callable[[np.random.Generator], MotionClip],
    things: Sequence[Thing] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Subject, ...], tuple[Thing, ...]]:
    """The people, and the things at their places; `choose_clip` gives a motion of the take's length and rate.

    One person alone stays in the middle. `on_progress` is told (people done, people). Raises CaptureError when they do
    not fit on the floor.
    """
    frames = max(1, round(config.seconds * config.rate_hz))
    bodies = [choose_body(config, model, number) for number in range(config.people)]
    motions, clips = [], []
    for number, body in enumerate(bodies):
        clip = choose_clip(np.random.default_rng([config.seed, MOTION_SEED, number]))
        clips.append({"name": clip.name, **clip.description})
        motions.append(put_in_ring(clip, body.model, np.zeros(0))[slice(0, frames)])
    spots = _spots(config, bodies, motions, things)
    people = []
    for number, (body, motion, spot) in enumerate(zip(bodies, motions, spots)):
        there = spot.move_body(motion, body.model.rest_joints()[0])
        parameters = replace(there, betas=body.betas, child=body.child)
        person = dressed(config, model, body, parameters, number)
        about = {
            "sex": body.sex,
            "age_years": body.age_years,
            "height_m": height_m(body.model),
            "motion": clips[number],
        }
        people.append(replace(person, about=about))
        if on_progress is not None:
            on_progress(number + 1, config.people)
    moved = [replace(t, vertices=s.move(t.vertices)) for t, s in zip(things, spots[config.people :])]
    return tuple(people), tuple(moved)


def choose_body(config: SimulationConfig, model: BodyModel, number: int) -> Body:
    """The body of person `number`: of the bank, or within the model. Raises CaptureError for wishes it cannot meet."""
    if config.exact_model:
        betas = choose_betas(config, model, number)
        return Body(model=replace(model, v_template=model.shaped(betas)), betas=betas)
    if config.betas is not None or config.height_m is not None:
        raise CaptureError("betas and height_m are of bodies within the model; add exact_model (--exact-model)")
    bank = load_body_bank(model)
    if config.subjects:
        subject = bank.subject(config.subjects[number])
    else:
        subject = bank.draw(np.random.default_rng([config.seed, BODY_SEED, number]), config.split, config.children)
    return bank_body(model, subject.name)


def bank_body(model: BodyModel, name: str) -> Body:
    """The body of somebody of the bank. Raises BodyError for a name or a model that the bank does not have."""
    bank = load_body_bank(model)
    subject, nearest = bank.subject(name), bank.nearest_betas(name, model.shape_count)
    return Body(
        model=bank.model(name),
        betas=nearest.betas,
        child=nearest.child,
        rest_vertices=bank.rest_vertices(name),
        name=name,
        sex=subject.sex,
        age_years=subject.age_years,
    )


def height_m(model: BodyModel) -> float:
    """Of the model's mean shape, standing."""
    return round(float(np.ptp(model.v_template[:, 1])), 4)


def dressed(config: SimulationConfig, model: BodyModel, body: Body, parameters: BodyParameters, number: int) -> Subject:
    """Person `number` with its motion, in clothes of the configuration's kind."""
    rng = np.random.default_rng([config.seed, OUTFIT_SEED, number])
    who = {"rest_vertices": body.rest_vertices, "name": body.name}
    if config.outfit == "dressed":
        costume = tailor(body.model, rng, config.wardrobe, body.sex, body.age_years)
        return Subject.wearing(model, parameters, costume, **who)
    outfit = dress(model, rng, config.outfit)
    look = {"texture": outfit.texture, "offsets": outfit.offsets, "description": outfit.description}
    return Subject.of(model, parameters, **look, **who)


def put_in_ring(clip: MotionClip, model: BodyModel, betas: Float[np.ndarray, "shapes"]) -> BodyParameters:
    """The clip around the ring's centre, in view of all devices.

    A clip whose pelvis strays more than MAX_REACH_M from the centre is done on the spot where that keeps it nearer, as
    on a treadmill: at 2.3 m a walker of two seconds would stand too close to a camera, a runner would leave the ring.
    """
    centred = to_parameters(clip, model, betas)
    if (reach := _reach(model, centred)) <= MAX_REACH_M:
        return centred
    on_the_spot = to_parameters(clip, model, betas, place="in_place")
    return on_the_spot if _reach(model, on_the_spot) < reach else centred


def _reach(model: BodyModel, parameters: BodyParameters) -> float:
    pelvis = model.rest_joints(parameters.betas, parameters.child)[0] + parameters.transl
    return float(np.linalg.norm(pelvis[:, :2], axis=1).max())


def _spots(
    config: SimulationConfig, bodies: list[Body], motions: list[BodyParameters], things: Sequence[Thing]
) -> list[Spot]:
    if config.people == 1 and not things:
        return [Spot()]
    alone = config.people == 1
    step = max(1, round(CONTACT_STEP_S * config.rate_hz))
    occupants = [
        Occupant(
            name=f"person{number:02d}",
            points=body.model.pose(motion[slice(None, None, step)]).vertices[:, ::EVERY_VERTEX],
            radius_m=BODY_RADIUS_M,
            fixed=alone,
        )
        for number, (body, motion) in enumerate(zip(bodies, motions))
    ]
    occupants += [Occupant(name=t.name, points=np.asarray(t.vertices), radius_m=THING_RADIUS_M) for t in things]
    return place(occupants, config.radius_m, np.random.default_rng([config.seed, PLACE_SEED]))
