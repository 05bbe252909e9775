"""What an SMC file holds of the subject: keypoints in 3D and in every camera, and the body's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int, UInt8

from geometry.camera import Camera
from geometry.rigid import transform
from humanrig.errors import HumanrigError
from humanrig.export.humman_body import humman_body
from humanrig.export.person import keypoints_of
from humanrig.results import Results
from registration.keypoints.named_sets import WHOLEBODY133

CONVENTION: Final = "coco_wholebody"
"""The only one that mmhuman3d's converter takes: 133 points; the mask says which of them there are."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WholeBody:
    """Triangulated keypoints, a row for each frame of the file."""

    p_world: Float[np.ndarray, "frames 133 3"]
    """The session's world, metres; NaN where there is no point."""
    mask: UInt8[np.ndarray, "133"]
    """1 for points that the detector knows."""

    def in_file(self, T_file_world: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "frames 133 4"]:
        """x, y, z in the file's world and 1; four zeros where there is no point."""
        there = np.asarray(np.isfinite(self.p_world).all(-1))
        moved = transform(T_file_world, np.where(there[..., None], self.p_world, 0.0))
        return np.concatenate([moved, np.ones_like(moved[..., :1])], -1) * there[..., None]

    def seen_by(self, camera: Camera) -> Float[np.ndarray, "frames 133 3"]:
        """Column, row through the whole lens and 1; three zeros outside the picture and where there is no point."""
        q = camera.project(self.p_world)
        with np.errstate(invalid="ignore"):
            inside = np.asarray(((q > -0.5) & (q < np.array([camera.width, camera.height]) - 0.5)).all(-1))
        q = np.where(inside[..., None], q, 0.0)
        return np.concatenate([q, inside[..., None].astype(np.float64)], -1)


def whole_body(results: Results, frame_of: Mapping[int, int], frames: int) -> WholeBody:
    """The person's keypoints. `frame_of`: the file's frame of an instant. Raises HumanrigError without keypoints/."""
    found = keypoints_of(results)
    names = [str(name) for name in found["names"]]
    pairs = [(WHOLEBODY133.names.index(name), n) for n, name in enumerate(names) if name in WHOLEBODY133.names]
    rows, places = _rows(found["instants"], frame_of)
    points = np.full((frames, len(WHOLEBODY133), 3), np.nan)
    mask = np.zeros(len(WHOLEBODY133), np.uint8)
    for there, here in pairs:
        points[places, there] = found["p_world"][rows, here]
        mask[there] = 1
    return WholeBody(p_world=points, mask=mask)


def smpl_arrays(
    results: Results, frame_of: Mapping[int, int], frames: int, T_file_world: Float[np.ndarray, "4 4"]
) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of the group SMPL, NaN in frames without a body, and what ten betas leave of the shape.

    Raises HumanrigError when ten betas cannot hold the shape.
    """
    body = humman_body(results.model, results.parameters, T_file_world)
    rows, places = _rows(results.body["instants"], frame_of)
    if not len(rows):
        raise HumanrigError(f"{results.session.folder}: body/ has none of the frames; run the stage register again")
    values = {
        "global_orient": body.parameters.global_orient,
        "body_pose": body.parameters.body_pose,
        "transl": body.parameters.transl,
        "keypoints3d": transform(T_file_world, results.body["joints"].astype(np.float64)),
    }
    arrays = {name: np.full((frames, *value.shape[1:]), np.nan) for name, value in values.items()}
    for name, value in values.items():
        arrays[name][places] = value[rows]
    arrays["betas"] = body.parameters.betas[None]
    return arrays, f"ten betas hold the fitted shape to {body.mean_mm:.2f} mm in the mean"


def _rows(
    instants: Int[np.ndarray, "rows"], frame_of: Mapping[int, int]
) -> tuple[Sequence[int], Int[np.ndarray, "kept"]]:
    """Rows whose instant is a frame of the file, and which frame."""
    rows = [row for row, instant in enumerate(instants.tolist()) if instant in frame_of]
    return rows, np.array([frame_of[int(instants[row])] for row in rows], np.int64)
