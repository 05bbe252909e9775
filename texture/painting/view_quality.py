"""How much a camera counts against the others: how fine its pixels are on the person, how sharp, how well placed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from geometry.camera import Camera
from texture.painting.views import ColorView

PIXEL_SIGMA_PX = 0.7
"""What an image in focus is blurred by: the pixel's own extent, the lens and the interpolation."""
REBLUR_PX = 1.5
"""Standard deviation of the second blur, against which an edge's own is measured."""
SOBEL_PX2 = 0.42
"""What the gradient's own filter adds to the squared width: between 1/3 and 1/2, by the direction of the edge."""
EDGE_SHARE = 0.03
"""The strongest gradients are the edges: this share of the person's pixels."""
FEWEST_EDGES = 50
"""With fewer strong gradients the width of edges is not known."""
EDGE_LEVELS = 8.0
"""A gradient below this (levels per pixel) is no edge but noise or shading."""


def view_quality(views: Sequence[ColorView]) -> Float[np.ndarray, "views"]:
    """Factor of each camera's weight, 1 for the best possible one of the finest camera.

    The blur that a camera brings to the surface is z/f sqrt(pixel^2 + edge width^2 + sigma^2); its weight goes with the
    inverse square, of which 1/z^2 is already in the weight.
    """
    if not views:
        return np.zeros(0)
    focal = np.array([view.camera.K[0, 0] for view in views], np.float64)
    blur = np.array([max(_known(view.blur_px), PIXEL_SIGMA_PX) for view in views])
    sigma = np.array([view.sigma_px for view in views], np.float64)
    return (focal / focal.max()) ** 2 * PIXEL_SIGMA_PX**2 / (blur**2 + sigma**2)


def calibration_sigma_px(
    camera: Camera, covariance: Float[np.ndarray, "3 3"], p_world: Float[np.ndarray, "3"]
) -> float:
    """How far, in pixels, a camera's uncertain pose moves a point in its image (root of the mean of both axes).

    covariance: of where the camera would place the point, world axes, square metres
    (`calibration.pose_covariance.PoseCovariance.at_point`).
    """
    R = camera.T_world_camera[:3, :3]
    across = (R.T @ covariance @ R)[:2, :2]
    z = float(R[:, 2] @ (p_world - camera.center))
    return float(camera.K[0, 0] * np.sqrt(max(np.trace(across), 0.0) / 2) / max(abs(z), 1e-6))


def edge_width_px(
    image: UInt8[np.ndarray, "rows columns 3"], mask: Bool[np.ndarray, "rows columns"] | None = None
) -> float:
    """Standard deviation of the blur of the image's edges, pixels; NaN where it shows too few edges to tell.

    An edge blurred by s keeps the share s / sqrt(s^2 + r^2) of its gradient under a further blur r (Zhuo and Sim,
    "Defocus map estimation from a single image", 2011); the median over the strongest edges counts. mask: pixels that
    are looked at, the person's; None: all.
    """
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32)
    again = cv2.GaussianBlur(gray, (0, 0), REBLUR_PX)
    before, after = _gradient(gray), _gradient(again)
    wanted = np.ones(gray.shape, bool) if mask is None else mask
    strengths = before[wanted]
    if len(strengths) < FEWEST_EDGES / EDGE_SHARE:
        return float("nan")
    strong = wanted & (before > max(EDGE_LEVELS, float(np.quantile(strengths, 1 - EDGE_SHARE))))
    if strong.sum() < FEWEST_EDGES:
        return float("nan")
    ratio = float(np.median(before[strong] / np.maximum(after[strong], 1e-6)))
    return float(np.sqrt(max(REBLUR_PX**2 / max(ratio**2 - 1, 1e-6) - SOBEL_PX2, 0.0)))


def _known(blur_px: float | None) -> float:
    return blur_px if blur_px is not None and np.isfinite(blur_px) else 0.0


def _gradient(gray: np.ndarray) -> np.ndarray:
    """Length of the gradient, levels per pixel."""
    x = cv2.Sobel(gray, cv2.CV_32F, 1, 0, scale=1 / 8)
    y = cv2.Sobel(gray, cv2.CV_32F, 0, 1, scale=1 / 8)
    return cv2.magnitude(x, y)
