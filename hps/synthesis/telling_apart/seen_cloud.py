"""A cloud as a classifier sees it: the points of one person and the pixels that they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from hps.errors import HpsError


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenCloud:
    """One camera's points of one person, in the camera's frame."""

    points: Float32[np.ndarray, "points 3"]
    """Metres; camera axes."""
    pixels: Int[np.ndarray, "points 2"]
    """Row and column in the depth image; each pixel once."""
    group: str
    """Whose cloud it is: a group is wholly in the training set or wholly in the test set."""

    def __post_init__(self) -> None:
        """Raises HpsError for a cloud too small to say anything, or with points that are not finite."""
        if len(self.points) != len(self.pixels):
            raise HpsError(f"a cloud of {len(self.points)} points has {len(self.pixels)} pixels; give one a point")
        if not np.isfinite(self.points).all():
            raise HpsError(f"a cloud of '{self.group}' has points that are not finite; leave them out")

    def depth_image(self) -> Float32[np.ndarray, "rows columns"]:
        """Depth of the rectangle around the pixels, two pixels wider on each side, metres; NaN between points."""
        low, high = self.pixels.min(0) - 2, self.pixels.max(0) + 3
        image = np.full(high - low, np.nan, np.float32)
        image[tuple((self.pixels - low).T)] = self.points[:, 2]
        return image
