"""GLB: one skinned, animated, textured model of the clip."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from humanrig.errors import HumanrigError
from humanrig.export.person import body_rows, segment_texture
from humanrig.results import Results
from texture.files.gltf import SkinnedClip, SkinningDifference, skinning_difference, write_glb
from texture.files.mesh_sequence import MeshSequence

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
    """The clip of the instants (None: all), with the surface of its longest segment.

    Raises HumanrigError when a stage has not run, and when no surface follows the body.
    """
    meshes, rows = results.meshes, body_rows(results, instants)
    number = longest_segment(meshes)
    segment = meshes.segment(number)
    if segment.binding is None:
        raise HumanrigError(
            f"{results.session.folder}: the surfaces do not follow the body, so that no skin can; "
            f"run: humanrig mesh {results.session.folder} --tracked"
        )
    return SkinnedClip(
        model=results.model,
        parameters=results.parameters[rows],
        times_s=results.body["time_us"][rows].astype(np.float64) * 1e-6,
        binding=segment.binding,
        faces=segment.faces,
        uv=segment.uv,
        uv_faces=segment.uv_faces,
        texture_jpeg=segment_texture(results, number).read_bytes(),
    )


def longest_segment(meshes: MeshSequence) -> int:
    """The segment with most instants, of equals the first."""
    return max(meshes.segments, key=lambda number: (int((meshes.segment_of == number).sum()), -number))


def difference_from_meshes(results: Results, clip: SkinnedClip, instants: Collection[int]) -> SkinningDifference:
    """How far the GLB's vertices are from those of mesh/, for up to MEASURED_FRAMES frames of the clip.

    `instants` are those of the clip's frames. Raises HumanrigError when none of them has a mesh.
    """
    segment = results.meshes.segment(longest_segment(results.meshes))
    mesh_rows = {instant: row for row, instant in enumerate(segment.instants.tolist())}
    shared = [(frame, mesh_rows[instant]) for frame, instant in enumerate(instants) if instant in mesh_rows]
    if not shared:
        raise HumanrigError(
            f"{results.session.folder}: mesh/ has none of the body's instants; "
            f"run: humanrig reconstruct {results.session.folder} --from mesh"
        )
    picks = np.unique(np.linspace(0, len(shared) - 1, min(MEASURED_FRAMES, len(shared))).round().astype(int))
    frames, rows = np.array(shared)[picks].T
    part = replace(clip, parameters=clip.parameters[frames], times_s=clip.times_s[frames])
    return skinning_difference(part, segment.vertices[rows].astype(np.float64))
