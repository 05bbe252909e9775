"""Factory calibration of a RealSense unit as cameras.

The SDK knows several lens models. Whichever a stream has, rays are projected by the SDK and our model (k1 k2 p1 p2 k3)
is fitted to the pixels: it is linear in its coefficients. `brown_conrady` is that model and comes back exactly; what
is left of `inverse_brown_conrady` and `modified_brown_conrady` is stated by `lens_residual_px`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from capture.realsense.sdk import load_sdk
from geometry.camera import Camera
from geometry.rigid import rigid

GRID = 21
"""Rays in each direction of the image on which the lens is fitted."""


def camera_of(profile: Any, name: str, T_device_camera: Float[np.ndarray, "4 4"]) -> Camera:
    """The camera of a video stream. Depth images of the D400 family are rectified: no distortion."""
    intrinsics = profile.as_video_stream_profile().get_intrinsics()
    return Camera(
        name=name,
        K=_K(intrinsics),
        width=intrinsics.width,
        height=intrinsics.height,
        distortion=_fit_lens(intrinsics)[0],
        T_world_camera=T_device_camera,
    )


def lens_residual_px(profile: Any) -> float:
    """Largest distance between the SDK's pixels and our camera's, over the image."""
    return _fit_lens(profile.as_video_stream_profile().get_intrinsics())[1]


def T_device_camera(profile: Any, anchor: Any) -> Float[np.ndarray, "4 4"]:
    """The camera's place in its device, whose frame is the camera of the profile `anchor` (depth where there is one).

    The SDK has the rotation column by column, the translation in metres, from the first stream to the second.
    """
    extrinsics = profile.get_extrinsics_to(anchor)
    R = np.array(extrinsics.rotation, np.float64).reshape(3, 3).T
    u, _, vt = np.linalg.svd(R)  # single precision: the nearest rotation
    return rigid(u @ vt, np.array(extrinsics.translation, np.float64))


def as_json(profile: Any, anchor: Any) -> dict[str, Any]:
    """What the SDK says of a stream, for the recording's attachments."""
    intrinsics = profile.as_video_stream_profile().get_intrinsics()
    extrinsics = profile.get_extrinsics_to(anchor)
    return {
        "stream": profile.stream_name(),
        "format": str(profile.format()).removeprefix("format."),
        "fps": profile.fps(),
        "width": intrinsics.width,
        "height": intrinsics.height,
        "fx": intrinsics.fx,
        "fy": intrinsics.fy,
        "ppx": intrinsics.ppx,
        "ppy": intrinsics.ppy,
        "model": str(intrinsics.model).removeprefix("distortion."),
        "coeffs": list(intrinsics.coeffs),
        "to_anchor": {
            "stream": anchor.stream_name(),
            "rotation_column_major": list(extrinsics.rotation),
            "translation_m": list(extrinsics.translation),
        },
    }


def _K(intrinsics: Any) -> Float[np.ndarray, "3 3"]:
    return np.array([[intrinsics.fx, 0, intrinsics.ppx], [0, intrinsics.fy, intrinsics.ppy], [0, 0, 1]], np.float64)


def _fit_lens(intrinsics: Any) -> tuple[Float[np.ndarray, "8"], float]:
    """Distortion in our order and the largest residual in pixels."""
    distortion = np.zeros(8)
    if not any(intrinsics.coeffs):
        return distortion, 0.0
    project = load_sdk().rs2_project_point_to_pixel
    K = _K(intrinsics)
    u, v = np.meshgrid(np.linspace(0, intrinsics.width - 1, GRID), np.linspace(0, intrinsics.height - 1, GRID))
    x, y = (u.ravel() - K[0, 2]) / K[0, 0], (v.ravel() - K[1, 2]) / K[1, 1]
    q = np.array([project(intrinsics, [float(a), float(b), 1.0]) for a, b in zip(x, y, strict=True)], np.float64)
    seen_x, seen_y = (q[:, 0] - K[0, 2]) / K[0, 0], (q[:, 1] - K[1, 2]) / K[1, 1]
    r2 = x * x + y * y
    rows_x = np.stack([x * r2, x * r2**2, 2 * x * y, r2 + 2 * x * x, x * r2**3], -1)
    rows_y = np.stack([y * r2, y * r2**2, r2 + 2 * y * y, 2 * x * y, y * r2**3], -1)
    A, b = np.concatenate([rows_x, rows_y]), np.concatenate([seen_x - x, seen_y - y])
    coefficients = np.linalg.lstsq(A, b, rcond=None)[0]
    residual = np.abs(A @ coefficients - b).reshape(2, -1) * np.array([[K[0, 0]], [K[1, 1]]])
    distortion[:5] = coefficients
    return distortion, float(np.linalg.norm(residual, axis=0).max())
