"""Makes scenes ready to be drawn; clothes are kept for people who come again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from body.garments.costume import Costume
from body.garments.tailoring import TEXTURE_SIZE
from body.model import BodyModel
from body.parameters import BodyParameters
from capture.virtual.drawable import Studio
from capture.virtual.furniture import piece
from capture.virtual.people import Body, bank_body
from capture.virtual.placement import Spot
from capture.virtual.scene import Scene, Thing
from capture.virtual.subject import Subject
from capture.virtual.surface_samples import SurfaceSamples
from geometry.face_raster.rasterizer import Backend, open_rasterizer
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.scenes.bodies_file import read_bodies
from hps.synthesis.scenes.rows import ActorRow, PersonRow, SceneSpec, ThingRow
from hps.synthesis.staging.costume_store import CostumeStore
from hps.synthesis.staging.staged import StagedScene

BETAS_SPREAD: Final = 2.0
"""Drawn betas are clipped to this many standard deviations."""
SMALL_PICTURE: Final = 800
"""Pictures up to so many columns are drawn with half the texture."""


class Stage:
    """Sets up scenes; one for each process and pass."""

    def __init__(
        self,
        bodies: Path,
        model: BodyModel,
        *,
        renderer: Backend = "numba",
        colors: bool = True,
        texture_rows: int = TEXTURE_SIZE,
        costumes: Path | None = None,
    ) -> None:
        """`bodies` is the folder of motions, one file a scene; `costumes` a folder where processes share clothes.

        Without `colors` people are grey and cast no shadows, and are the same in all else: half the work.
        """
        self.bodies, self.model, self.colors = bodies, model, colors
        self._costumes = CostumeStore(model=model, folder=costumes, colors=colors, rows=texture_rows)
        self._rasterizer = open_rasterizer(renderer)
        self._joint = np.asarray(model.weights).argmax(1)

    @classmethod
    def of(cls, config: SynthesisConfig, folder: Path, model: BodyModel, *, colors: bool = True) -> Stage:
        """The stage of a data set on disk; `colors` for pictures alone."""
        return cls(
            folder / "bodies",
            model,
            renderer=config.renderer,
            colors=colors,
            texture_rows=texture_rows(config.width),
            costumes=folder / "cache" / "costumes",
        )

    def dress(self, spec: SceneSpec) -> None:
        """Makes everybody's clothes, which `scene` does otherwise."""
        for person in spec.people:
            self._costumes.clothes(person, lambda person=person: body_of(person, self.model).model)

    def scene(self, spec: SceneSpec) -> StagedScene:
        """Dresses and poses everybody. Raises HpsError for motions that cannot be read, CaptureError and BodyError
        for rows that cannot be met."""
        motions = read_bodies(self.bodies / f"{spec.name}.npz", len(spec.actors))
        people, labels, parts, samples = [], [], [], []
        for person, actor, motion in zip(spec.people, spec.actors, motions):
            body = body_of(person, self.model)
            there = in_place(actor, body, motion)
            clothes = self._costumes.clothes(person, lambda body=body: body.model)
            costume = clothes.costume
            dressed = Subject.wearing(self.model, there, costume, rest_vertices=body.rest_vertices, name=body.name)
            people.append(dressed)
            labels.append(there)
            parts.append(self._parts(costume))
            samples.append(clothes.samples)
        things = tuple(thing_of(row) for row in spec.things)
        scene = Scene.of(people, things)
        figure = scene.figure()
        assert figure is not None
        samples += [SurfaceSamples.of(t.vertices[0], t.figure.faces) if self.colors else None for t in things]
        return StagedScene(
            spec=spec,
            model=self.model,
            people=tuple(people),
            things=things,
            studio=Studio.of(
                figure, samples=SurfaceSamples.joined(samples) if self.colors else None, rasterizer=self._rasterizer
            ),
            surface=scene.vertices(),
            part_of_face=np.concatenate(parts + [_none(t) for t in things]),
            labels=tuple(labels),
        )

    def close(self) -> None:
        """Gives back what the renderer holds."""
        self._rasterizer.close()

    def _parts(self, costume: Costume) -> np.ndarray:
        """Parts of a dressed surface's faces: those of the naked skin that is nearest at rest."""
        assert costume.cloth is not None
        nearest = np.concatenate([np.arange(costume.body_vertex_count), costume.cloth.near[:, 0]])
        return (1 + self._joint[nearest[costume.faces[:, 0]]]).astype(np.uint8)


def texture_rows(width: int) -> int:
    """Rows of people's textures for pictures so wide: a texel is then 3.5 mm or 1.7 mm on the skin.

    At 2 m a pixel of a picture of 640 columns sees 3.6 mm (a field of view of 60 degrees).
    """
    return TEXTURE_SIZE // 2 if width <= SMALL_PICTURE else TEXTURE_SIZE


def _none(thing: Thing) -> np.ndarray:
    return np.zeros(len(thing.figure.faces), np.uint8)


def body_of(person: PersonRow, model: BodyModel) -> Body:
    """The body of a row: of the bank, or within the model."""
    sex = person.sex or None
    if not person.subject:
        betas = np.random.default_rng(person.body_seed).standard_normal(model.shape_count)
        betas = np.clip(betas, -BETAS_SPREAD, BETAS_SPREAD)
        return Body(model=replace(model, v_template=model.shaped(betas)), betas=betas, sex=sex)  # type: ignore[arg-type]
    return bank_body(model, person.subject)


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
