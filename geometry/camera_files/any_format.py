"""A camera file of any format we read, told apart by its name."""

from __future__ import annotations

from pathlib import Path

from geometry.camera import Camera
from geometry.camera_files.aniposelib import read_aniposelib
from geometry.camera_files.cameras_json import CameraFile, read_camera_file, read_cameras
from geometry.camera_files.qualisys import read_qualisys
from geometry.errors import GeometryError

_READERS = {".json": read_cameras, ".toml": read_aniposelib, ".qca.txt": read_qualisys, ".xml": read_qualisys}
FORMATS = "cameras.json (ours), .toml (aniposelib), .qca.txt (Qualisys)"


def read_any_cameras(path: Path | str) -> dict[str, Camera]:
    """Cameras by stream name, with poses in the file's world. Raises GeometryError on an unknown ending, and as the
    format's own reader does."""
    for ending, reader in _READERS.items():
        if str(path).lower().endswith(ending):
            return reader(path)
    raise GeometryError(f"{path}: not a camera file we read; bring one of: {FORMATS}")


def read_any_camera_file(path: Path | str) -> CameraFile:
    """The same with what our own file says beside its cameras."""
    cameras = read_any_cameras(path)
    if str(path).lower().endswith(".json"):
        return read_camera_file(path)
    return CameraFile(cameras=cameras, unplaced=frozenset(), source=str(path))
