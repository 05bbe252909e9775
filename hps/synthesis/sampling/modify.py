"""Draws the cameras or the clothes of a data set anew and leaves everything else, to the last bit, as it is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, cast, get_args

import numpy as np
from jaxtyping import Float

from body.loading import load_body_model
from body.model import BodyModel
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.cameras import check_distances, draw_cameras
from hps.synthesis.sampling.clothes import draw_clothes
from hps.synthesis.sampling.places import some_skin
from hps.synthesis.sampling.seeds import Purpose, split_seed, stream
from hps.synthesis.scenes.bodies_file import read_bodies
from hps.synthesis.scenes.rows import CameraRow, PersonRow, SceneSpec, Split
from hps.synthesis.scenes.table import SceneTable
from hps.synthesis.staging.stage import body_of, in_place, thing_of

Part = Literal["cameras", "clothing"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
COLUMNS: Final[dict[Part, tuple[str, ...]]] = {
    "cameras": ("scenes.rig", "cameras.*"),
    "clothing": ("people.wardrobe", "people.attire_seed"),
}
"""What changes; no other column does."""


def modify_scenes(
    table: SceneTable,
    what: Collection[Part],
    seed: int,
    *,
    config: SynthesisConfig | None = None,
    bodies: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> SceneTable:
    """The table with other cameras (as many of the same size in each scene), other clothes, or both.

    The splits stay disjoint: clothes are of the split's fabrics, rigs of its seeds. Cameras need `config`, of which the
    distances and sensors are taken, and the folder `bodies`, to see where people are. Raises HpsError when neither is
    asked for, when the motions cannot be read or no camera finds a place.
    """
    if not what or set(what) - set(PARTS):
        raise HpsError(f"'{', '.join(what) or 'nothing'}' cannot be changed; choose cameras, clothing or both")
    if seed < 0:
        raise HpsError(f"seed {seed}: give 0 or more")
    people = table.people
    if "clothing" in what:
        people = tuple(_in_other_clothes(row, number, seed) for number, row in enumerate(people))
    scenes, cameras = list(table.scenes), list(table.cameras)
    if "cameras" in what:
        if config is None or bodies is None:
            raise HpsError("new cameras need the data set's configuration and its folder of motions")
        check_distances(config)
        model = load_body_model()
        scenes, cameras = [], []
        for number, spec in enumerate(table):
            rng = stream(seed, Purpose.CAMERAS, number, 1)
            split = cast(Split, spec.row.split)
            scenes.append(replace(spec.row, rig=f"{split}-{split_seed(rng, split):010d}"))
            cameras += _other_cameras(rng, spec, split, config, bodies, model)
            if on_progress is not None:
                on_progress(number + 1, len(table.scenes))
    rows = {"people": people, "scenes": scenes, "actors": table.actors, "things": table.things, "cameras": cameras}
    return SceneTable.of({name: list(values) for name, values in rows.items()})


def _in_other_clothes(row: PersonRow, number: int, seed: int) -> PersonRow:
    age = row.age_years if row.subject else None
    rng = stream(seed, Purpose.CLOTHES, number)
    wardrobe, attire_seed = draw_clothes(rng, cast(Split, row.split), row.sex, age)
    return replace(row, wardrobe=wardrobe, attire_seed=attire_seed)


def _other_cameras(
    rng: np.random.Generator,
    spec: SceneSpec,
    split: Split,
    config: SynthesisConfig,
    bodies: Path,
    model: BodyModel,
) -> tuple[CameraRow, ...]:
    first = spec.cameras[0]
    wanted = replace(config, views=len(spec.cameras), width=first.width, height=first.height)
    solid = [np.asarray(thing_of(row).vertices[0]) for row in spec.things]
    return draw_cameras(rng, wanted, spec.name, split, skin_of(spec, bodies, model), solid)


def skin_of(spec: SceneSpec, bodies: Path, model: BodyModel) -> list[Float[np.ndarray, "frames points 3"]]:
    """Some vertices of everybody's skin in the world, metres. Raises HpsError for motions that cannot be read."""
    found = []
    for person, actor, motion in zip(
        spec.people, spec.actors, read_bodies(bodies / f"{spec.name}.npz", len(spec.actors))
    ):
        body = body_of(person, model)
        found.append(some_skin(body, in_place(actor, body, motion)))
    return found
