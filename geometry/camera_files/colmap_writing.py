"""COLMAP's sparse model as text, of cameras without points (COLMAP, "Output Format")."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from geometry.camera import Camera
from geometry.camera_files.cameras_json import OTHER_WORLD, WORLD
from geometry.camera_files.writing import write_text

_DIRECTION = "# p_camera = R(q) p_world + t, q = qw qx qy qz; metres; OpenCV axes: x right, y down, z forward"


def write_colmap(folder: Path | str, cameras: Mapping[str, Camera], *, is_upright: bool = True) -> None:
    """Writes cameras.txt, images.txt and an empty points3D.txt: one image `STREAM.jpg` for each camera.

    The lens is PINHOLE, OPENCV or FULL_OPENCV, the smallest that holds it. Pixels count from the first one's corner.
    """
    world = f"# world: {WORLD if is_upright else OTHER_WORLD}"
    lenses = ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]", "# the centre of the first pixel is (0.5, 0.5)"]
    images = ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of points, here empty", _DIRECTION, world]
    for index, camera in enumerate(cameras.values(), 1):
        model, lens = _lens(camera.distortion)
        K = camera.K
        parameters = _numbers([K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5, *lens])
        lenses.append(f"{index} {model} {camera.width} {camera.height} {parameters}")
        T = camera.T_camera_world
        wxyz = Rotation.from_matrix(T[:3, :3]).as_quat(scalar_first=True)
        images += [f"{index} {_numbers([*wxyz, *T[:3, 3]])} {index} {camera.name}.jpg", ""]
    for name, lines in (("cameras", lenses), ("images", images), ("points3D", ["# no points"])):
        write_text(Path(folder) / f"{name}.txt", "\n".join(lines) + "\n")


def _lens(distortion: np.ndarray) -> tuple[str, np.ndarray]:
    if not distortion.any():
        return "PINHOLE", distortion[:0]
    return ("FULL_OPENCV", distortion) if distortion[4:].any() else ("OPENCV", distortion[:4])


def _numbers(values: list[float]) -> str:
    return " ".join(repr(float(value)) for value in values)
