"""A phone's placement on disk: one npz beside the rig's calibration."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from calibration.errors import CalibrationError
from calibration.phone.phone_path import PhonePath
from calibration.phone.placement import PhonePlacement
from calibration.rig import Verdict
from geometry.npz_files import DAMAGED, read_npz
from geometry.told_values import json_of

SCHEMA = 1
DIRECTION = "T_world_camera: p_world = T_world_camera @ p_camera; metres; camera x right, y down, z forward"
_SCALARS = ("time_offset_s", "time_offset_sigma_s", "sigma_scale")


def write_placement(path: Path, placement: PhonePlacement) -> None:
    """Writes the placement, whole or not at all."""
    described = {
        "schema": SCHEMA,
        "direction": DIRECTION,
        "name": placement.path.name,
        "width": placement.path.width,
        "height": placement.path.height,
        "verdicts": [asdict(verdict) for verdict in placement.verdicts],
        **{name: getattr(placement, name) for name in _SCALARS},
    }
    arrays = {f"path_{name}": getattr(placement.path, name) for name in _PATH}
    arrays |= {name: getattr(placement, name) for name in _ARRAYS}
    partial = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(partial, description=np.array(json.dumps(described)), **arrays)
    os.replace(partial, path)


def read_placement(path: Path) -> PhonePlacement:
    """What `write_placement` wrote. Raises CalibrationError for another file."""
    try:
        arrays = read_npz(path)
        described = json_of(str(arrays.pop("description")))
        if described["schema"] != SCHEMA:
            raise CalibrationError(
                f"{path} has schema {described['schema']}, {SCHEMA} can be read; calibrate the session again"
            )
        phone = PhonePath(
            name=described["name"],
            width=described["width"],
            height=described["height"],
            **{name: arrays[f"path_{name}"] for name in _PATH},
        )
        return PhonePlacement(
            path=phone,
            verdicts=tuple(Verdict(**verdict) for verdict in described["verdicts"]),
            **{name: arrays[name] for name in _ARRAYS},
            **{name: described[name] for name in _SCALARS},
        )
    except DAMAGED as error:
        raise CalibrationError(
            f"{path} is not the placement of a phone ({type(error).__name__}: {error}); calibrate the session again"
        ) from None


_PATH = tuple(f.name for f in fields(PhonePath) if f.name not in ("name", "width", "height"))
_ARRAYS = tuple(f.name for f in fields(PhonePlacement) if f.name not in ("path", "verdicts", *_SCALARS))
