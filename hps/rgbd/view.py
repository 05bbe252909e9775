"""One person as a colour picture and the depth beside it show them: what a fused estimate is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float

from hps.errors import HpsError
from hps.points.cloud_checks import check_cloud
from hps.points.person_cloud import PersonCloud
from hps.rgb.keypoint_batch import KeypointBatch

SEEN: Final = 0.5
"""A keypoint of more confidence is taken to be in the picture."""
LEAST_KEYPOINTS: Final = 6
"""Fewer say nothing of a body: of LIFTED, a head alone has five."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RgbdView:
    """One person at one instant. Everything is in the colour camera's frame (OpenCV axes), metres."""

    cloud: PersonCloud
    """The person's points; empty where depth is missing."""
    keypoints: KeypointBatch | None
    """One row; None where the detector saw nobody, or there is no picture."""

    def __post_init__(self) -> None:
        """Raises HpsError for keypoints of several people."""
        if self.keypoints is not None and len(self.keypoints) != 1:
            raise HpsError(
                f"a view is of one person, keypoints of {len(self.keypoints)} were given; make one view each"
            )

    @property
    def no_depth(self) -> str:
        """Why the points cannot be used; empty where they can."""
        if not len(self.cloud):
            return "no depth was measured on the person"
        try:
            check_cloud(self.cloud)
        except HpsError as error:
            return str(error)
        return ""

    @property
    def no_picture(self) -> str:
        """Why the picture cannot be used; empty where it can."""
        if self.keypoints is None:
            return "nobody was found in the picture"
        seen = int((self.keypoints.confidence > SEEN).sum())
        if seen < LEAST_KEYPOINTS:
            return f"the picture shows {seen} keypoints, {LEAST_KEYPOINTS} are needed"
        return ""

    def without_depth(self) -> RgbdView:
        """The same without points."""
        return replace(self, cloud=self.cloud.select(np.zeros(0, np.int64)))

    def without_picture(self) -> RgbdView:
        """The same without keypoints."""
        return replace(self, keypoints=None)

    def with_depth_moved(self, T_new_old: Float[np.ndarray, "4 4"]) -> RgbdView:
        """The same with depth where another calibration of depth against colour would put it."""
        return replace(self, cloud=self.cloud.moved(T_new_old))


def joined_keypoints(batches: list[KeypointBatch]) -> KeypointBatch:
    """Several as one; at least one."""
    names = ("q", "confidence", "pixel_size", "K", "size", "focal_known")
    return KeypointBatch(**{name: torch.cat([getattr(batch, name) for batch in batches]) for name in names})
