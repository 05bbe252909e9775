"""GLB: one skinned, animated, textured model of the clip."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from humanrig.errors import HumanrigError
from humanrig.export.person import body_rows, clip_texture
from humanrig.results import Results
from texture.files.gltf import SkinnedClip, SkinningDifference, skinning_difference, write_glb

MEASURED_FRAMES = 20
"""Frames, evenly spread, in which the skin is compared with the meshes."""


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes personNN.glb; returns lines for source.txt."""
    clip = skinned_clip(results)
    on_progress(0, 2)
    write_glb(folder / f"{results.person}.glb", clip)
    on_progress(1, 2)
    difference = difference_from_meshes(results, clip, results.instants)
    on_progress(2, 2)
    return [
        "glTF 2.0 binary: metres, seconds, y up; the node 'world' turns the session's z-up world into it",
        f"{len(clip.parameters)} frames in {clip.times_s[-1] - clip.times_s[0]:.3f} s; KHR_materials_unlit",
        "a skin has no pose correctives: its vertices are "
        f"{difference.mean_mm:.2f} mm in the mean (99 % below {difference.p99_mm:.2f} mm) from the session's meshes",
    ]


def skinned_clip(results: Results, instants: Collection[int] | None = None) -> SkinnedClip:
    """The clip of the instants (None: all). Raises HumanrigError when a stage has not run."""
    mesh, texture = results.mesh, clip_texture(results)
    rows = body_rows(results, instants)
    if len(mesh["offsets"]) != results.model.vertex_count:
        raise HumanrigError(
            f"{results.session.folder}: mesh/ is of another body model than body/; "
            f"run: humanrig reconstruct {results.session.folder} --from mesh"
        )
    return SkinnedClip(
        model=results.model,
        parameters=results.parameters[rows],
        times_s=results.body["time_us"][rows].astype(np.float64) * 1e-6,
        offsets=mesh["offsets"].astype(np.float64),
        uv=mesh["uv"],
        uv_faces=mesh["uv_faces"],
        texture_jpeg=texture.read_bytes(),
    )


def difference_from_meshes(results: Results, clip: SkinnedClip, instants: Collection[int]) -> SkinningDifference:
    """How far the GLB's vertices are from those of mesh/, for up to MEASURED_FRAMES frames of the clip.

    `instants` are those of the clip's frames. Raises HumanrigError when none of them has a mesh.
    """
    mesh_rows = {instant: row for row, instant in enumerate(results.mesh["instants"].tolist())}
    shared = [(frame, mesh_rows[instant]) for frame, instant in enumerate(instants) if instant in mesh_rows]
    if not shared:
        raise HumanrigError(
            f"{results.session.folder}: mesh/ has none of the body's instants; "
            f"run: humanrig reconstruct {results.session.folder} --from mesh"
        )
    picks = np.unique(np.linspace(0, len(shared) - 1, min(MEASURED_FRAMES, len(shared))).round().astype(int))
    frames, rows = np.array(shared)[picks].T
    part = SkinnedClip(
        model=clip.model, parameters=clip.parameters[frames], times_s=clip.times_s[frames], offsets=clip.offsets
    )
    return skinning_difference(part, results.mesh["vertices"][rows].astype(np.float64))
