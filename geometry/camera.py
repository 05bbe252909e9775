"""One calibrated camera: pinhole with Brown–Conrady rational distortion, as in OpenCV and the Azure Kinect."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Real

from geometry.distortion import distort, undistort
from geometry.errors import GeometryError
from geometry.rigid import inverse, is_rigid, transform


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Camera:
    """One calibrated camera. OpenCV axes: x right, y down, z forward."""

    name: str
    K: Float[np.ndarray, "3 3"]
    """Intrinsics, in pixels. The centre of the top-left pixel is (0, 0)."""
    width: int
    height: int
    T_world_camera: Float[np.ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))
    """Camera pose: p_world = T_world_camera @ p_camera. Metres."""
    distortion: Float[np.ndarray, "8"] = field(default_factory=lambda: np.zeros(8))
    """k1 k2 p1 p2 k3 k4 k5 k6, in OpenCV's order (rational model); zeros for a plain pinhole."""
    metric_radius: float = float("inf")
    """Largest distance from the axis, on the plane z = 1, at which the lens model holds; outside it projects to NaN."""

    def __post_init__(self) -> None:
        """Raises GeometryError on a K, size, pose or distortion that cannot be a camera's."""
        if np.shape(self.K) != (3, 3) or not np.isfinite(self.K).all() or self.K[0, 0] <= 0 or self.K[1, 1] <= 0:
            raise GeometryError(f"camera '{self.name}': K must be a finite 3x3 matrix with positive focal lengths")
        if self.width <= 0 or self.height <= 0:
            raise GeometryError(f"camera '{self.name}': image size {self.width}x{self.height} must be positive")
        if np.shape(self.distortion) != (8,) or not np.isfinite(self.distortion).all():
            raise GeometryError(f"camera '{self.name}': distortion must be 8 finite numbers k1 k2 p1 p2 k3 k4 k5 k6")
        if np.shape(self.T_world_camera) != (4, 4) or not is_rigid(self.T_world_camera):
            raise GeometryError(f"camera '{self.name}': T_world_camera is not a rigid transform")

    @property
    def T_camera_world(self) -> Float[np.ndarray, "4 4"]:
        """p_camera = T_camera_world @ p_world."""
        return inverse(self.T_world_camera)

    @property
    def center(self) -> Float[np.ndarray, "3"]:
        """Camera centre in the world, metres."""
        return self.T_world_camera[:3, 3]

    def project(self, p_world: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 2"]:
        """Pixels of world points; NaN behind the camera or outside the lens model."""
        return self.project_camera(transform(self.T_camera_world, p_world))

    def project_camera(self, p_camera: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 2"]:
        """Pixels of points in the camera frame; NaN behind the camera or outside the lens model."""
        z = p_camera[..., 2:]
        with np.errstate(divide="ignore", invalid="ignore"):
            xy = np.where(z > 0, p_camera[..., :2] / z, np.nan)
        inside = np.linalg.norm(xy, axis=-1, keepdims=True) <= self.metric_radius
        xy = distort(np.where(inside, xy, np.nan), self.distortion)
        return xy @ self.K[:2, :2].T + self.K[:2, 2]

    def normalize(self, q: Real[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points 2"]:
        """Undistorted coordinates (x/z, y/z) of pixels; NaN where the lens model cannot be inverted."""
        xy = (np.asarray(q, np.float64) - self.K[:2, 2]) @ np.linalg.inv(self.K[:2, :2]).T
        return undistort(xy, self.distortion, self.metric_radius)

    def unproject(
        self, q: Real[np.ndarray, "*points 2"], z: Real[np.ndarray, "*points"] | float
    ) -> Float[np.ndarray, "*points 3"]:
        """Points in the camera frame at depth z (metres along the optical axis); NaN as in `normalize`."""
        xy = self.normalize(q)
        return np.concatenate([xy, np.where(np.isnan(xy[..., :1]), np.nan, 1.0)], -1) * np.asarray(z)[..., None]

    def resized(self, width: int, height: int) -> Camera:
        """The same camera with its image scaled to another size (pixel centres at integers)."""
        s = np.diag([width / self.width, height / self.height, 1.0])
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        return replace(self, K=np.linalg.inv(half) @ s @ half @ self.K, width=width, height=height)

    def at(self, T_world_camera: Float[np.ndarray, "4 4"]) -> Camera:
        """The same camera at another place."""
        return replace(self, T_world_camera=T_world_camera)
