"""How far a solved rig is from the truth, in millimetres and degrees, and whether it said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.pose_covariance import PoseCovariance
from geometry.camera import Camera


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """Errors after the rigid alignment of the centres of some cameras, without scale."""

    names: tuple[str, ...]
    center_mm: np.ndarray
    """(cameras,)"""
    rotation_deg: np.ndarray
    predicted_mm: np.ndarray
    """Root of the expected square of each centre's error; NaN where nobody predicted it."""
    predicted_deg: np.ndarray

    def of(self, kind: str) -> Score:
        """Only the cameras of a kind, `color` or `depth`."""
        own = np.array([name.endswith(f"/{kind}") for name in self.names])
        return Score(
            names=tuple(name for name, mine in zip(self.names, own) if mine),
            center_mm=self.center_mm[own],
            rotation_deg=self.rotation_deg[own],
            predicted_mm=self.predicted_mm[own],
            predicted_deg=self.predicted_deg[own],
        )


def score(
    solved: Mapping[str, Camera],
    truth: Mapping[str, Camera],
    using: Sequence[str],
    covariance: PoseCovariance | None = None,
) -> Score:
    """Of the cameras that were solved; the centres of those in `using` are aligned."""
    names = tuple(name for name in truth if name in solved)
    chosen = [name for name in using if name in solved]
    a = np.array([solved[name].center for name in chosen])
    b = np.array([truth[name].center for name in chosen])
    turn = Rotation.align_vectors(b - b.mean(0), a - a.mean(0))[0].as_matrix()
    centers, angles = [], []
    for name in names:
        centers.append(turn @ (solved[name].center - a.mean(0)) - (truth[name].center - b.mean(0)))
        R = truth[name].T_world_camera[:3, :3].T @ turn @ solved[name].T_world_camera[:3, :3]
        angles.append(np.rad2deg(Rotation.from_matrix(R).magnitude()))
    own = None if covariance is None else covariance.aligned(solved, chosen)
    return Score(
        names=names,
        center_mm=1000 * np.linalg.norm(centers, axis=1),
        rotation_deg=np.array(angles),
        predicted_mm=np.array([np.nan if own is None else 1000 * own.center_sigma_m(name) for name in names]),
        predicted_deg=np.array([np.nan if own is None else np.rad2deg(own.rotation_sigma_rad(name)) for name in names]),
    )


def pooled(scores: Sequence[Score]) -> tuple[float, float]:
    """Squared error over predicted variance of all cameras of all trials: of centres and of rotations."""

    def ratio(error: str, predicted: str) -> float:
        return sum((getattr(s, error) ** 2).sum() for s in scores) / sum(
            (getattr(s, predicted) ** 2).sum() for s in scores
        )

    return ratio("center_mm", "predicted_mm"), ratio("rotation_deg", "predicted_deg")
