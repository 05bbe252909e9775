"""Baked GLB: the surfaces of the clip as they are, loose clothes and free-form surfaces too, without a skeleton."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from humanrig.export.baked import BakedClip
from humanrig.results import Results
from texture.files.gltf_baked import write_baked_glb
from texture.files.shape_keys import TOLERANCE_M


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes personNN.glb; returns lines for source.txt."""
    on_progress(0, 1)
    lines = write_baked(results, folder / f"{results.person}.glb")
    on_progress(1, 1)
    return lines


def write_baked(results: Results, path: Path, instants: Collection[int] | None = None) -> list[str]:
    """Writes the surfaces of the instants (None: all); returns lines about frames, axes and units."""
    clip = BakedClip.of(results, instants)
    side = clip.texture_side()
    made = write_baked_glb(path, clip.segments(side))
    reduced = [f"pictures reduced to {side} x {side}, so that viewers can hold all of them at once"] if side else []
    return [
        "glTF 2.0 binary: metres, seconds, y up; the node 'world' turns the session's z-up world into it",
        f"{made.frames} frames as {made.segments} meshes, shown one after the other (their scale is 0 or 1), "
        f"and {made.shapes} morph targets; every vertex within {1000 * TOLERANCE_M:.1f} mm of the session's surface",
        *reduced,
        *clip.pictures.about(clip.bare),
    ]
