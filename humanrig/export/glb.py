"""GLB: one skinned, animated, textured model of the clip; the surfaces themselves where none follows the body."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from humanrig.errors import HumanrigError
from humanrig.export.glb_baked import write_baked
from humanrig.export.person import body_rows, surfaces
from humanrig.export.surface_pictures import SurfacePictures
from humanrig.results import Results
from texture.files.gltf import write_glb
from texture.files.mesh_sequence import MeshSequence
from texture.files.skinned_clip import SkinnedClip, SkinningDifference, following, skinning_difference

MEASURED_FRAMES = 20
"""Frames, evenly spread, in which the skin is compared with the meshes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skinned:
    """A clip for a skin, and how far it is from the surfaces."""

    clip: SkinnedClip
    difference: SkinningDifference
    number: int
    """The segment whose surface it wears."""
    instants: int
    """Of the clip that the segment has; the others wear its surface too."""

    def about(self, pictures: SurfacePictures) -> list[str]:
        """Lines for source.txt."""
        shapes, frames = 0 if self.clip.shapes is None else len(self.clip.shapes), len(self.clip.parameters)
        bare = [] if self.clip.texture_jpeg is not None else [f"segment_{self.number:03d}"]
        lines = [
            f"{frames} frames in {self.clip.times_s[-1] - self.clip.times_s[0]:.3f} s, skinned by 24 joints, with "
            f"{shapes} shapes for pose correctives and folds: its vertices are {self.difference.mean_mm:.2f} mm in the "
            f"mean (99 % below {self.difference.p99_mm:.2f} mm) from the session's meshes"
        ]
        if self.instants < frames:
            lines.append(
                f"the surface is that of segment_{self.number:03d}, tracked at {self.instants} of the frames; in the "
                "others it follows the skeleton alone (the formats glb_baked and usd hold every surface)"
            )
        return [*lines, *pictures.about(bare)]


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes personNN.glb; returns lines for source.txt."""
    on_progress(0, 1)
    lines, _ = write_person(results, folder / f"{results.person}.glb")
    on_progress(1, 1)
    return lines


def write_person(
    results: Results, path: Path, instants: Collection[int] | None = None
) -> tuple[list[str], Skinned | None]:
    """Writes the instants (None: all); returns lines for source.txt, and what was skinned.

    None where no surface follows the body; the file is then a baked one. Raises HumanrigError when a stage has not run.
    """
    if not can_skin(results):
        return ["the surfaces do not follow the body: no skeleton", *write_baked(results, path, instants)], None
    skinned = skinned_person(results, instants)
    write_glb(path, skinned.clip)
    return [
        "glTF 2.0 binary: metres, seconds, y up; the node 'world' turns the session's z-up world into it",
        "joints under SMPL's names, rest pose = the body's T-pose; KHR_materials_unlit where there is a texture",
        *skinned.about(SurfacePictures(results)),
    ], skinned


def can_skin(results: Results) -> bool:
    """Whether the surface of the longest segment follows the body."""
    meshes = surfaces(results)
    return meshes.segment(longest_segment(meshes)).binding is not None


def skinned_person(results: Results, instants: Collection[int] | None = None) -> Skinned:
    """The clip of the instants (None: all) with its shapes. Raises HumanrigError as `skinned_clip` does."""
    clip, number = skinned_clip(results, instants), longest_segment(results.meshes)
    rows = body_rows(results, instants)
    frames, vertices = _shared(results, results.body["instants"][rows].tolist())
    clip = following(clip, vertices, frames)
    return Skinned(clip=clip, difference=_difference(clip, frames, vertices), number=number, instants=len(frames))


def skinned_clip(results: Results, instants: Collection[int] | None = None) -> SkinnedClip:
    """The clip of the instants (None: all), with the surface of its longest segment and no shapes.

    Raises HumanrigError when a stage has not run, and when no surface follows the body.
    """
    meshes, rows = results.meshes, body_rows(results, instants)
    number = longest_segment(meshes)
    segment = meshes.segment(number)
    if segment.binding is None:
        raise HumanrigError(
            f"{results.session.folder}: the surfaces do not follow the body, so that no skin can; "
            f"run: humanrig mesh {results.session.folder} --surface tracked"
        )
    picture = SurfacePictures(results).of_segment(number)
    return SkinnedClip(
        model=results.model,
        parameters=results.parameters[rows],
        times_s=results.body["time_us"][rows].astype(np.float64) * 1e-6,
        binding=segment.binding,
        faces=segment.faces,
        uv=segment.uv,
        uv_faces=segment.uv_faces,
        texture_jpeg=None if picture is None else picture.read_bytes(),
    )


def longest_segment(meshes: MeshSequence) -> int:
    """The segment with most instants, of equals the first."""
    return max(meshes.segments, key=lambda number: (int((meshes.segment_of == number).sum()), -number))


def _shared(results: Results, instants: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the clip that the longest segment has, and its vertices there."""
    segment = results.meshes.segment(longest_segment(results.meshes))
    mesh_rows = {instant: row for row, instant in enumerate(segment.instants.tolist())}
    shared = [(frame, mesh_rows[instant]) for frame, instant in enumerate(instants) if instant in mesh_rows]
    if not shared:
        raise HumanrigError(
            f"{results.session.folder}: mesh/ has none of the body's instants; "
            f"run: humanrig reconstruct {results.session.folder} --from mesh"
        )
    frames, rows = np.array(shared).T
    return frames, segment.vertices[rows]


def _difference(clip: SkinnedClip, frames: np.ndarray, vertices: np.ndarray) -> SkinningDifference:
    picks = np.unique(np.linspace(0, len(frames) - 1, min(MEASURED_FRAMES, len(frames))).round().astype(int))
    shown = frames[picks]
    shapes = None if clip.shapes is None else replace(clip.shapes, weights=clip.shapes.weights[shown])
    part = replace(clip, parameters=clip.parameters[shown], times_s=clip.times_s[shown], shapes=shapes)
    return skinning_difference(part, vertices[picks].astype(np.float64))
