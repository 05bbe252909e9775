"""What can be chosen of a body fit, with the measurement behind each number."""

from __future__ import annotations

from dataclasses import dataclass

from hps.errors import HpsError


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyFitConfig:
    """Choices of `fit_bodies`. Figures: docs/point_body_fit.md."""

    steps: int = 4
    """Gauss-Newton steps on landmarks alone."""
    refine: bool = True
    """Whether points are used, where they are given and the landmarks are unsure."""
    refine_steps: int = 3
    """Gauss-Newton steps of each stage of the refinement, on landmarks and points together."""
    refine_above_m: float = 0.006
    """Root mean square of the landmarks' sigma from which on points help: at 4 mm nothing is gained, at 8 mm 5 %."""
    least_sigma_m: float = 0.002
    """Landmarks are never taken for surer: 10 betas of 16 leave some 2 mm."""
    landmark_freedom: float = 8.0
    """Degrees of freedom of the t distribution of a landmark's error over its sigma: a limb's may be far off."""
    landmark_redundancy: float = 2.0
    """How many landmarks say the same thing, because a network errs for a whole limb at once."""
    keypoint_freedom: float = 4.0
    """Degrees of freedom of the t distribution of a keypoint's error over its sigma: a limb may be taken for another's.
    """
    keypoint_redundancy: float = 1.0
    """How many keypoints of a picture say the same thing."""
    refine_points: int = 512
    """Of a cloud's points, evenly taken, are looked at in all stages of the refinement but the last."""
    last_points: int = 1024
    """And in the last, which decides."""
    point_count: float = 500.0
    """Of a cloud's points, so many count as independent: sensor noise is, clothes and skin of another shape are not."""
    point_floor_m: float = 0.006
    """Added (squared) to each point's sigma: the body's own shape, and its nearest vertex in place of its surface."""
    offset_share: float = 0.3
    """Share of a predicted skin offset that is taken for its standard deviation: loose cloth is trusted less."""
    cloth_sigma_m: float = 0.015
    """Added (squared) where no skin offset is given."""
    point_kernels: tuple[float, ...] = (15.0, 5.0, 3.0)
    """Of Geman-McClure's cost in each stage of the refinement, in standard deviations of a point: the first lets points
    pull from afar, the last decides. At landmark errors of 100 mm the body's is 42 mm, with (8, 3) 46."""
    reach_m: float = 0.15
    """Points farther from the body than this have no nearest skin."""
    pose_scale: float = 1.0
    """Factor on the pose prior's standard deviations."""
    shape_scale: float = 1.0
    """Factor on the shape prior's."""
    greatest_turn: float = 0.6
    """Radians of one joint in one step."""

    def __post_init__(self) -> None:
        """Raises HpsError for numbers that no fit can use."""
        for name in ("steps", "refine_steps"):
            if getattr(self, name) < 0:
                raise HpsError(f"a body fit cannot take {getattr(self, name)} {name}; give 0 or more")
        if not self.point_kernels or not min(self.point_kernels) > 0:
            raise HpsError(f"the point_kernels of a body fit are {self.point_kernels}; give one or more above 0")
        if min(self.refine_points, self.last_points) < 1:
            least = min(self.refine_points, self.last_points)
            raise HpsError(f"a body fit cannot look at {least} points; give 1 or more, or refine=False")
        for name in (
            "least_sigma_m", "landmark_freedom", "landmark_redundancy", "keypoint_freedom", "keypoint_redundancy",
            "point_count", "point_floor_m", "reach_m", "pose_scale", "shape_scale", "greatest_turn",
        ):  # fmt: skip
            if not getattr(self, name) > 0:
                raise HpsError(f"{name} of a body fit is {getattr(self, name)}; it must be above 0")
