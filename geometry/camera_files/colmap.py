"""COLMAP's sparse models, text and binary: cameras.{txt,bin} and images.{txt,bin} (COLMAP, "Output Format").

An image's quaternion (wxyz) and translation take world coordinates to the camera's (OpenCV axes). Pixels count from
the corner of the first pixel, ours from its centre. A model's length unit is its own unless it was aligned.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from geometry.camera import Camera
from geometry.camera_files.cameras_json import WORLD, CameraFile
from geometry.camera_files.reading import check_unit, stream_name
from geometry.errors import GeometryError
from geometry.rigid import inverse, rigid

DIRECTION = "COLMAP's poses taken as world to camera, the model's length unit as metres"
SUPPORTED = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV")
_MODELS = {
    0: "SIMPLE_PINHOLE", 1: "PINHOLE", 2: "SIMPLE_RADIAL", 3: "RADIAL", 4: "OPENCV", 5: "OPENCV_FISHEYE",
    6: "FULL_OPENCV", 7: "FOV", 8: "SIMPLE_RADIAL_FISHEYE", 9: "RADIAL_FISHEYE", 10: "THIN_PRISM_FISHEYE",
}  # fmt: skip
_PARAMETERS = {"SIMPLE_PINHOLE": 3, "PINHOLE": 4, "SIMPLE_RADIAL": 4, "RADIAL": 5, "OPENCV": 8, "FULL_OPENCV": 12}


def colmap_folder(folder: Path) -> Path | None:
    """Where a COLMAP model lies in a folder: itself, `sparse/0`, `sparse` or `colmap`; None where there is none."""
    for place in (folder, folder / "sparse" / "0", folder / "sparse", folder / "colmap"):
        if any((place / f"cameras{end}").is_file() and (place / f"images{end}").is_file() for end in (".bin", ".txt")):
            return place
    return None


def read_colmap_images(folder: Path | str) -> dict[str, Camera]:
    """The camera of each image, by the image's name in the model; the binary files count where both are there.

    Raises GeometryError when files are missing or damaged, and on lens models other than SUPPORTED.
    """
    folder = Path(folder)
    binary = (folder / "cameras.bin").is_file()
    end = ".bin" if binary else ".txt"
    try:
        raw = [(folder / f"{name}{end}").read_bytes() for name in ("cameras", "images")]
    except OSError as error:
        raise GeometryError(f"{folder}: cannot read the COLMAP model ({error.strerror}); copy it again") from error
    try:
        lenses = (_binary_cameras if binary else _text_cameras)(raw[0])
        poses = (_binary_images if binary else _text_images)(raw[1])
    except (struct.error, ValueError, IndexError, KeyError, OverflowError) as error:
        raise GeometryError(f"{folder}: the COLMAP model is damaged ({error}); export it again") from error
    cameras = {}
    for name, (camera_id, T_camera_world) in poses.items():
        if camera_id not in lenses:
            raise GeometryError(f"{folder}: image '{name}' is of camera {camera_id}, which cameras{end} lacks")
        model, width, height, parameters = lenses[camera_id]
        lens = _lens(name, model, width, height, parameters, str(folder))
        cameras[name] = replace(lens, T_world_camera=inverse(T_camera_world))
    if not cameras:
        raise GeometryError(f"{folder}: the COLMAP model has no image; export it again")
    return cameras


def read_colmap_file(path: Path | str, unit_m: float | None = None) -> CameraFile:
    """The cameras of a fixed rig, one image each, by the stream that the image's name means: `kinect_000/color.jpg` is
    `kinect_000/color`, `cam01/000000.jpg` and `cam01.jpg` are `cam01/color`.

    Raises GeometryError as `read_colmap_images` does, when two images are of one camera, and when the places cannot be
    metres. `unit_m` is the model's unit in metres.
    """
    folder = colmap_folder(Path(path))
    if folder is None:
        raise GeometryError(f"{path}: no COLMAP model (cameras and images, .txt or .bin) there; export it again")
    cameras: dict[str, Camera] = {}
    for image, camera in sorted(read_colmap_images(folder).items()):
        written = PurePosixPath(image.replace("\\", "/"))
        is_frame = written.stem.isdigit() and len(written.parts) > 1
        name = stream_name(str(written.parent if is_frame else written.with_suffix("")))
        if name in cameras:
            raise GeometryError(f"{folder}: several images are of {name}; a rig has one for each camera, as it stands")
        T = camera.T_world_camera
        cameras[name] = replace(camera, name=name, T_world_camera=rigid(T[:3, :3], T[:3, 3] * (unit_m or 1.0)))
    check_unit(cameras, folder)
    text = (folder / "images.txt").read_text("utf-8") if (folder / "images.txt").is_file() else ""
    return CameraFile(
        cameras=cameras,
        unplaced=frozenset(),
        source=f"COLMAP: {folder.name}",
        is_upright=f"# world: {WORLD}" in text,
    )


def _lens(name: str, model: str, width: int, height: int, p: list[float], place: str) -> Camera:
    if model not in SUPPORTED:
        raise GeometryError(f"{place}: lens model {model} is not supported, only {', '.join(SUPPORTED)}; undistort it")
    if len(p) != _PARAMETERS[model]:
        raise GeometryError(f"{place}: {model} has {len(p)} parameters, {_PARAMETERS[model]} expected")
    one = model.startswith("SIMPLE") or model == "RADIAL"
    fx, fy, cx, cy = (p[0], p[0], p[1], p[2]) if one else p[:4]
    rest = p[3:] if one else p[4:]
    distortion = np.zeros(8)
    distortion[: len(rest)] = rest
    K = np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]])
    return Camera(name=name, K=K, width=width, height=height, distortion=distortion)


_Lens = tuple[str, int, int, list[float]]
_Pose = tuple[int, Float[np.ndarray, "4 4"]]


def _pose(camera_id: int, wxyz: list[float], t: list[float]) -> _Pose:
    R = Rotation.from_quat(np.array(wxyz), scalar_first=True).as_matrix()
    return camera_id, rigid(R, np.array(t))


def _text_cameras(raw: bytes) -> dict[int, _Lens]:
    lenses = {}
    for line in raw.decode().splitlines():
        if line.strip() and not line.startswith("#"):
            number, model, width, height, *parameters = line.split()
            lenses[int(number)] = (model, int(width), int(height), [float(value) for value in parameters])
    return lenses


def _text_images(raw: bytes) -> dict[str, _Pose]:
    """Two lines an image; the second, its points, may be empty."""
    lines = [line for line in raw.decode().splitlines() if not line.startswith("#")]
    poses = {}
    for line in lines[::2]:
        if not line.strip():
            continue
        _, *values, camera_id, name = line.split(maxsplit=9)
        numbers = [float(value) for value in values]
        poses[name] = _pose(int(camera_id), numbers[:4], numbers[4:7])
    return poses


def _binary_cameras(raw: bytes) -> dict[int, _Lens]:
    (count,), at = struct.unpack_from("<Q", raw), 8
    lenses = {}
    for _ in range(count):
        number, model, width, height = struct.unpack_from("<iiQQ", raw, at)
        at += 24
        name = _MODELS[model]
        parameters = _PARAMETERS.get(name)
        if parameters is None:
            raise ValueError(f"lens model {name} is not supported")
        lenses[number] = (name, width, height, list(struct.unpack_from(f"<{parameters}d", raw, at)))
        at += 8 * parameters
    return lenses


def _binary_images(raw: bytes) -> dict[str, _Pose]:
    (count,), at = struct.unpack_from("<Q", raw), 8
    poses = {}
    for _ in range(count):
        _, *values, camera_id = struct.unpack_from("<I7di", raw, at)
        at += 64
        end = raw.index(b"\0", at)
        name = raw[at:end].decode()
        (points,) = struct.unpack_from("<Q", raw, end + 1)
        at = end + 9 + 24 * points
        poses[name] = _pose(camera_id, list(values[:4]), list(values[4:7]))
    return poses
