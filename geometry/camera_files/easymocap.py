"""EasyMocap's intri.yml and extri.yml in one folder (EasyMocap, `mytools/camera_utils.py` and its documentation).

R (Rodrigues vector) and T take world to camera coordinates, OpenCV axes, metres by the documentation. Cameras are named
as the folders of their images.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from geometry.camera import Camera
from geometry.camera_files.cameras_json import OTHER_WORLD, WORLD, CameraFile
from geometry.camera_files.opencv_yaml import matrix_lines
from geometry.camera_files.reading import (
    add_camera,
    check_unit,
    file_name,
    lens_numbers,
    numbers,
    part,
    rotation,
    stream_name,
)
from geometry.camera_files.writing import write_text
from geometry.camera_files.yaml_reading import read_yaml
from geometry.errors import GeometryError
from geometry.rigid import inverse, rigid

INTRINSICS, PLACES = "intri.yml", "extri.yml"
_ABOUT = "# p_camera = Rot @ p_world + T; metres; OpenCV axes: x right, y down, z forward"


def easymocap_folder(path: Path | str) -> Path | None:
    """The folder of the two files, given it or one of them; None where they are not both there."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    named = Path(path).is_dir() or Path(path).name in (INTRINSICS, PLACES)
    return folder if named and all((folder / name).is_file() for name in (INTRINSICS, PLACES)) else None


def read_easymocap(path: Path | str, unit_m: float | None = None, size: tuple[int, int] | None = None) -> CameraFile:
    """The cameras of a folder (or of one of its two files); those that extri.yml lacks have no place in the world.

    `size` is the images' width and height where the file lacks `W_NAME` and `H_NAME`. Raises GeometryError when a file
    or a camera's part is missing or damaged, and when the places cannot be metres.
    """
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    lens_path, place_path = folder / INTRINSICS, folder / PLACES
    lenses, places = read_yaml(lens_path), read_yaml(place_path)
    names = part(lenses, "names", str(lens_path))
    if not isinstance(names, list) or not names:
        raise GeometryError(f"{lens_path}: 'names' lists no camera; export the calibration again")
    cameras: dict[str, Camera] = {}
    unplaced = set()
    for listed in names:
        name = _written(listed, lenses)
        distortion = lenses.get(f"dist_{name}", lenses.get(f"D_{name}"))
        T_camera_world = np.eye(4)
        if any(f"{key}_{name}" in places for key in ("R", "Rot", "T")):
            t = numbers(places, f"T_{name}", (3,), str(place_path)) * (1.0 if unit_m is None else unit_m)
            T_camera_world = rigid(_rotation(places, name, place_path), t)
        else:
            unplaced.add(stream_name(name))
        width, height = _size(lenses, name, size, lens_path)
        camera = Camera(
            name=stream_name(name),
            K=numbers(lenses, f"K_{name}", (3, 3), str(lens_path)),
            width=width,
            height=height,
            distortion=np.zeros(8) if distortion is None else lens_numbers(distortion, f"{lens_path}: dist_{name}"),
            T_world_camera=inverse(T_camera_world),
        )
        add_camera(cameras, camera, lens_path)
    check_unit({name: camera for name, camera in cameras.items() if name not in unplaced}, place_path)
    return CameraFile(
        cameras=cameras,
        unplaced=frozenset(unplaced),
        source=f"EasyMocap: {folder.name}",
        is_upright=WORLD in place_path.read_text("utf-8-sig"),
    )


def write_easymocap(folder: Path | str, cameras: Mapping[str, Camera], *, is_upright: bool = True) -> None:
    """Writes intri.yml and extri.yml; five distortion numbers where the lens has no more, as EasyMocap writes them."""
    about = f"{_ABOUT}; world: {WORLD if is_upright else OTHER_WORLD}"
    names = ["names:", *(f'  - "{file_name(name)}"' for name in cameras)]
    lenses, places = ["%YAML:1.0", "---", about, *names], ["%YAML:1.0", "---", about, *names]
    for stream, camera in cameras.items():
        name, T = file_name(stream), camera.T_camera_world
        lens = camera.distortion if camera.distortion[5:].any() else camera.distortion[:5]
        lenses += matrix_lines(f"K_{name}", camera.K) + matrix_lines(f"dist_{name}", lens[None])
        lenses += [f"H_{name}: {camera.height}", f"W_{name}: {camera.width}"]
        places += matrix_lines(f"R_{name}", Rotation.from_matrix(T[:3, :3]).as_rotvec()[:, None])
        places += matrix_lines(f"Rot_{name}", T[:3, :3]) + matrix_lines(f"T_{name}", T[:3, 3:])
    write_text(Path(folder) / INTRINSICS, "\n".join(lenses) + "\n")
    write_text(Path(folder) / PLACES, "\n".join(places) + "\n")


def _rotation(places: Mapping[str, Any], name: str, path: Path) -> np.ndarray:
    """The vector counts, as in EasyMocap's own reader; the matrix only where there is no vector."""
    if f"R_{name}" not in places and f"Rot_{name}" in places:
        return rotation(places, f"Rot_{name}", str(path))
    return Rotation.from_rotvec(numbers(places, f"R_{name}", (3,), str(path))).as_matrix()


def _written(listed: Any, lenses: Mapping[str, Any]) -> str:
    """A camera's name as its keys have it: of the number 1 also `01`."""
    if isinstance(listed, int):
        for key in lenses:
            if key.startswith("K_") and key[2:].isdigit() and int(key[2:]) == listed:
                return key[2:]
    return str(listed)


def _size(lenses: Mapping[str, Any], name: str, size: tuple[int, int] | None, path: Path) -> tuple[int, int]:
    if f"W_{name}" in lenses and f"H_{name}" in lenses:
        width, height = (int(numbers(lenses, f"{key}_{name}", (), str(path))) for key in "WH")
        return width, height
    if size is None:
        raise GeometryError(f"{path}: does not say the image's size (W_{name}, H_{name}); pass it: --size 1920x1080")
    return size
