"""The lens of a camera as board views gave it, with its uncertainty and a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.intrinsics.coverage import Coverage
from calibration.intrinsics.lens_models import LensModel
from geometry.camera import Camera


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IntrinsicsResult:
    """What board views say of a camera's lens."""

    camera: Camera | None
    """The lens to go on with, at the origin: the estimate where it was accepted, else what was known before; None
    where nothing was."""
    sigma: Float[np.ndarray, "12"]
    """Standard deviations of `camera`'s numbers in the order of INTRINSICS; NaN without a camera."""
    rms_px: float
    """Of the estimate: root mean square distance of found from predicted corners, as OpenCV reports it (√2 times that
    along an axis), outliers included. NaN without an estimate."""
    accepted: bool
    reason: str
    """Why it was refused and what to do next, one sentence; empty where it was accepted."""
    coverage: Coverage
    model: LensModel
    held_out_px: float
    """The same of views that the lens was not fitted to, each left out once. Infinity without an estimate."""
    estimate: Camera | None
    """What the views say, trusted or not."""
    estimate_sigma: Float[np.ndarray, "12"]
    views: int
    """Used for the estimate."""
    readout_s: float
    """How long the image takes to be read out, as views of a moving board show it; 0 where they show nothing."""
    dropped: dict[int, str]
    """Views that were not, by instant, and why."""
