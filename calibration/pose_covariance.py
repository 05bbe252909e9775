"""How sure the poses of a rig's cameras are, all together: what one camera's error says of another's included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


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
