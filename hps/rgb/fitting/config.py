"""What can be chosen of a fit to keypoints, with the measurement behind each number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hps.errors import HpsError
from hps.points.fitting.config import BodyFitConfig
from registration.shape.prior import ShapePrior

COVARIANCE_SPREAD: Final = 3.7
"""What the standard deviations of a fit are to be multiplied by, for half of the errors of the benchmark's validation
joints to be within the half that they say (docs/perspective_fit.md): what the energy counts as independent is not."""

LIFTER_SIZE_SIGMA: Final = 0.1
"""`size_sigma` for the lifter that comes with the package: on the benchmark's validation scenes its adults are 4 %
too small in the mean, by 11 % more or less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeypointFitConfig:
    """Choices of `fit_keypoints`. Figures: docs/perspective_fit.md."""

    steps: int = 8
    """Gauss-Newton steps from each start."""
    relative_freedom: float = 8.0
    """Degrees of freedom of the t distribution of a lifted landmark's error over its sigma."""
    relative_redundancy: float = 1.0
    """How many lifted landmarks say the same thing. A lifter errs for whole limbs, so that more would be true, but it
    has seen through the detector's wrong points, and knows poses better than the prior does."""
    size_sigma: float = 0.0
    """Standard deviation of the factor between the lifter's landmarks and the body's; 0: the lifter's metres count."""
    least_sigma_m: float = 0.01
    """Lifted landmarks are never taken for surer."""
    both_ways_above_m: float = 0.12
    """Root mean square sigma along the ray from which on the body mirrored in depth is tried as well; infinite: never.
    """
    focal_sigma: float = 0.25
    """Standard deviation of the logarithm of a focal length that is only supposed; 0: it is taken for known."""
    shape: ShapePrior | None = None
    """What is believed of the shape beforehand (`hps.rgb.fitting.who`); None: of people in general."""
    fit: BodyFitConfig = field(default_factory=lambda: BodyFitConfig(keypoint_freedom=1.5, keypoint_redundancy=0.5))
    """Of its choices: those of the priors, of keypoints, and the greatest turn."""

    def __post_init__(self) -> None:
        """Raises HpsError for numbers that no fit can use."""
        if self.steps < 0:
            raise HpsError(f"a fit to keypoints cannot take {self.steps} steps; give 0 or more")
        for name in ("focal_sigma", "size_sigma"):
            if not getattr(self, name) >= 0:
                raise HpsError(f"{name} of a fit to keypoints is {getattr(self, name)}; it must be 0 or more")
        for name in ("relative_freedom", "relative_redundancy", "least_sigma_m", "both_ways_above_m"):
            if not getattr(self, name) > 0:
                raise HpsError(f"{name} of a fit to keypoints is {getattr(self, name)}; it must be above 0")
