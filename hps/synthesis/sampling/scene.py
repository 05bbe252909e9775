"""One scene, drawn whole: motions, places, furniture, cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from body.model import BodyModel
from body.motion.library import MotionLibrary
from capture.errors import CaptureError
from capture.virtual.furniture import piece
from capture.virtual.furniture_pieces import DESIGNS
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.cameras import draw_cameras
from hps.synthesis.sampling.casting import Cast, kind_of
from hps.synthesis.sampling.motions import ActorMotion, draw_motion
from hps.synthesis.sampling.places import Places, find_places
from hps.synthesis.sampling.seeds import Purpose, split_seed, stream
from hps.synthesis.scenes.bodies_file import motion_sha256
from hps.synthesis.scenes.rows import ActorRow, SceneRow, ThingRow
from hps.synthesis.staging.stage import body_of

TRIES: Final = 4
"""Draws of motions and places before a scene is tried with less."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledScene:
    """The rows of one scene, its motions, and what had to be left out."""

    rows: dict[str, list[Any]]
    """By table."""
    motions: list[dict[str, np.ndarray]]
    notes: tuple[str, ...] = ()
    """Sentences for the user."""


def sample_scene(config: SynthesisConfig, cast: Cast, library: MotionLibrary, model: BodyModel) -> SampledScene:
    """The scene of a cast: the same for the same configuration and cast, whatever was drawn before.

    A scene that cannot be placed is drawn anew, then with less furniture, then with fewer people. Raises HpsError when
    not even one of them can be placed, BodyError when the library has no motion for the split.
    """
    rng = stream(config.seed, Purpose.SCENE, cast.number)
    wanted = [str(rng.choice(list(DESIGNS))) for _ in range(int(rng.integers(config.furniture + 1)))]
    row = {
        "scene": cast.scene,
        "split": cast.split,
        "room_seed": split_seed(rng, cast.split),
        "rig": f"{cast.split}-{split_seed(rng, cast.split):010d}",
        "frames": config.frames,
        "rate_hz": config.rate_hz,
        "noise_seed": split_seed(rng, cast.split),
    }
    things = [(kind, split_seed(rng, cast.split)) for kind in wanted]
    reason: Exception | None = None
    attempts = [(len(cast.people), pieces) for pieces in (*[len(things)] * TRIES, 0)]
    attempts += [(people, 0) for people in range(len(cast.people) - 1, 0, -1)]
    for attempt, (people, pieces) in enumerate(attempts):
        try:
            return _draw(config, cast, library, model, row, things[:pieces], people, attempt, len(things))
        except CaptureError as error:
            reason = error
    raise HpsError(f"{cast.scene}: not even one person could be placed ({reason})")


def _draw(
    config: SynthesisConfig,
    cast: Cast,
    library: MotionLibrary,
    model: BodyModel,
    row: dict[str, Any],
    things: list[tuple[str, int]],
    people: int,
    attempt: int,
    wanted: int,
) -> SampledScene:
    """One attempt; raises CaptureError when it does not fit."""
    kind = kind_of(people)
    bodies = [body_of(person, model) for person in cast.people[:people]]
    seeds, motions = [], []
    for actor, body in enumerate(bodies):
        rng = stream(config.seed, Purpose.MOTION, cast.number, attempt, actor)
        seeds.append(int(rng.integers(2**31)))
        motions.append(
            draw_motion(np.random.default_rng(seeds[-1]), config, library, cast.split, kind, body)  # type: ignore[arg-type]
        )
    made = [piece(name, np.random.default_rng(seed)) for name, seed in things]
    rng = stream(config.seed, Purpose.PLACES, cast.number, attempt)
    places = find_places(rng, bodies, [motion.parameters for motion in motions], made)
    rng = stream(config.seed, Purpose.CAMERAS, cast.number, attempt)
    cameras = draw_cameras(rng, config, cast.scene, cast.split, places.skin, places.solid)
    notes = []
    if people < len(cast.people):
        left = ", ".join(person.person for person in cast.people[people:])
        notes.append(f"{cast.scene}: {len(cast.people)} people did not fit; {left} left out")
    if len(places.furniture) < wanted:
        notes.append(f"{cast.scene}: {wanted} pieces of furniture did not fit; {len(places.furniture)} stand there")
    return SampledScene(
        rows={
            "scenes": [SceneRow(**row, kind=kind)],
            "actors": _actors(cast, motions, seeds, places),
            "things": [
                ThingRow(
                    scene=cast.scene,
                    thing=number,
                    kind=name,
                    seed=seed,
                    x_m=spot.xy[0],
                    y_m=spot.xy[1],
                    heading_rad=spot.heading_rad,
                )
                for number, ((name, seed), spot) in enumerate(zip(things, places.furniture))
            ],
            "cameras": list(cameras),
        },
        motions=[motion.arrays for motion in motions],
        notes=tuple(notes),
    )


def _actors(cast: Cast, motions: list[ActorMotion], seeds: list[int], places: Places) -> list[ActorRow]:
    return [
        ActorRow(
            scene=cast.scene,
            actor=number,
            person=cast.people[number].person,
            motion=motion.sources,
            recipe=motion.recipe,
            motion_seed=seed,
            motion_sha256=motion_sha256(motion.arrays),
            x_m=spot.xy[0],
            y_m=spot.xy[1],
            heading_rad=spot.heading_rad,
        )
        for number, (motion, seed, spot) in enumerate(zip(motions, seeds, places.people))
    ]
