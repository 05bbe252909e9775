"""From what a detector saw in pictures of one camera to what a lifter is given."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from jaxtyping import Float

from geometry.camera import Camera
from hps.errors import HpsError
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED, places

OUTSIDE_PX: Final = 6.0
"""Pixels of the detector's crop: three standard deviations of a sure keypoint at the picture's edge."""


def keypoint_batch(
    camera: Camera,
    q: Float[np.ndarray, "people keypoints 2"],
    visibility: Float[np.ndarray, "people keypoints"],
    pixel_size: Float[np.ndarray, "people"],
    names: tuple[str, ...],
    *,
    focal_known: bool,
) -> KeypointBatch:
    """Keypoints of the set `names` in pictures of one camera, a row a person, the lens's distortion taken out.

    A keypoint that the set lacks, that is NaN, that lies OUTSIDE_PX of the detector's crop or more outside the picture
    (a guess, which lifters are not trained on), or where the lens model cannot be inverted gets confidence 0 and the
    middle of the others as its place. Raises HpsError for a person without any keypoint.
    """
    at = places(names)
    own = np.where((at >= 0)[:, None], np.asarray(q, np.float64)[:, at], np.nan)
    confidence = np.where(at >= 0, np.asarray(visibility, np.float64)[:, at], 0.0)
    size = np.array([camera.width, camera.height])
    margin = OUTSIDE_PX * np.asarray(pixel_size, np.float64)[:, None, None]
    known = np.asarray((np.isfinite(own) & (own > -0.5 - margin) & (own < size - 0.5 + margin)).all(-1))
    xy = camera.normalize(np.where(known[..., None], own, camera.K[:2, 2]))
    known = known & np.asarray(np.isfinite(xy).all(-1))
    if not known.any(1).all():
        row = int(np.flatnonzero(~known.any(1))[0])
        raise HpsError(f"person {row} has none of the {len(LIFTED)} keypoints {LIFTED.names[0]} … {LIFTED.names[-1]}")
    straight = xy @ camera.K[:2, :2].T + camera.K[:2, 2]
    middle = np.nanmean(np.where(known[..., None], straight, np.nan), 1, keepdims=True)
    people = len(own)
    return KeypointBatch(
        q=_tensor(np.where(known[..., None], straight, middle)),
        confidence=_tensor(np.where(known, np.clip(np.nan_to_num(confidence), 0, 1), 0.0)),
        pixel_size=_tensor(np.asarray(pixel_size, np.float64)),
        K=_tensor(np.tile(camera.K, (people, 1, 1))),
        size=_tensor(np.tile([camera.width, camera.height], (people, 1))),
        focal_known=torch.full((people,), focal_known),
    )


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
