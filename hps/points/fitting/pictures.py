"""What a picture says of bodies: where a detector saw points of them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hps.errors import HpsError
from registration.fit.rest import RestBody


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PictureKeypoints:
    """Points of each body in one picture of it. Pixels of the undistorted picture; pixel centres are integers."""

    points: RestBody
    """The points, as points that joints carry; `hps.rgb.fitting.keypoint_points` makes them of a detector's names."""
    q: Float[Tensor, "batch keypoints 2"]
    sigma_px: Float[Tensor, "batch keypoints"]
    """Standard deviation of the detection along each axis; infinite for a point that was not seen."""
    spread_m: Float[Tensor, "keypoints"]
    """How far what the detector means lies from the body's point, along each axis: it does not grow with the picture.
    """
    K: Float[Tensor, "batch 3 3"]
    Ts_camera_frame: Float[Tensor, "batch 4 4"] | None = None
    """p_camera = T_camera_frame @ p, from the frame that the body is fitted in; None: that is the camera's."""

    def __post_init__(self) -> None:
        """Raises HpsError when shapes disagree, for pixels that are not finite, and for sigma not above 0."""
        batch, count = len(self.q), len(self.points.template)
        if self.q.shape != (batch, count, 2) or self.sigma_px.shape != (batch, count) or len(self.spread_m) != count:
            raise HpsError(
                f"keypoints {tuple(self.q.shape)} with sigma {tuple(self.sigma_px.shape)} and spread "
                f"{tuple(self.spread_m.shape)} must be (batch, {count}, 2), (batch, {count}) and ({count},)"
            )
        if self.K.shape != (batch, 3, 3) or (
            self.Ts_camera_frame is not None and self.Ts_camera_frame.shape != (batch, 4, 4)
        ):
            raise HpsError(
                f"each of {batch} pictures needs its K (3, 3), and its T_camera_frame (4, 4) if there is one"
            )
        told = self.sigma_px.isfinite()
        if not self.q.isfinite().all(-1)[told].all() or not (self.sigma_px > 0).all() or not self.K.isfinite().all():
            raise HpsError(
                "a keypoint's pixels or K are not finite, or its sigma is not above 0; give sigma_px = inf "
                "to keypoints that were not seen"
            )

    def __len__(self) -> int:
        """Number of bodies."""
        return len(self.q)
