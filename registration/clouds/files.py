"""clouds/NNNNNN.npz: one fused cloud on disk, and the list of its cameras."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geometry.cloud import PointCloud
from geometry.npz_files import DAMAGED, damage, read_npz
from geometry.told_values import json_of
from registration.errors import RegistrationError

CAMERAS = "cameras.json"
DTYPES = {
    "points": np.float32,
    "normals": np.float32,
    "colors": np.uint8,
    "camera": np.uint8,
    "sigma": np.float32,
    "time_us": np.int64,
    "person": np.uint8,
}
OPTIONAL = {"person": 0}
"""Fields that files of one person alone may lack, and what they then are everywhere."""


def cloud_path(folder: Path, instant: int) -> Path:
    """Where the cloud of an instant lies."""
    return folder / f"{instant:06d}.npz"


def write_cloud(path: Path, cloud: PointCloud) -> None:
    """Writes all fields, real numbers as float32 (0.2 µm at 3 m). Raises RegistrationError if one is None."""
    fields = {name: getattr(cloud, name) for name in DTYPES}
    fields |= {name: np.full(len(cloud), value) for name, value in OPTIONAL.items() if fields[name] is None}
    missing = [name for name, values in fields.items() if values is None]
    if missing:
        raise RegistrationError(
            f"{path}: a cloud without {', '.join(missing)} cannot be stored; fuse it from depth views"
        )
    arrays: dict[str, Any] = {name: np.asarray(values, DTYPES[name]) for name, values in fields.items()}
    np.savez_compressed(path, **arrays)


def read_cloud(path: Path) -> PointCloud:
    """The cloud, points and normals in float64. Raises RegistrationError when the file is missing or damaged."""
    try:
        data = read_npz(path)
        arrays = {name: data[name] for name in DTYPES if name in data or name not in OPTIONAL}
        for name, value in OPTIONAL.items():
            arrays.setdefault(name, np.full(len(arrays["points"]), value, DTYPES[name]))
        wide = {name: arrays[name].astype(np.float64) for name in ("points", "normals", "sigma")}
    except FileNotFoundError:
        raise RegistrationError(f"{path} is missing; run the stage clouds for this instant") from None
    except DAMAGED as error:
        raise RegistrationError(f"{path} is not a cloud ({damage(error)}); run the stage clouds again") from None
    return PointCloud(**{**arrays, **wide})


def write_cloud_cameras(folder: Path, streams: Sequence[str]) -> None:
    """Writes the names that `PointCloud.camera` counts."""
    (folder / CAMERAS).write_text(json.dumps({"schema": 1, "cameras": list(streams)}, indent=1))


def read_cloud_cameras(folder: Path) -> list[str]:
    """The depth streams in the order of `PointCloud.camera`; empty for a session without depth.

    Raises RegistrationError when the file is missing or damaged.
    """
    path = folder / CAMERAS
    try:
        return [str(name) for name in json_of(path.read_text())["cameras"]]
    except FileNotFoundError:
        raise RegistrationError(f"{path} is missing; run the stage clouds") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RegistrationError(f"{path} is damaged ({damage(error)}); run the stage clouds again") from None
