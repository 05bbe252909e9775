"""Where the estimate of a lens begins when nothing is known of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from calibration.intrinsics.lens_models import with_lens
from geometry.camera import Camera

VIEWS = 20
"""Views for the start: more add time and nothing that the adjustment does not find."""
GUESS = 0.9
"""Focal length as a part of the image's longer side, where even the start fails: 58° across."""


def start_camera(
    name: str, size: tuple[int, int], corners: Float[np.ndarray, "all 3"], views: Sequence[BoardView]
) -> Camera:
    """A lens near the minimum, from OpenCV's calibration (Zhang 2000) of views spread over the recording.

    A plain pinhole of a common field of view where OpenCV finds none.
    """
    width, height = size
    f = GUESS * max(size)
    K = np.array([[f, 0.0, (width - 1) / 2], [0.0, f, (height - 1) / 2], [0.0, 0.0, 1.0]])
    pinhole = Camera(name=name, K=K, width=width, height=height)
    if len(views) < 2:
        return pinhole
    used = [views[n] for n in np.unique(np.linspace(0, len(views) - 1, VIEWS).round().astype(int))]
    objects = [_flat(corners[view.ids]) for view in used]
    images = [np.ascontiguousarray(view.q, np.float32) for view in used]
    few = cv2.CALIB_FIX_K3 if len(used) < 6 else 0  # a few views make k3 run away
    try:
        _, K, distortion, _, _ = cv2.calibrateCamera(objects, images, size, K, np.zeros(5), flags=few)
    except cv2.error:
        return pinhole
    numbers = np.concatenate([[K[0, 0], K[1, 1], K[0, 2], K[1, 2]], distortion.ravel()[:5], np.zeros(3)])
    sound = np.isfinite(numbers).all() and 0.2 * max(size) < min(K[0, 0], K[1, 1]) < 20 * max(size)
    return with_lens(pinhole, numbers) if sound else pinhole


def _flat(p_board: Float[np.ndarray, "corners 3"]) -> np.ndarray:
    """On z = 0, as OpenCV wants it: the back of a two-sided board lies at its thickness."""
    flat = p_board.astype(np.float32)
    flat[:, 2] = 0
    return flat
