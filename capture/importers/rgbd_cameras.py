"""The camera file of a folder of RGB-D images, whatever tool wrote it, and which of its cameras belongs to a stream."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from capture.errors import CaptureError
from capture.importers.videos import find_calibration
from geometry.camera import Camera
from geometry.camera_files import colmap, humman, open3d_trajectory
from geometry.camera_files.any_format import read_any_cameras
from geometry.camera_files.cameras_json import read_camera_file
from geometry.rigid import inverse, rotation_angle

FORMATS = "our or HuMMan's cameras.json, Open3D's JSON, a COLMAP model (cameras.txt or .bin), aniposelib's .toml"
STILL_M, STILL_RADIANS = 0.02, 0.01
"""Poses of one camera's images may differ by this, the noise of a reconstruction; more, and the camera moved."""
ALIGNED = "depth taken as lying in the colour image's pixels where the file has one camera for both"

Sizes = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class RgbdCameras:
    """The cameras of all streams."""

    cameras: dict[str, Camera]
    unplaced: frozenset[str]
    source: str
    is_upright: bool
    """The file's world is taken as ours."""
    has_scale: bool = True
    """The file has a unit of length."""


def find_cameras(source: Path, given: Path | None) -> Path:
    """The camera file (of COLMAP, its folder): the given one, else the one in the folder.

    Raises CaptureError when there is none, or when there are several.
    """
    if given is not None:
        return given.parent if re.fullmatch(r"(cameras|images)\.(txt|bin)", given.name) else given
    model = colmap.colmap_folder(source)
    if (source / "cameras.json").is_file():
        return source / "cameras.json"
    if model is not None:
        return model
    files = sorted(path for path in source.glob("*.json") if open3d_trajectory.is_open3d_cameras(path))
    if len(files) > 1:
        raise CaptureError(f"{source} has several camera files ({files[0].name}, {files[1].name}); pass --calibration")
    found = files[0] if files else find_calibration(source)
    if found is None:
        raise CaptureError(f"{source} has no camera file; bring one with --calibration FILE: {FORMATS}")
    return found


def read_rgbd_cameras(path: Path, sizes: Sizes) -> RgbdCameras:
    """A camera for each stream in `sizes` (width, height by stream name).

    Raises CaptureError for a stream without a camera, a camera that moves, or a size that cannot be the camera's;
    GeometryError when the file cannot be read.
    """
    devices = sorted({name.rsplit("/", 1)[0] for name in sizes})
    if path.is_dir():
        found, text = _colmap(path, devices), f"{colmap.DIRECTION}; {ALIGNED}"
        return replace(_of(path, found, sizes, text), has_scale=False)
    if humman.is_humman_cameras(path):
        cameras = humman.read_humman_cameras(path, sizes)
        return RgbdCameras(
            cameras=cameras, unplaced=frozenset(), source=f"{path.name}: {humman.DIRECTION}", is_upright=False
        )
    if open3d_trajectory.is_open3d_cameras(path):
        found, placed = open3d_trajectory.read_open3d_cameras(path, [f"{name}/color" for name in devices])
        order = f"cameras in the order of the names ({', '.join(devices)})"
        return _of(path, found, sizes, f"{open3d_trajectory.DIRECTION}; {order}; {ALIGNED}", placed=placed)
    if path.suffix == ".json":
        ours = read_camera_file(path)
        made = _of(path, ours.cameras, sizes, f"{ours.source}; {ALIGNED}")
        lost = frozenset(name for name in made.cameras if _base(name, ours.cameras) in ours.unplaced)
        return replace(made, unplaced=lost, is_upright=True)
    return replace(_of(path, read_any_cameras(path), sizes, f"world as in that file; {ALIGNED}"), is_upright=True)


def _of(path: Path, found: Mapping[str, Camera], sizes: Sizes, text: str, placed: bool = True) -> RgbdCameras:
    cameras = {}
    for name, (width, height) in sizes.items():
        base = _base(name, found)
        if base is None:
            has = ", ".join(sorted(found)) or "none"
            raise CaptureError(f"{path} has no camera for {name}; it has {has}; name the folders like its cameras")
        cameras[name] = replace(_at_size(found[base], width, height, path, name), name=name)
    return RgbdCameras(
        cameras=cameras,
        unplaced=frozenset() if placed else frozenset(cameras),
        source=f"{path.name}: {text}",
        is_upright=False,
    )


def _base(name: str, found: Mapping[str, Camera]) -> str | None:
    """The file's camera for a stream: its own, or that of the device's other images."""
    device = name.rsplit("/", 1)[0]
    return next((n for n in (name, f"{device}/color", f"{device}/depth", device) if n in found), None)


def _at_size(camera: Camera, width: int, height: int, path: Path, name: str) -> Camera:
    if (camera.width, camera.height) == (width, height):
        return camera
    if abs(width * camera.height - height * camera.width) > 0.01 * width * camera.height:
        raise CaptureError(
            f"{name} is {width}x{height}, but its camera in {path} is {camera.width}x{camera.height}, another shape; "
            "bring the camera file of these images"
        )
    return camera.resized(width, height)


def _colmap(folder: Path, devices: Sequence[str]) -> dict[str, Camera]:
    """By `DEVICE/color` or `DEVICE/depth`: an image is of the device that a folder or the file in its name names."""
    by_stream: dict[str, dict[str, Camera]] = {}
    for image, camera in colmap.read_colmap_images(folder).items():
        path = PurePosixPath(image.replace("\\", "/"))
        words = (*path.parts[:-1], path.stem)
        named = [device for device in devices if device in words]
        if len(named) == 1 or len(devices) == 1:
            kind = "depth" if "depth" in words else "color"
            by_stream.setdefault(f"{(named or list(devices))[0]}/{kind}", {})[image] = camera
    for name, images in by_stream.items():
        (first, camera), *others = images.items()
        for image, other in others:
            T = inverse(camera.T_world_camera) @ other.T_world_camera
            if np.linalg.norm(T[:3, 3]) > STILL_M or rotation_angle(T) > STILL_RADIANS:
                raise CaptureError(
                    f"{folder}: camera {name.split('/')[0]} is at different places in {first} and {image}; a moving "
                    "camera is not supported; give each camera of a fixed rig a folder of its own"
                )
    return {name: next(iter(images.values())) for name, images in by_stream.items()}
