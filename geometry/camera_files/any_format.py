"""A camera file of any format we know: told apart by what is in it, read into and written from our cameras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geometry.camera import Camera
from geometry.camera_files.aniposelib import read_aniposelib_file, write_aniposelib
from geometry.camera_files.azure_kinect_folder import is_kinect_calibration, read_kinects, write_kinects
from geometry.camera_files.cameras_json import CameraFile, read_camera_file, write_cameras
from geometry.camera_files.colmap import colmap_folder, read_colmap_file
from geometry.camera_files.colmap_writing import write_colmap
from geometry.camera_files.easymocap import easymocap_folder, read_easymocap, write_easymocap
from geometry.camera_files.humman import is_humman_content, read_humman_file, write_humman
from geometry.camera_files.kalibr import is_kalibr, read_kalibr, write_kalibr
from geometry.camera_files.opencv_yaml import is_opencv, read_opencv, write_opencv
from geometry.camera_files.qualisys import read_qualisys
from geometry.camera_files.reading import file_bytes
from geometry.camera_files.yaml_reading import read_yaml
from geometry.errors import GeometryError
from geometry.told_values import json_of


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOptions:
    """What a file may not say of itself."""

    unit_m: float | None = None
    """The file's unit in metres; None: what the file or its format states, else metres."""
    size: tuple[int, int] | None = None
    """Width and height of the images."""
    modes: tuple[str, str] | None = None
    """Colour and depth mode of Azure Kinects, such as `720P` and `NFOV_UNBINNED`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraFormat:
    """A tool's camera file."""

    title: str
    """What a user calls it."""
    ending: str
    """Of a file's name; empty where the format is a folder."""
    read: Callable[[Path, ReadOptions], CameraFile]
    write: Callable[[Path, CameraFile], tuple[str, ...]] | None
    """Writes a file's cameras and returns, in words, what the format could not hold; None: we only read it."""


def _qualisys(path: Path, options: ReadOptions) -> CameraFile:
    return CameraFile(cameras=read_qualisys(path), unplaced=frozenset(), source=f"Qualisys: {path.name}")


def _write_ours(path: Path, file: CameraFile) -> tuple[str, ...]:
    more = {"unplaced": file.unplaced, "is_upright": file.is_upright}
    write_cameras(path, file.cameras, source=file.source, extra=file.extra, camera_extra=file.camera_extra, **more)
    return ()


def _writing(
    write: Callable[..., tuple[str, ...] | None], *, bounds: bool = False
) -> Callable[[Path, CameraFile], tuple[str, ...]]:
    """A writer of placed cameras; `bounds` where the format holds `metric_radius`."""

    def written(path: Path, file: CameraFile) -> tuple[str, ...]:
        if file.unplaced:
            raise GeometryError(
                f"{path}: no pose in the world for {', '.join(sorted(file.unplaced))}, which this format cannot leave "
                "out; convert to cameras.json, or calibrate the rig first"
            )
        lost = write(path, file.cameras, is_upright=file.is_upright) or ()
        return (*lost, *_lost_extras(file), *([] if bounds else _lost_bounds(file)))

    return written


def _write_kinects(path: Path, file: CameraFile) -> tuple[str, ...]:
    return (*write_kinects(path, file.cameras), *_lost_extras(file))


FORMATS_BY_NAME: dict[str, CameraFormat] = {
    "humanrig": CameraFormat(
        title="cameras.json (ours)", ending=".json", read=lambda p, _: read_camera_file(p), write=_write_ours
    ),
    "humman": CameraFormat(
        title="cameras.json (HuMMan)",
        ending=".json",
        read=lambda p, o: read_humman_file(p, o.unit_m, o.size),
        write=_writing(write_humman),
    ),
    "aniposelib": CameraFormat(
        title=".toml (aniposelib)",
        ending=".toml",
        read=lambda p, o: read_aniposelib_file(p, o.unit_m),
        write=_writing(write_aniposelib, bounds=True),
    ),
    "opencv": CameraFormat(
        title=".yml (OpenCV)",
        ending=".yml",
        read=lambda p, o: read_opencv(p, o.unit_m, o.size),
        write=_writing(write_opencv, bounds=True),
    ),
    "colmap": CameraFormat(
        title="a folder with cameras.txt and images.txt (COLMAP)",
        ending="",
        read=lambda p, o: read_colmap_file(p, o.unit_m),
        write=_writing(write_colmap),
    ),
    "easymocap": CameraFormat(
        title="a folder with intri.yml and extri.yml (EasyMocap)",
        ending="",
        read=lambda p, o: read_easymocap(p, o.unit_m, o.size),
        write=_writing(write_easymocap),
    ),
    "kalibr": CameraFormat(
        title=".yaml (Kalibr camchain)",
        ending=".yaml",
        read=lambda p, o: read_kalibr(p, o.unit_m),
        write=_writing(write_kalibr),
    ),
    "azure-kinect": CameraFormat(
        title="a folder of DEVICE.json (Azure Kinect factory calibration)",
        ending="",
        read=lambda p, o: read_kinects(p, o.modes),
        write=_write_kinects,
    ),
    "qualisys": CameraFormat(title=".qca.txt (Qualisys)", ending=".qca.txt", read=_qualisys, write=None),
}
FORMATS = ", ".join(form.title for form in FORMATS_BY_NAME.values())


def read_any_cameras(path: Path | str) -> dict[str, Camera]:
    """Cameras by stream name, with poses in the file's world.

    Raises GeometryError on a file of no known format, as the format's own reader does, and on a camera without a pose.
    """
    file = read_any_camera_file(path)
    if file.unplaced:
        raise GeometryError(
            f"{path}: no pose in the world for {', '.join(sorted(file.unplaced))}; bring a calibration of the rig"
        )
    return file.cameras


def read_any_camera_file(path: Path | str, options: ReadOptions | None = None, format: str | None = None) -> CameraFile:
    """The same with all that the file says, cameras without a pose included. `format` is one of FORMATS_BY_NAME."""
    return FORMATS_BY_NAME[format or format_of(path)].read(Path(path), options or ReadOptions())


def format_of(path: Path | str) -> str:
    """The key in FORMATS_BY_NAME of a file or folder, by what is in it.

    Raises GeometryError when it is missing, empty or cut off, and when it is of no format that we know.
    """
    path = Path(path)
    if easymocap_folder(path):
        return "easymocap"
    if path.is_dir() or path.name in ("cameras.txt", "images.txt", "cameras.bin", "images.bin"):
        return _format_of_folder(path if path.is_dir() else path.parent)
    text = file_bytes(path).lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"{":
        return _format_of_json(path)
    if text[:1] == b"<":
        return "qualisys"
    if text[:1] == b"[" or path.suffix.lower() == ".toml":
        return "aniposelib"
    if path.suffix.lower() in (".yaml", ".yml") or text[:5] == b"%YAML":
        content = read_yaml(path)
        if is_kalibr(content):
            return "kalibr"
        if is_opencv(content):
            return "opencv"
    raise GeometryError(f"{path}: not a camera file we read; bring one of: {FORMATS}")


def _format_of_folder(folder: Path) -> str:
    if colmap_folder(folder):
        return "colmap"
    for file in sorted(folder.glob("*.json"))[:1]:
        if _format_of_json(file) == "azure-kinect":
            return "azure-kinect"
    raise GeometryError(f"{folder}: not a camera file we read; bring one of: {FORMATS}")


def _format_of_json(path: Path) -> str:
    try:
        content: Any = json_of(file_bytes(path).decode("utf-8-sig").rstrip("\0 \r\n"))
    except ValueError as error:
        raise GeometryError(f"{path}: not a complete JSON file ({error}); write it again") from error
    if is_kinect_calibration(content):
        return "azure-kinect"
    if is_humman_content(content):
        return "humman"
    if isinstance(content, dict) and str(content.get("class_name", "")).startswith("PinholeCamera"):
        raise GeometryError(f"{path}: Open3D's cameras have no names; import the recording that they belong to")
    return "humanrig"


def _lost_extras(file: CameraFile) -> list[str]:
    """What our own file holds beside the cameras, of interest to a user."""
    kinds = set(file.extra) | {key for extra in file.camera_extra.values() for key in extra}
    words = {
        "covariance": "how sure each camera is",
        "depth_correction": "the corrections of depth",
        "color_correction": "the corrections of colour",
        "floor": "the floor's plane",
    }
    return [text for key, text in words.items() if key in kinds]


def _lost_bounds(file: CameraFile) -> list[str]:
    bounded: Mapping[str, Camera] = {n: c for n, c in file.cameras.items() if c.metric_radius != float("inf")}
    return [f"how far from the axis the lens model holds ({', '.join(bounded)})"] if bounded else []
