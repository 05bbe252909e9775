"""From the world in which a body was fitted to that of the truth: by the cameras, which stand in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from calibration.comparison import compare, matched_names
from calibration.rig import RigCalibration
from geometry.camera import Camera


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrueWorld:
    """How the calibrated world lies in the truth's. The choice of a world is no error of a calibration."""

    T_truth_world: Float[np.ndarray, "4 4"]
    """Rigid, without scale; the identity where no camera is in both."""
    cameras: int
    """How many are in both, and gave the alignment."""
    center_mm: float
    """Mean distance of their centres after it: what the calibration is off; NaN without cameras."""

    def values(self) -> dict[str, Any]:
        """The key `alignment` of docs/evaluation.md."""
        turned = Rotation.from_matrix(self.T_truth_world[:3, :3]).magnitude()
        return {
            "cameras": self.cameras,
            "moved_mm": round(1e3 * float(np.linalg.norm(self.T_truth_world[:3, 3])), 3),
            "turned_deg": round(float(np.rad2deg(turned)), 4),
            "cameras_mm": round(self.center_mm, 3) if self.cameras else None,
        }


def true_world(truth: Mapping[str, Camera], calibrated: Mapping[str, Camera]) -> TrueWorld:
    """The alignment of least squared distances of the camera centres; of one camera, its pose.

    Raises CalibrationError where a camera's name fits two of the others.
    """
    if not matched_names(truth, calibrated):
        return TrueWorld(T_truth_world=np.eye(4), cameras=0, center_mm=float("nan"))
    found = compare(
        RigCalibration(cameras=dict(truth), source="the truth"), RigCalibration(cameras=dict(calibrated), source="")
    )
    return TrueWorld(T_truth_world=found.T_a_b, cameras=len(found.cameras), center_mm=float(found.center_mm.mean()))
