"""Pictures of what the stages mesh and texture make of one take of the texture trials, to be looked at.

Usage: python scripts/make_texture_pictures.py FOLDER CASE OUTPUT [--pictures turntable variants sequence wrong]

Writes turntable.jpg (shape and texture from all around), variants.jpg (what a camera that painted nothing saw, and
drawings with no test of visibility, the mesh's, the depth's, all, and polished cameras), sequence.jpg (ten instants),
and wrong.jpg (texels that got another part's colour, without and with tests).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from texture_trials import sheets
from texture_trials.cases import CASES, Case
from texture_trials.pictures_again import Textured, textured
from texture_trials.rerender import drawn, encoded, linear, matched_gain
from texture_trials.single_instant import TESTS, SingleInstant, views_of
from texture_trials.visibility import PartsPainter, polished

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from humanrig.report.pictures import spread, write_jpeg

Name = Literal["turntable", "variants", "sequence", "wrong"]
VIEWS = 6
SEQUENCE = 10


def main(
    folder: tyro.conf.Positional[Path],
    case: tyro.conf.Positional[str],
    output: tyro.conf.Positional[Path],
    pictures: tuple[Name, ...] = ("turntable", "variants", "sequence", "wrong"),
    variant: str = "own calibration",
    instant: int | None = None,
    size: int = 2048,
    height: int = 480,
    work: Path | None = None,
) -> None:
    """Writes the sheets.

    Args:
        folder: Of the takes; nothing is written into it.
        case: Its name, or a part of it that no other has.
        output: Folder of the pictures.
        pictures: Which sheets.
        variant: Of measure_textures.py: whose mesh and textures are shown.
        instant: The one that is shown; by default that in the middle.
        size: Rows and columns of the textures.
        height: Of each picture, pixels.
        work: Where the copies are: a sibling of FOLDER.
    """
    work = work or folder.absolute().with_name(f"{folder.absolute().name}_trials")
    one = textured(_case(case), folder, work, variant, size)
    instants = one.take.results.meshes.instants.tolist()
    shown = instants[len(instants) // 2] if instant is None else instant
    output.mkdir(parents=True, exist_ok=True)
    if "turntable" in pictures:
        surface = one.take.results.surface(shown)
        rows = [sheets.turntable(surface, t, VIEWS, height) for t in (None, one.instant_texture(shown))]
        write_jpeg(output / "turntable.jpg", sheets.sheet(rows))
    if "variants" in pictures:
        write_jpeg(output / "variants.jpg", _variants(one, shown, size, height))
    if "sequence" in pictures:
        write_jpeg(output / "sequence.jpg", _sequence(one, spread(instants, SEQUENCE), height))
    if "wrong" in pictures:
        write_jpeg(output / "wrong.jpg", _wrong(one, shown, size, height))


def _variants(one: Textured, instant: int, size: int, height: int) -> np.ndarray:
    """A row for each judging camera: its picture, then the drawings."""
    take, surface = one.take, one.take.results.surface(instant)
    single = SingleInstant(surface, views_of(take, instant), size)
    textures = {name: single.texture(TESTS[name]) for name in ("no test", "mesh test", "depth test", "all")}
    moved = polished(take)
    textures["all, polished cameras"] = SingleInstant(surface, views_of(take, instant, moved.cameras), size).texture()
    rows, names = [], []
    for stream, camera in one.judging.items():
        picture, mask = take.picture(stream, instant), take.filled_mask(stream, instant)
        row = [sheets.around_person(picture, mask, height)]
        row += [sheets.around_person(_like(surface, t, camera, picture, mask), mask, height) for t in textures.values()]
        rows.append(row)
        names.append([f"{stream}, recorded", *textures])
    return sheets.sheet(rows, names)


def _sequence(one: Textured, instants: list[int], height: int) -> np.ndarray:
    """Pictures of a judging camera above, drawings below."""
    stream, camera = next(iter(one.judging.items()))
    above, below = [], []
    for instant in instants:
        picture, mask = one.take.picture(stream, instant), one.take.filled_mask(stream, instant)
        again = _like(one.take.results.surface(instant), one.instant_texture(instant), camera, picture, mask)
        above.append(sheets.around_person(picture, mask, height))
        below.append(sheets.around_person(again, mask, height))
    return sheets.sheet([above, below], [[str(i) for i in instants], [""] * len(instants)])


def _wrong(one: Textured, instant: int, size: int, height: int) -> np.ndarray:
    """A row without tests and one with all."""
    surface = one.take.results.surface(instant)
    painter = PartsPainter(one.take, instant, surface, views_of(one.take, instant), size)
    single = SingleInstant(surface, painter.views, size)
    rows, names = [], []
    for name in ("no test", "all"):
        painted = painter.painted(TESTS[name])
        wrong, _ = painter.wrong(painted)
        rows.append(sheets.turntable(surface, sheets.wrong_map(single, painted, wrong), VIEWS, height))
        share = wrong.sum() / max((painted >= 0).sum(), 1)
        names.append([f"{name}: {share:.2%} wrong", *[""] * (VIEWS - 1)])
    return sheets.sheet(rows, names)


def _like(surface: TriangleMesh, texture: np.ndarray, camera: Camera, picture: np.ndarray, mask: np.ndarray
          ) -> np.ndarray:  # fmt: skip
    """The drawing on white, its channels matched to the camera's."""
    drawing = drawn(surface, texture, camera)
    both = drawing.covered & mask
    gain = matched_gain(drawing.image[both], picture[both]) if both.any() else np.ones(3)
    image = np.where(drawing.covered[..., None], encoded(gain * linear(drawing.image.astype(np.float64))), 1.0)
    return np.rint(255 * image).astype(np.uint8)


def _case(name: str) -> Case:
    found = [c for c in CASES if name in c.name]
    if len(found) != 1:
        raise SystemExit(f"'{name}' names {len(found)} takes: {', '.join(c.name for c in found or CASES)}")
    return found[0]


if __name__ == "__main__":
    tyro.cli(main)
