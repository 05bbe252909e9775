"""A colour picture and a depth image, two files, with the cameras that the user states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float

from geometry.camera import Camera
from geometry.coded_images import decode_image
from geometry.rigid import is_rigid
from humanrig.errors import HumanrigError
from humanrig.estimating.depth_image import read_depth_image
from humanrig.estimating.rgb.footage import open_footage
from humanrig.estimating.rgb.picture_file import is_picture
from humanrig.estimating.rgbd.footage import CAMERA, DepthFrame, RgbdFootage

ASPECT: Final = 0.01
"""Relative: aligned depth may be smaller than its picture, but not of another shape."""
FARTHEST_M: Final = 100.0
"""No sensor that shows people sees half of a picture farther away."""
Four = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairCameras:
    """What files do not say of their cameras."""

    K: Four | None = None
    """fx fy cx cy of the picture, pixels."""
    depth_K: Four | None = None
    """Of the depth image; None: it is aligned with the picture."""
    T_color_depth: tuple[float, ...] | None = None
    """Rows of the 3x4 matrix that takes the depth camera's coordinates to the colour camera's, metres; None: they are
    the same."""
    unit: str = "mm"
    """Of a step of the depth image: mm, cm or m."""
    mask: Path | None = None
    """A picture of the colour picture's size, above 0 where the person is."""


def image_pair(color: Path, depth: Path, cameras: PairCameras) -> RgbdFootage:
    """Both files, opened. Raises HumanrigError for what is no picture or no depth image, and for cameras that are
    missing or do not fit them."""
    if not is_picture(color):
        raise HumanrigError(
            f"{color} is no picture, by its name; give the colour picture first and the depth image second"
        )
    footage = open_footage(color)[0]
    width, height = footage.width, footage.height
    if cameras.K is None:
        raise HumanrigError(
            f"say the lens of {color.name} with --K FX FY CX CY, in pixels of the {width}x{height} picture"
        )
    color_camera = _camera("color", "--K", cameras.K, width, height)
    depth_m = read_depth_image(depth, cameras.unit)
    told = depth_m[np.isfinite(depth_m)]
    if len(told) and np.median(told) > FARTHEST_M:
        raise HumanrigError(
            f"half of {depth.name} is {np.median(told):.0f} m away and farther, if its unit is {cameras.unit}; say the "
            "right one with --unit"
        )
    rows, columns = depth_m.shape
    if cameras.depth_K is not None:
        depth_camera = _camera("depth", "--depth-K", cameras.depth_K, columns, rows).at(_placed(cameras.T_color_depth))
    elif cameras.T_color_depth is not None:
        raise HumanrigError(
            "--T-color-depth places a depth camera of its own; say its lens too, with --depth-K FX FY CX CY"
        )
    elif abs(columns * height / (rows * width) - 1) > ASPECT:
        raise HumanrigError(
            f"{depth.name} is {columns}x{rows} pixels and {color.name} {width}x{height}: they are not aligned; say the "
            "depth camera's lens with --depth-K FX FY CX CY, and its place with --T-color-depth"
        )
    else:
        depth_camera = color_camera.resized(columns, rows)
    frame = DepthFrame(depth_m=depth_m, depth_camera=depth_camera, color_camera=color_camera)
    mask = None if cameras.mask is None else _mask(cameras.mask, width, height)
    return RgbdFootage(footage=footage, depth=lambda _: frame, frame=CAMERA, upright=False, mask=mask)


def _camera(name: str, option: str, K: Four, width: int, height: int) -> Camera:
    fx, fy, cx, cy = K
    if not np.isfinite(K).all() or fx <= 0 or fy <= 0:
        raise HumanrigError(f"{option} {fx:g} {fy:g} {cx:g} {cy:g}: focal lengths must be above 0, in pixels")
    if not (-width < cx < 2 * width and -height < cy < 2 * height):
        raise HumanrigError(
            f"{option} {fx:g} {fy:g} {cx:g} {cy:g}: the principal point is far outside the {width}x{height} image; are "
            "these numbers of another size?"
        )
    return Camera(name=name, K=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), width=width, height=height)


def _placed(numbers: tuple[float, ...] | None) -> Float[np.ndarray, "4 4"]:
    if numbers is None:
        return np.eye(4)
    T = np.eye(4)
    if len(numbers) == 12:
        T[:3] = np.reshape(numbers, (3, 4))
    if len(numbers) != 12 or not np.isfinite(T).all() or not is_rigid(T):
        raise HumanrigError(
            f"--T-color-depth has {len(numbers)} numbers that are no rotation with a translation; give the rows of the "
            "3x4 matrix that takes the depth camera's coordinates to the colour camera's, in metres"
        )
    if np.linalg.norm(T[:3, 3]) > 1.0:
        raise HumanrigError(
            f"--T-color-depth puts the cameras {np.linalg.norm(T[:3, 3]):.0f} m from each other; give metres"
        )
    return T


def _mask(path: Path, width: int, height: int) -> Bool[np.ndarray, "{height} {width}"]:
    mask = decode_image(path.read_bytes(), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
    if mask is None or mask.shape != (height, width):
        kind = "no picture" if mask is None else f"{mask.shape[1]}x{mask.shape[0]} pixels"
        raise HumanrigError(f"--mask {path} is {kind}; it must be a picture of the colour picture's {width}x{height}")
    if not (mask > 0).any():
        raise HumanrigError(f"--mask {path} is 0 everywhere; it must be above 0 where the person is")
    return np.asarray(mask > 0)
