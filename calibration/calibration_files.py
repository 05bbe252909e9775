"""A solved rig in `cameras.json`: covariance, floor, corrections and verdicts as further keys beside the cameras.

The file stays the one of `geometry.camera_files.cameras_json`, so that whoever reads cameras alone reads this too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from calibration.color_correction import ColorCorrection
from calibration.depth_correction import DepthCorrection
from calibration.errors import CalibrationError
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration, Verdict
from geometry.camera_files.cameras_json import CameraFile, write_cameras
from geometry.camera_files.reading import numbers, part
from geometry.errors import GeometryError

FLOOR = "nx ny nz d: n . p_world + d = 0, n points up, metres"
COVARIANCE = (
    "six numbers (w, c) of each camera: R_world_camera Exp(w), w in its own axes, radians; "
    "center + c along the world's axes, metres"
)
DEPTH = "measured = z + bias_m + scale * z + slow(z); metres along the optical axis"
COLOR = "rig = matrix @ camera, linear RGB"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Further:
    """What a camera file holds beside its cameras; empty where it was not written by a rig calibration."""

    floor: Float[np.ndarray, "4"] | None = None
    covariance: PoseCovariance | None = None
    depth_corrections: dict[str, DepthCorrection] = field(default_factory=dict)
    color_corrections: dict[str, ColorCorrection] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()


def write_rig(path: Path | str, rig: RigCalibration, *, is_upright: bool = True) -> None:
    """Writes all fields of a rig calibration. Raises GeometryError when a value is not finite."""
    extra: dict[str, Any] = {}
    if not np.array_equal(rig.floor, [0, 0, 1, 0]):
        extra["floor"], extra["floor_order"] = _listed(rig.floor), FLOOR
    if rig.verdicts:
        extra["verdicts"] = [{"subject": v.subject, "good": bool(v.good), "text": v.text} for v in rig.verdicts]
    if rig.covariance is not None:
        extra["covariance"] = {
            "order": COVARIANCE,
            "gauge": rig.covariance.gauge,
            "cameras": list(rig.covariance.cameras),
            "matrix": _listed(rig.covariance.matrix),
        }
    camera_extra = {name: _of_camera(rig, name) for name in rig.cameras}
    write_cameras(path, rig.cameras, source=rig.source, is_upright=is_upright, extra=extra, camera_extra=camera_extra)


def further(file: CameraFile, place: str) -> Further:
    """The further values of a camera file; `place` is its path, for errors.

    Raises GeometryError on a value that is cut off or of another form, CalibrationError on a covariance of cameras that
    the file does not hold, or that is no covariance.
    """
    extra = file.extra
    floor = numbers(extra, "floor", (4,), place) if "floor" in extra else None
    depth = {n: e["depth_correction"] for n, e in file.camera_extra.items() if "depth_correction" in e}
    color = {n: e["color_correction"] for n, e in file.camera_extra.items() if "color_correction" in e}
    return Further(
        floor=floor,
        covariance=_covariance(extra["covariance"], file, f"{place}: covariance") if "covariance" in extra else None,
        depth_corrections={n: _depth_correction(e, f"{place}: {n}: depth_correction") for n, e in depth.items()},
        color_corrections={n: _color_correction(e, f"{place}: {n}: color_correction") for n, e in color.items()},
        notes={name: str(e["note"]) for name, e in file.camera_extra.items() if "note" in e},
        verdicts=tuple(
            Verdict(
                subject=str(part(entry, "subject", f"{place}: verdicts")),
                good=bool(part(entry, "good", f"{place}: verdicts")),
                text=str(part(entry, "text", f"{place}: verdicts")),
            )
            for entry in _list(extra, "verdicts", place)
        ),
    )


def _list(table: Mapping[str, Any], key: str, place: str) -> list[Any]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise CalibrationError(f"{place}: '{key}' must be a list, found {value!r}; calibrate again")
    return value


def rig_of(file: CameraFile, place: str) -> RigCalibration:
    """The placed cameras of a file with all that it says of them, unchecked: for looking at a calibration, not for
    building on it (`calibration.given`). Raises as `further` does, and CalibrationError when no camera has a place."""
    said = further(file, place)
    cameras = {name: camera for name, camera in file.cameras.items() if name not in file.unplaced}
    if not cameras:
        raise CalibrationError(f"{place}: no pose in the world for any of its cameras; calibrate the rig first")
    rig = RigCalibration(
        cameras=cameras,
        source=file.source,
        notes=said.notes,
        verdicts=said.verdicts,
        covariance=said.covariance and covariance_of(said.covariance, cameras),
        depth_corrections=said.depth_corrections,
        color_corrections=said.color_corrections,
    )
    return rig if said.floor is None else replace(rig, floor=said.floor)


def covariance_of(covariance: PoseCovariance, cameras: Mapping[str, Any]) -> PoseCovariance | None:
    """The joint covariance of those of its cameras that are among `cameras`; None where none is."""
    kept = [i for i, name in enumerate(covariance.cameras) if name in cameras]
    if not kept:
        return None
    rows = np.concatenate([np.arange(6 * i, 6 * i + 6) for i in kept])
    return PoseCovariance(
        cameras=tuple(covariance.cameras[i] for i in kept),
        matrix=covariance.matrix[np.ix_(rows, rows)],
        gauge=covariance.gauge,
    )


def _of_camera(rig: RigCalibration, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if note := rig.notes.get(name):
        entry["note"] = note
    if rig.covariance is not None and name in rig.covariance.cameras:
        sigma = np.sqrt(np.diag(rig.covariance.of(name)))
        entry["sigma_rotation_deg"] = (
            np.rad2deg(sigma[:3]).round(6).tolist()
        )  # for readers; `covariance` is what counts
        entry["sigma_center_mm"] = (1000 * sigma[3:]).round(4).tolist()
    if depth := rig.depth_corrections.get(name):
        entry["depth_correction"] = {
            "order": DEPTH,
            "bias_m": depth.bias_m,
            "scale": depth.scale,
            "slow_z_m": list(depth.slow_z_m),
            "slow_m": list(depth.slow_m),
            "sigma_m": _or_null(depth.sigma_m),
        }
    if color := rig.color_corrections.get(name):
        entry["color_correction"] = {"order": COLOR, "matrix": _listed(color.matrix), "rms": _or_null(color.rms)}
    return entry


def _covariance(entry: Any, file: CameraFile, place: str) -> PoseCovariance:
    _expect(entry, COVARIANCE, place)
    names = tuple(map(str, part(entry, "cameras", place)))
    if strange := sorted(set(names) - file.cameras.keys()):
        raise CalibrationError(f"{place} is of {', '.join(strange)}, which the file does not hold; calibrate again")
    matrix = numbers(entry, "matrix", (6 * len(names), 6 * len(names)), place)
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-15) or np.diag(matrix).min(initial=0) < 0:
        raise CalibrationError(f"{place}: its matrix is not symmetric, or has a negative variance; calibrate again")
    return PoseCovariance(cameras=names, matrix=matrix, gauge=str(part(entry, "gauge", place)))


def _depth_correction(entry: Any, place: str) -> DepthCorrection:
    _expect(entry, DEPTH, place)
    z, slow = (
        tuple(map(float, numbers(entry, key, (len(np.ravel(part(entry, key, place))),), place)))
        for key in ("slow_z_m", "slow_m")
    )
    if len(z) != len(slow) or any(b <= a for a, b in pairwise(z)):
        raise CalibrationError(f"{place}: slow_z_m must ascend and have as many numbers as slow_m; estimate it again")
    return DepthCorrection(
        bias_m=float(numbers(entry, "bias_m", (), place)),
        scale=float(numbers(entry, "scale", (), place)),
        slow_z_m=z,
        slow_m=slow,
        sigma_m=_or_nan(entry, "sigma_m", place),
    )


def _color_correction(entry: Any, place: str) -> ColorCorrection:
    _expect(entry, COLOR, place)
    return ColorCorrection(matrix=numbers(entry, "matrix", (3, 3), place), rms=_or_nan(entry, "rms", place))


def _expect(entry: Any, order: str, place: str) -> None:
    if (found := part(entry, "order", place)) != order:
        raise GeometryError(f"{place}: 'order' is {found!r}, expected {order!r}; calibrate again")


def _listed(array: np.ndarray) -> list[Any]:
    return np.asarray(array, np.float64).tolist()


def _or_null(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _or_nan(entry: Mapping[str, Any], key: str, place: str) -> float:
    return float("nan") if part(entry, key, place) is None else float(numbers(entry, key, (), place))
