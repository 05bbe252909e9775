"""How sure the poses of a rig's cameras are, all together: what one camera's error says of another's included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from geometry.rigid import inverse, transform


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PoseCovariance:
    """Joint covariance of camera poses.

    Of each camera six numbers (w, c): its rotation is R_world_camera Exp(w), w in its own axes, radians; its centre is
    center + c, c along the world's axes, metres.
    """

    cameras: tuple[str, ...]
    matrix: Float[np.ndarray, "six_cameras six_cameras"]
    """In the order of `cameras`. What is not determined at all (the choice of the world) has been fixed as `gauge`
    says."""
    gauge: str
    """`aligned`: the world moves with the best rigid alignment of the camera centres; or the camera that was held."""

    def of(self, camera: str) -> Float[np.ndarray, "6 6"]:
        """The covariance of one camera."""
        first = 6 * self.cameras.index(camera)
        return self.matrix[first : first + 6, first : first + 6]

    def center_sigma_m(self, camera: str) -> float:
        """Root of the expected squared distance of a camera's centre from the truth, metres."""
        return float(np.sqrt(np.trace(self.of(camera)[3:, 3:])))

    def rotation_sigma_rad(self, camera: str) -> float:
        """Root of the expected squared angle between a camera's axes and the truth, radians."""
        return float(np.sqrt(np.trace(self.of(camera)[:3, :3])))

    def at_point(self, camera: Camera, p_world: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
        """Covariance, in world axes and square metres, of where this camera would place a point that it sees there.

        Its distance from the camera and the lens are taken as known.
        """
        x, y, z = transform(inverse(camera.T_world_camera), p_world)
        by_turn = -camera.T_world_camera[:3, :3] @ np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        J = np.concatenate([by_turn, np.eye(3)], 1)
        return J @ self.of(camera.name) @ J.T

    def aligned(self, cameras: Mapping[str, Camera], using: Sequence[str] | None = None) -> PoseCovariance:
        """The covariance of what is left when the solved rig is moved onto the true one as a rigid body, such that the
        centres fit best (all of them, or those of `using`): the gauge `aligned`, in which no camera is special.

        `cameras` are the solved ones, whose places the motion depends on. Of fewer than three centres, or centres on
        one line, the turn about that line is not determined and stays as it was.
        """
        chosen = self.cameras if using is None else tuple(using)
        centers = np.array([cameras[name].center for name in self.cameras])
        arms = centers - np.mean([cameras[name].center for name in chosen], 0)
        by_motion = np.zeros((6 * len(centers), 6))
        for n, (name, (x, y, z)) in enumerate(zip(self.cameras, arms)):
            by_motion[6 * n : 6 * n + 3, :3] = cameras[name].T_world_camera[:3, :3].T
            by_motion[6 * n + 3 : 6 * n + 6, :3] = [[0, z, -y], [-z, 0, x], [y, -x, 0]]
            by_motion[6 * n + 3 : 6 * n + 6, 3:] = np.eye(3)
        rows = np.concatenate([6 * self.cameras.index(name) + np.arange(3, 6) for name in chosen])
        keep = np.eye(len(by_motion))
        keep[:, rows] -= by_motion @ np.linalg.pinv(by_motion[rows], rcond=1e-9)
        return PoseCovariance(cameras=self.cameras, matrix=keep @ self.matrix @ keep.T, gauge="aligned")
