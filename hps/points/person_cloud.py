"""A point cloud of one person as an estimator takes it: points, and where the cameras stood."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Integer

from geometry.rigid import rotate, transform
from hps.errors import HpsError


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonCloud:
    """Points that depth cameras measured of one person, with what else was taken for the person.

    Metres, in any one frame: usually the camera's for one camera (OpenCV axes), the world for several.
    """

    points: Float[np.ndarray, "points 3"]
    camera: Integer[np.ndarray, "points"]
    """Place in `origins` of the camera that saw each point; -1 where that is not known."""
    origins: Float[np.ndarray, "cameras 3"] = field(default_factory=lambda: np.zeros((0, 3)))
    """Centres of the cameras; (0, 3) when none is known."""
    up: Float[np.ndarray, "3"] | None = None
    """Unit vector against gravity, as an inertial sensor or a calibrated floor tells it; None when it is not known."""

    def __post_init__(self) -> None:
        """Raises HpsError when the shapes disagree or a camera has no origin."""
        if np.shape(self.points) != (len(self.points), 3) or np.shape(self.camera) != (len(self.points),):
            raise HpsError(
                f"points {np.shape(self.points)} and camera {np.shape(self.camera)} of a cloud must be (points, 3) and "
                "(points,)"
            )
        if len(self.camera) and int(self.camera.max()) >= len(self.origins):
            raise HpsError(
                f"a point is of camera {int(self.camera.max())}, but there are {len(self.origins)} origins; give one "
                "for each camera, or -1 for points of unknown cameras"
            )

    def __len__(self) -> int:
        """Number of points."""
        return len(self.points)

    @classmethod
    def of_camera(cls, points: Float[np.ndarray, "points 3"], up: Float[np.ndarray, "3"] | None = None) -> PersonCloud:
        """The cloud of one camera in its own frame: the camera stands at the origin."""
        return cls(points=points, camera=np.zeros(len(points), np.int64), origins=np.zeros((1, 3)), up=up)

    @classmethod
    def of_points(cls, points: Float[np.ndarray, "points 3"], up: Float[np.ndarray, "3"] | None = None) -> PersonCloud:
        """Points of which nothing else is known."""
        return cls(points=points, camera=np.full(len(points), -1), up=up)

    def rays(self) -> Float[np.ndarray, "points 3"]:
        """Unit vectors from each point's camera to the point; zeros where the camera is not known."""
        v = np.zeros((len(self), 3))
        known = self.camera >= 0
        v[known] = self.points[known] - self.origins[self.camera[known]]
        return v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)

    def select(self, which: Bool[np.ndarray, "points"] | Integer[np.ndarray, "some"]) -> PersonCloud:
        """Some of the points; the cameras stay."""
        return PersonCloud(points=self.points[which], camera=self.camera[which], origins=self.origins, up=self.up)

    def moved(self, T_new_old: Float[np.ndarray, "4 4"]) -> PersonCloud:
        """The same cloud in another frame."""
        return PersonCloud(
            points=transform(T_new_old, np.asarray(self.points, np.float64)),
            camera=self.camera,
            origins=transform(T_new_old, np.asarray(self.origins, np.float64)),
            up=None if self.up is None else rotate(T_new_old, np.asarray(self.up, np.float64)),
        )
