"""One person's cloud from a file: PLY, PCD, npz, or a depth image with its intrinsics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from geometry.camera import Camera
from geometry.cloud import PointCloud
from geometry.coded_images import decode_image
from geometry.depth import depth_to_points
from geometry.npz_files import DAMAGED, damage, read_npz
from geometry.pcd_files import read_pcd_cloud
from geometry.ply_files import read_ply_cloud
from geometry.rigid import inverse, rotate
from hps.points.cloud_checks import UNITS
from hps.points.person_cloud import PersonCloud
from humanrig.errors import HumanrigError
from humanrig.estimating.depth_image import read_depth_image

ENDINGS: Final = (".ply", ".pcd", ".npz", ".png")


NPZ_SHAPES: Final[dict[str, tuple[tuple[int | None, ...], str]]] = {
    "points": ((None, 3), "N x 3"),
    "camera": ((None,), "N: which camera saw each point"),
    "origins": ((None, 3), "cameras x 3"),
    "up": ((3,), "3: the direction against gravity"),
    "T_world_camera": ((None, 4, 4), "cameras x 4 x 4"),
}
"""Arrays of an .npz cloud, None where a size is free."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileOptions:
    """What a file does not say of itself."""

    unit: str = "m"
    """m, cm or mm."""
    up: tuple[float, float, float] | None = None
    """Against gravity, in the file's frame."""
    origin: tuple[float, float, float] | None = None
    """Where the camera stood, in the file's frame and unit; None: at 0 0 0 of a file without --up, else not known."""
    K: tuple[float, float, float, float] | None = None
    """fx fy cx cy of a depth image, pixels."""
    mask: Path | None = None
    """Of a depth image: a picture of its size, above 0 where the person is."""


def is_cloud_file(path: Path) -> bool:
    """Whether the name is one of a cloud or a depth image."""
    return path.suffix.lower() in ENDINGS


def read_cloud_file(path: Path, options: FileOptions) -> tuple[PersonCloud, list[str]]:
    """The cloud in metres, and what is to be said of it.

    Raises HumanrigError for a file that is none, and for options that are missing; GeometryError for a damaged one.
    """
    if not path.is_file():
        raise HumanrigError(f"there is no file {path}; give a cloud ({', '.join(ENDINGS)}) or a session's folder")
    ending = path.suffix.lower()
    if options.K is not None and ending != ".png":
        raise HumanrigError(f"--K is for depth images, {path.name} is a cloud; leave it out")
    if options.mask is not None and ending != ".png":
        raise HumanrigError(f"--mask is for depth images, {path.name} is a cloud; leave it out")
    if ending == ".png":
        return _depth_image(path, options), []
    if ending == ".npz":
        cloud, told = _npz(path, options), []
    elif ending == ".pcd":
        cloud, told = _pcd(path, options)
    else:
        cloud, told = _plain(read_ply_cloud(path), options), []
    scale = UNITS[options.unit]
    return PersonCloud(
        points=cloud.points * scale, camera=cloud.camera, origins=cloud.origins * scale, up=_up(options, cloud.up)
    ), told


def _pcd(path: Path, options: FileOptions) -> tuple[PersonCloud, list[str]]:
    """PCD writes NaN where a sensor measured nothing."""
    found = read_pcd_cloud(path)
    there = np.isfinite(found.points).all(1)
    told = (
        [] if there.all() else [f"{path.name}: {int((~there).sum())} of its points were not measured and are left out"]
    )
    return _plain(found[np.flatnonzero(there)], options), told


def _plain(cloud: PointCloud, options: FileOptions) -> PersonCloud:
    points = np.asarray(cloud.points, np.float64)
    origin = (0.0, 0.0, 0.0) if options.origin is None and options.up is None else options.origin
    if origin is None:
        return PersonCloud.of_points(points)
    return PersonCloud(points=points, camera=np.zeros(len(points), np.int64), origins=np.array([origin], np.float64))


def _npz(path: Path, options: FileOptions) -> PersonCloud:
    """Arrays `points`, and where there are any `camera`, `origins`, `up` (ours), or `T_world_camera` (synthesis)."""
    try:
        arrays: dict[str, Any] = dict(read_npz(path))
    except DAMAGED as error:
        raise HumanrigError(f"{path} cannot be read ({damage(error)}); export the cloud again") from None
    points = arrays.get("points")
    if points is None or points.ndim != 2 or points.shape[1] != 3:
        raise HumanrigError(f"{path} has no array 'points' of N x 3; it has {', '.join(arrays) or 'nothing'}")
    for name, (shape, words) in NPZ_SHAPES.items():
        _check_array(path, name, arrays, shape, words)
    up = np.asarray(arrays["up"], np.float64) if "up" in arrays else None
    plain = _plain(PointCloud(points=points.astype(np.float64)), options)
    if options.origin is None and "camera" in arrays:
        camera = arrays["camera"].astype(np.int64)
        if "origins" in arrays:
            return PersonCloud(points=plain.points, camera=camera, origins=arrays["origins"].astype(np.float64), up=up)
        if "T_world_camera" in arrays:
            return _synthetic(plain.points, camera, arrays["T_world_camera"].astype(np.float64))
    if up is not None and options.origin is None:
        return PersonCloud.of_points(plain.points, up=up)  # as with --up: any frame, the camera's place is not known
    return PersonCloud(points=plain.points, camera=plain.camera, origins=plain.origins, up=up)


def _check_array(path: Path, name: str, arrays: dict[str, Any], shape: tuple[int | None, ...], words: str) -> None:
    """Raises HumanrigError for numbers that are none, and for another shape than the array's."""
    if name not in arrays:
        return
    found = arrays[name]
    fits = found.ndim == len(shape) and all(own in (None, size) for own, size in zip(shape, found.shape))
    if not fits or found.dtype.kind not in "fiu":
        raise HumanrigError(
            f"{path}: array '{name}' is {found.dtype} of shape {found.shape}; it must be numbers, {words}"
        )


def _synthetic(points: np.ndarray, camera: np.ndarray, Ts: np.ndarray) -> PersonCloud:
    """A cloud of `humanrig synthesize`: in the camera's frame of one camera, in the z-up world of several."""
    up = np.array([0.0, 0.0, 1.0])
    if len(Ts) == 1:
        return PersonCloud.of_camera(points, up=rotate(inverse(Ts[0]), up))
    return PersonCloud(points=points, camera=camera, origins=Ts[:, :3, 3], up=up)


def _depth_image(path: Path, options: FileOptions) -> PersonCloud:
    if options.K is None:
        raise HumanrigError(f"{path.name} is a depth image; say its camera with --K FX FY CX CY, in pixels")
    depth = read_depth_image(path, "cm" if options.unit == "cm" else "mm")
    if options.mask is not None:
        depth = np.where(_mask(options.mask, depth.shape), depth, np.float32(np.nan))
    fx, fy, cx, cy = options.K
    if not np.isfinite(options.K).all() or fx <= 0 or fy <= 0:
        raise HumanrigError(f"--K {fx:g} {fy:g} {cx:g} {cy:g}: focal lengths must be above 0, in pixels")
    height, width = depth.shape
    camera = Camera(name=path.stem, K=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), width=width, height=height)
    points = depth_to_points(depth, camera)
    return PersonCloud.of_camera(points[np.isfinite(points).all(-1)], up=_up(options, None))


def _mask(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    import cv2

    if not path.is_file():
        raise HumanrigError(f"there is no file {path}, which --mask names; give a picture of the depth image's size")
    mask = decode_image(path.read_bytes(), cv2.IMREAD_GRAYSCALE)
    if mask is None or mask.shape != shape:
        kind = "no picture" if mask is None else f"{mask.shape[1]}x{mask.shape[0]} pixels"
        raise HumanrigError(f"--mask {path} is {kind}; it must be a picture of the depth image's {shape[1]}x{shape[0]}")
    return mask > 0


def _up(options: FileOptions, known: np.ndarray | None) -> np.ndarray | None:
    if options.up is None:
        return known
    up = np.asarray(options.up, np.float64)
    if not np.isfinite(up).all() or np.linalg.norm(up) < 1e-6:
        raise HumanrigError(f"--up {' '.join(map(str, options.up))} points nowhere; give a direction such as 0 0 1")
    return up / np.linalg.norm(up)
