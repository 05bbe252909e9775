"""What can be chosen of the fusion of colour and depth, with the measurement behind each number."""

from __future__ import annotations

from dataclasses import dataclass

from hps.errors import HpsError


@dataclass(frozen=True, kw_only=True, slots=True)
class FusionConfig:
    """Choices of `RgbdEstimator`. Figures: docs/estimate_rgbd.md."""

    keypoint_redundancy: float = 3.0
    """How many keypoints of a picture say the same thing: a detector takes whole limbs for others."""
    depth_freedom: float = 3.0
    """Degrees of freedom of the t distribution of a painted depth's error over its sigma: an arm may pass before it."""
    network_factor: float = 1.01
    """What the point network's sigmas are multiplied by, beside their own calibration: of its joints on 34 validation
    pictures with a sensor's depth, 67 % are then 68 % within the region where 68 % should be
    (scripts/calibrate_rgbd.py)."""
    lifter_factor: float = 1.23
    """What the lifter's sigmas are multiplied by: 55 % are then 68 %, on the same pictures."""
    covariance_factor: float = 0.92
    """What standard deviations of bodies of both are multiplied by, beside what those of the points alone are: 74 % of
    the joints in that region are then 68 %, on the same pictures."""
    lifter_freedom: float = 8.0
    """Degrees of freedom of the t distribution of a lifted landmark's error over its sigma."""
    lifter_redundancy: float = 40.0
    """How many lifted landmarks say the same thing: the lifter errs for the whole body at once, and it has seen nothing
    but the keypoints, which speak for themselves."""
    sides_from: float = 1.3
    """Median distance of the seen keypoints from the body of the points alone, in sigmas, from which on it is asked
    whether the detector took left for right."""
    sides_cost: float = 3.0
    """How much likelier (logarithm) the body must be with the sides exchanged."""
    apart: float = 2.0
    """Median distance of the seen keypoints from the fused body's, in sigmas, from which on picture and depth disagree.
    With `moved_m`, 3 of 34 right validation pairs are told to, of pictures of another scene and of depth 0.2 m to the
    side or higher all."""
    moved_from: float = 1.3
    """Median distance of the seen keypoints from the body of the points alone, in sigmas, from which on it is asked
    whether depth is moved."""
    moved_left: float = 0.6
    """Depth is moved where a common shift leaves less than this share of that distance."""
    moved_m: float = 0.1
    """And where that shift is longer. Of depth moved 0.2 m along the axis, 79 % and 85 % are told on those pictures."""
    on_points: float = 0.8
    """Where both disagree and the body of the points is not to be trusted: share of the seen keypoints that must lie on
    the points, in the picture, for the body of the picture alone to be taken. Of 34 right pairs all have 0.89 and more,
    of pictures of another scene and of depth moved across the axis none has more than 0.79."""

    def __post_init__(self) -> None:
        """Raises HpsError for numbers that are not above 0."""
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise HpsError(f"{name} of the fusion of colour and depth is {getattr(self, name)}; it must be above 0")
