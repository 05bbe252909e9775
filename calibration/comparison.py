"""Two calibrations of one rig side by side: how far each camera is off once their worlds are laid upon each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from calibration.errors import CalibrationError
from calibration.rig import RigCalibration
from geometry.camera import Camera
from geometry.rigid import rigid

_PIXELS = (17, 13)
"""Across and down: where two lenses are compared."""
SAME_LINE_M = 1e-3
"""Camera centres nearer than this to one line leave the turn about it to the cameras' own rotations."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CameraDifference:
    """What is between two calibrations of one camera, after the alignment."""

    name: str
    """In the first calibration."""
    other_name: str
    """In the second."""
    center_mm: float
    rotation_deg: float
    focal_percent: float
    """Second less first, mean of fx and fy."""
    principal_px: float
    """Distance of the principal points."""
    lens_px: float
    """Root mean square, over the image, between where the two lenses put a ray; NaN where sizes differ in shape."""
    moved_mm: Float[np.ndarray, "3"]
    """Centre in the first less the aligned second, along the first's axes."""
    sigma_mm: float
    """Root of the squared distance of the centres that the stated covariances lead to expect; NaN where none is."""
    normalized: float
    """Squared Mahalanobis distance of its six numbers, over how many of them are determined: about 1 where the stated
    covariances are right; NaN where none is."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Comparison:
    """Two calibrations after the best rigid alignment of their camera centres, without scale."""

    cameras: tuple[CameraDifference, ...]
    T_a_b: Float[np.ndarray, "4 4"]
    """Takes the second's world to the first's."""
    scale: float
    """How much larger the second's rig is than the first's: told, never taken off. NaN with one camera."""
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    """Cameras that one of them alone has."""
    held: bool
    """True where the centres do not determine the alignment, and the cameras' rotations had to."""

    @property
    def pooled(self) -> float:
        """Squared distances of the centres over what the covariances expect, both summed over the cameras; NaN where
        no covariance is stated."""
        known = [camera for camera in self.cameras if np.isfinite(camera.sigma_mm)]
        expected = sum(camera.sigma_mm**2 for camera in known)
        return float(sum(camera.center_mm**2 for camera in known) / expected) if expected > 0 else float("nan")

    @property
    def center_mm(self) -> Float[np.ndarray, "cameras"]:
        """Of each camera."""
        return np.array([camera.center_mm for camera in self.cameras])

    @property
    def rotation_deg(self) -> Float[np.ndarray, "cameras"]:
        """Of each camera."""
        return np.array([camera.rotation_deg for camera in self.cameras])

    def values(self) -> dict[str, Any]:
        """Figures for JSON; None for what is not known."""

        def known(value: float) -> float | None:
            return float(value) if np.isfinite(value) else None

        return {
            "cameras": [
                {
                    "name": c.name,
                    "other_name": c.other_name,
                    "center_mm": c.center_mm,
                    "moved_mm": c.moved_mm.tolist(),
                    "rotation_deg": c.rotation_deg,
                    "focal_percent": c.focal_percent,
                    "principal_px": c.principal_px,
                    "lens_px": known(c.lens_px),
                    "sigma_mm": known(c.sigma_mm),
                    "squared_error_over_variance": known(c.normalized),
                }
                for c in self.cameras
            ],
            "center_mm_mean": float(self.center_mm.mean()),
            "center_mm_max": float(self.center_mm.max()),
            "rotation_deg_max": float(self.rotation_deg.max()),
            "pooled_squared_error_over_variance": known(self.pooled),
            "scale": known(self.scale),
            "T_a_b": self.T_a_b.tolist(),
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
        }


def compare(a: RigCalibration, b: RigCalibration) -> Comparison:
    """What is between two calibrations of one rig.

    Names match where they are equal, else where they differ in case and punctuation, else where only the kind is
    missing (`cam01` and `cam01/color`). Raises CalibrationError when no camera is in both, or a name fits two.
    """
    pairs = matched_names(a.cameras, b.cameras)
    if not pairs:
        raise CalibrationError(
            f"no camera is in both calibrations: {', '.join(sorted(a.cameras))} and {', '.join(sorted(b.cameras))}; "
            "rename the cameras of one"
        )
    first, second = [a.cameras[n] for n, _ in pairs], [b.cameras[n] for _, n in pairs]
    T_a_b, held = _alignment(first, second)
    moved = [camera.at(T_a_b @ camera.T_world_camera) for camera in second]
    covariance = _expected(a, b, pairs, T_a_b)
    differences = tuple(
        _difference(pair, camera, aligned, covariance.get(pair[0]))
        for pair, camera, aligned in zip(pairs, first, moved)
    )
    return Comparison(
        cameras=differences,
        T_a_b=T_a_b,
        scale=_spread(second) / _spread(first) if len(pairs) > 1 and _spread(first) > 0 else float("nan"),
        only_a=tuple(sorted(a.cameras.keys() - {name for name, _ in pairs})),
        only_b=tuple(sorted(b.cameras.keys() - {name for _, name in pairs})),
        held=held,
    )


def matched_names(a: Mapping[str, Camera], b: Mapping[str, Camera]) -> list[tuple[str, str]]:
    """Pairs of names that mean one camera, in the order of `a`. Raises CalibrationError where a name fits two."""
    pairs = {name: name for name in a if name in b}
    for key in (_plain, _without_kind):
        left: dict[str, list[str]] = {}
        for name in b.keys() - set(pairs.values()):
            left.setdefault(key(name), []).append(name)
        for name in a.keys() - pairs.keys():
            found = left.get(key(name), [])
            rivals = [other for other in a.keys() - pairs.keys() if key(other) == key(name)]
            if len(found) > 1 or (found and len(rivals) > 1):
                several = ", ".join(sorted(found if len(found) > 1 else rivals))
                raise CalibrationError(
                    f"camera '{name}' may be any of {several}; rename the cameras of one calibration"
                )
            if found:
                pairs[name] = found[0]
    return [(name, pairs[name]) for name in a if name in pairs]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _without_kind(name: str) -> str:
    return _plain(name.removesuffix("/color"))


def _alignment(first: list[Camera], second: list[Camera]) -> tuple[Float[np.ndarray, "4 4"], bool]:
    """The rigid T_a_b of the least squared distances of centres (Kabsch; Umeyama 1991 without scale).

    Centres on a line leave a turn open, which the cameras' axes then settle.
    """
    centers_a, centers_b = (np.stack([camera.center for camera in cameras]) for cameras in (first, second))
    middle_a, middle_b = centers_a.mean(0), centers_b.mean(0)
    spread = np.linalg.svd(centers_a - middle_a, compute_uv=False)
    on_a_line = bool(len(first) < 3 or spread[1] / np.sqrt(len(first)) < SAME_LINE_M)
    H = (centers_a - middle_a).T @ (centers_b - middle_b)
    if on_a_line:
        for camera_a, camera_b in zip(first, second):
            arm = max(float(spread[0]), 1.0) / np.sqrt(len(first))
            H = H + arm**2 * camera_a.T_world_camera[:3, :3] @ camera_b.T_world_camera[:3, :3].T
    U, _, Vt = np.linalg.svd(H)
    R = U @ np.diag([1.0, 1.0, np.linalg.det(U) * np.linalg.det(Vt)]) @ Vt
    return rigid(R, middle_a - R @ middle_b), on_a_line


def _spread(cameras: list[Camera]) -> float:
    centers = np.stack([camera.center for camera in cameras])
    return float(np.sqrt(((centers - centers.mean(0)) ** 2).sum(-1).mean()))


def _expected(
    a: RigCalibration, b: RigCalibration, pairs: list[tuple[str, str]], T_a_b: Float[np.ndarray, "4 4"]
) -> dict[str, Float[np.ndarray, "6 6"]]:
    """For each camera the covariance of the difference, by its name in `a`: the sum of those that are stated."""
    sums: dict[str, Float[np.ndarray, "6 6"]] = {}
    turn = np.kron(np.diag([0.0, 1.0]), T_a_b[:3, :3]) + np.diag([1.0, 1, 1, 0, 0, 0])
    for rig, side, to_a in ((a, 0, np.eye(6)), (b, 1, turn)):
        if rig.covariance is None:
            continue
        known = {pair[side]: pair[0] for pair in pairs if pair[side] in rig.covariance.cameras}
        if len(known) < len(pairs):
            continue  # the alignment is by cameras of unknown certainty too
        aligned = rig.covariance.aligned(rig.cameras, using=tuple(known))
        for name, name_a in known.items():
            sums[name_a] = sums.get(name_a, np.zeros((6, 6))) + to_a @ aligned.of(name) @ to_a.T
    return sums


def _difference(
    pair: tuple[str, str], first: Camera, aligned: Camera, covariance: Float[np.ndarray, "6 6"] | None
) -> CameraDifference:
    moved = aligned.center - first.center
    turned = Rotation.from_matrix(first.T_world_camera[:3, :3].T @ aligned.T_world_camera[:3, :3]).as_rotvec()
    same_shape = first.width * aligned.height == first.height * aligned.width
    lens = aligned.resized(first.width, first.height) if same_shape else aligned
    focal, other_focal = np.diag(first.K)[:2], np.diag(lens.K)[:2]
    return CameraDifference(
        name=pair[0],
        other_name=pair[1],
        center_mm=float(1000 * np.linalg.norm(moved)),
        rotation_deg=float(np.rad2deg(np.linalg.norm(turned))),
        focal_percent=float(100 * (other_focal / focal - 1).mean()),
        principal_px=float(np.linalg.norm(lens.K[:2, 2] - first.K[:2, 2])),
        lens_px=_lens_px(first, lens) if same_shape else float("nan"),
        moved_mm=1000 * moved,
        sigma_mm=float("nan") if covariance is None else float(1000 * np.sqrt(np.trace(covariance[3:, 3:]))),
        normalized=float("nan") if covariance is None else _mahalanobis(np.concatenate([turned, moved]), covariance),
    )


def _mahalanobis(error: Float[np.ndarray, "6"], covariance: Float[np.ndarray, "6 6"]) -> float:
    """Squared, over how many directions are determined; each number in units of its own sigma, so that radians and
    metres compare."""
    sigma = np.sqrt(np.diag(covariance))
    if (sigma == 0).all():
        return float("nan")  # the only camera of an alignment
    unit = np.where(sigma > 0, sigma, 1.0)
    values, axes = np.linalg.eigh(covariance / np.outer(unit, unit))
    kept = values > 1e-9 * values[-1]
    along = axes.T @ (error / unit)
    return float((along[kept] ** 2 / values[kept]).mean())


def _lens_px(first: Camera, second: Camera) -> float:
    u, v = np.meshgrid(np.linspace(0, first.width - 1, _PIXELS[0]), np.linspace(0, first.height - 1, _PIXELS[1]))
    q = np.stack([u.ravel(), v.ravel()], -1)
    apart = ((second.project_camera(first.unproject(q, 1.0)) - q) ** 2).sum(-1)
    return float(np.sqrt(np.nanmean(apart))) if np.isfinite(apart).any() else float("nan")
