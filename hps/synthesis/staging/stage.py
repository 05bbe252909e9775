"""Makes scenes ready to be drawn; keeps the clothes of people who come again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, cast

import numpy as np

from body.bank import load_body_bank
from body.garments import Wardrobe, tailor
from body.garments.costume import Costume
from body.model import BodyModel
from body.parameters import BodyParameters
from capture.virtual.drawable import Studio
from capture.virtual.furniture import piece
from capture.virtual.people import Body
from capture.virtual.placement import Spot
from capture.virtual.scene import Scene, Thing
from capture.virtual.subject import Subject
from hps.synthesis.scenes.bodies_file import read_bodies
from hps.synthesis.scenes.rows import ActorRow, PersonRow, SceneSpec, ThingRow
from hps.synthesis.staging.staged import StagedScene

BETAS_SPREAD: Final = 2.0
"""Drawn betas are clipped to this many standard deviations."""
COSTUMES_KEPT: Final = 16


class Stage:
    """Sets up scenes; one for each process."""

    def __init__(self, bodies: Path, model: BodyModel, *, renderer: Literal["numba", "egl", "auto"] = "numba") -> None:
        """`bodies` is the folder of motions, one file a scene."""
        self.bodies, self.model, self.renderer = bodies, model, renderer
        self._costumes: OrderedDict[PersonRow, Costume] = OrderedDict()

    def scene(self, spec: SceneSpec) -> StagedScene:
        """Dresses and poses everybody. Raises HpsError for motions that cannot be read, CaptureError and BodyError
        for rows that cannot be met."""
        motions = read_bodies(self.bodies / f"{spec.name}.npz", len(spec.actors))
        people, labels = [], []
        for person, actor, motion in zip(spec.people, spec.actors, motions):
            body = body_of(person, self.model)
            there = in_place(actor, body, motion)
            dressed = Subject.wearing(
                self.model, there, self._costume(person, body), rest_vertices=body.rest_vertices, name=body.name
            )
            people.append(dressed)
            labels.append(there)
        things = tuple(thing_of(row) for row in spec.things)
        scene = Scene.of(people, things)
        figure, surface = scene.figure(), scene.vertices()
        assert figure is not None
        return StagedScene(
            spec=spec,
            model=self.model,
            people=tuple(people),
            things=things,
            studio=Studio.of(figure, surface[0]),
            surface=surface,
            part_of_face=np.concatenate([self._parts(person) for person in people] + [_none(t) for t in things]),
            labels=tuple(labels),
        )

    def _costume(self, person: PersonRow, body: Body) -> Costume:
        if person not in self._costumes:
            while len(self._costumes) >= COSTUMES_KEPT:
                self._costumes.popitem(last=False)
            rng = np.random.default_rng(person.attire_seed)
            self._costumes[person] = tailor(
                body.model, rng, cast(Wardrobe, person.wardrobe) or None, body.sex, body.age_years
            )
        self._costumes.move_to_end(person)
        return self._costumes[person]

    def _parts(self, person: Subject) -> np.ndarray:
        """Parts of a dressed surface's faces: those of the nearest naked skin at rest."""
        from scipy.spatial import KDTree

        joints = np.asarray(self.model.weights).argmax(1)
        nearest = np.asarray(KDTree(person.vertices[0]).query(person.surface[0])[1])
        nearest[: self.model.vertex_count] = np.arange(self.model.vertex_count)
        return (1 + joints[nearest[np.asarray(person.figure.faces)[:, 0]]]).astype(np.uint8)


def _none(thing: Thing) -> np.ndarray:
    return np.zeros(len(thing.figure.faces), np.uint8)


def body_of(person: PersonRow, model: BodyModel) -> Body:
    """The body of a row: of the bank, or within the model."""
    sex = person.sex or None
    if not person.subject:
        betas = np.random.default_rng(person.body_seed).standard_normal(model.shape_count)
        betas = np.clip(betas, -BETAS_SPREAD, BETAS_SPREAD)
        return Body(model=replace(model, v_template=model.shaped(betas)), betas=betas, sex=sex)  # type: ignore[arg-type]
    bank = load_body_bank(model)
    subject, nearest = bank.subject(person.subject), bank.nearest_betas(person.subject, model.shape_count)
    return Body(
        model=bank.model(subject.name),
        betas=nearest.betas,
        child=nearest.child,
        rest_vertices=bank.rest_vertices(subject.name),
        name=subject.name,
        sex=subject.sex,
        age_years=subject.age_years,
    )


def in_place(actor: ActorRow, body: Body, motion: dict[str, np.ndarray]) -> BodyParameters:
    """The actor's motion on its spot, in the world."""
    spot = Spot(heading_rad=actor.heading_rad, xy=(actor.x_m, actor.y_m))
    centred = BodyParameters(
        betas=np.zeros(0),
        global_orient=motion["global_orient"],
        body_pose=motion["body_pose"],
        transl=motion["transl"],
    )
    there = spot.move_body(centred, body.model.rest_joints()[0])
    return replace(there, betas=body.betas, child=body.child)


def thing_of(row: ThingRow) -> Thing:
    """A piece of furniture at its place. Raises CaptureError for a kind that there is not."""
    thing = piece(row.kind, np.random.default_rng(row.seed))
    spot = Spot(heading_rad=row.heading_rad, xy=(row.x_m, row.y_m))
    return replace(thing, vertices=spot.move(np.asarray(thing.vertices)))
