"""Qualisys camera calibrations (`.qca.txt`, XML) of video cameras.

Lengths are millimetres and image quantities 1/64 pixel in the file; its camera has y up and looks along -z, here turned
once to OpenCV axes. Its world is kept as it is (Qualisys calibrates with z up). The convention was verified by
projecting points of known position into the images of a published recording (Pose2Sim's demo).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from geometry.camera import Camera
from geometry.camera_files.reading import file_bytes, numbers
from geometry.errors import GeometryError
from geometry.rigid import rigid

_OPENCV_FROM_QUALISYS = np.diag([1.0, -1.0, -1.0])
_SUBPIXELS = 64.0


def read_qualisys(path: Path | str) -> dict[str, Camera]:
    """Cameras by stream name `SERIAL/color`, for the image size they were calibrated at (the file's `fov_video`).

    Raises GeometryError on a file that is cut off or not a Qualisys calibration, on missing or non-finite numbers, on
    a skew, and on a view that Qualisys shows rotated, which this reader does not undo.
    """
    try:
        root = ET.fromstring(file_bytes(path))
    except ET.ParseError as error:
        raise GeometryError(f"{path}: not a complete Qualisys XML file ({error}); export it again") from error
    cameras = [_camera(element, str(path)) for element in root.iter("camera")]
    if not cameras:
        raise GeometryError(f"{path}: holds no <camera>; export the calibration from Qualisys again")
    if len(by_name := {camera.name: camera for camera in cameras}) < len(cameras):
        raise GeometryError(f"{path}: two cameras have one serial; rename one")
    return by_name


def _camera(element: ET.Element, path: str) -> Camera:
    serial = element.get("serial")
    if not serial:
        raise GeometryError(f"{path}: a <camera> has no serial; export the calibration again")
    place = f"{path}: camera '{serial}'"
    if (rotated := element.get("viewrotation", "0")) != "0":
        raise GeometryError(f"{place}: viewrotation {rotated} is not supported; export it unrotated")

    def value(tag: str, key: str) -> float:
        child = element.find(tag)
        if child is None:
            raise GeometryError(f"{place}: <{tag}> is missing")
        return float(numbers(child.attrib, key, (), place))

    if value("intrinsic", "skew") != 0:
        raise GeometryError(f"{place}: a skew of the pixels is not supported; calibrate again without it")
    left, top = value("fov_video", "left"), value("fov_video", "top")
    K = np.eye(3)
    K[0, 0], K[1, 1] = value("intrinsic", "focalLengthU") / _SUBPIXELS, value("intrinsic", "focalLengthV") / _SUBPIXELS
    K[0, 2] = value("intrinsic", "centerPointU") / _SUBPIXELS - left
    K[1, 2] = value("intrinsic", "centerPointV") / _SUBPIXELS - top
    k1, k2, k3 = (value("intrinsic", f"radialDistortion{i}") for i in (1, 2, 3))
    t1, t2 = (value("intrinsic", f"tangentalDistortion{i}") for i in (1, 2))
    R_camera_world = _OPENCV_FROM_QUALISYS @ np.array([[value("transform", f"r{i}{j}") for j in "123"] for i in "123"])
    return Camera(
        name=f"{serial}/color",
        K=K,
        width=int(value("fov_video", "right") - left) + 1,
        height=int(value("fov_video", "bottom") - top) + 1,
        distortion=np.array([k1, k2, -t1, -t2, k3, 0, 0, 0]),
        T_world_camera=rigid(R_camera_world.T, np.array([value("transform", axis) for axis in "xyz"]) / 1000),
    )
