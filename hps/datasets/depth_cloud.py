"""A person's cloud out of depth images and masks, as a protocol says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float

from geometry.camera import Camera
from geometry.coded_images import decode_image
from geometry.depth import decode_depth_mm, depth_to_points
from geometry.rigid import transform
from hps.datasets.protocol import CloudProtocol
from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud
from registration.clouds.edges import on_edge


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MaskedDepth:
    """What one depth camera saw, and where the person is in it."""

    depth_m: Float[np.ndarray, "_ _"]
    """Along the axis, NaN where missing; the whole image."""
    mask: Bool[np.ndarray, "_ _"]
    camera: Camera


def cloud_of(views: Sequence[MaskedDepth], protocol: CloudProtocol, up: Float[np.ndarray, "3"] | None) -> PersonCloud:
    """All points that the protocol keeps, in the frame that the cameras' poses lead to; maybe none.

    Raises HpsError when an image has another size than its camera or mask.
    """
    points, camera = [np.zeros((0, 3))], [np.zeros(0, np.int64)]
    for number, view in enumerate(views):
        found = transform(view.camera.T_world_camera, _points(view, protocol))
        points.append(found)
        camera.append(np.full(len(found), number, np.int64))
    return PersonCloud(
        points=np.concatenate(points),
        camera=np.concatenate(camera),
        origins=np.array([view.camera.center for view in views]).reshape(-1, 3),
        up=up,
    )


def _points(view: MaskedDepth, protocol: CloudProtocol) -> Float[np.ndarray, "points 3"]:
    depth, camera = view.depth_m, view.camera
    if depth.shape != view.mask.shape or depth.shape != (camera.height, camera.width):
        raise HpsError(
            f"camera '{camera.name}' is {camera.width}x{camera.height}, its depth image {depth.shape[1]}x"
            f"{depth.shape[0]} and its mask {view.mask.shape[1]}x{view.mask.shape[0]}; they do not belong together"
        )
    keep = eroded(view.mask, protocol.erode_px)
    with np.errstate(invalid="ignore"):
        keep = keep & (depth > protocol.near_m) & (depth <= protocol.far_m)
    if protocol.flying_m is not None:
        keep = keep & ~on_edge(depth, protocol.flying_m)
    found = depth_to_points(np.where(keep, depth, np.nan), camera)[keep]
    return found[np.isfinite(found).all(1)]


def eroded(mask: Bool[np.ndarray, "rows columns"], by_px: int) -> Bool[np.ndarray, "rows columns"]:
    """The pixels whose square neighbourhood lies in the mask; the image's frame is no outline."""
    if not by_px:
        return mask
    kernel = np.ones((2 * by_px + 1, 2 * by_px + 1), np.uint8)
    return cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1).astype(bool)


def read_depth_png(path: Path) -> Float[np.ndarray, "rows columns"]:
    """Metres, NaN where missing, of 16-bit millimetres. Raises HpsError for a missing, damaged or other file."""
    image = _read(path, "depth image")
    if image.dtype != np.uint16 or image.ndim != 2:
        raise HpsError(f"{path} is {image.dtype} of shape {image.shape}; depth is 16-bit millimetres with one channel")
    return decode_depth_mm(image)


def read_mask_png(path: Path) -> Bool[np.ndarray, "rows columns"]:
    """True where a mask, or an alpha matte, is at least half as bright as it can be (1 or 255).

    Raises HpsError for a missing or damaged file.
    """
    image = _read(path, "mask")
    flat = image if image.ndim == 2 else image.max(-1)
    return flat >= (1 if flat.max(initial=0) <= 1 else 128)


def _read(path: Path, what: str) -> np.ndarray:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HpsError(f"{path}: the {what} cannot be read ({error.strerror}); extract it again") from None
    image = decode_image(content, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise HpsError(f"{path}: the {what} is damaged; extract it again")
    return np.asarray(image)
