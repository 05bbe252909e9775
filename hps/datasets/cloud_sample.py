"""One cloud of one person out of a data set, with what is known of the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int64

from body.parameters import BodyParameters
from hps.points.person_cloud import PersonCloud


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PointLabels:
    """What each point of a cloud is."""

    part: Int64[np.ndarray, "points"]
    """SMPL joint whose skin, or the cloth over it, the point is; or what `hps.points.part_labels` has."""
    skin_offset: Float[np.ndarray, "points 3"]
    """To the nearest naked skin, metres, in the cloud's frame; NaN where it is not known or there is none."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CloudSample:
    """A cloud with its labels. The truth is in the frame of the cloud, metres and radians."""

    key: str
    """Unique within the data set."""
    subject: str
    action: str
    sequence: str
    """Of frames that follow each other; the same person throughout."""
    frame: int
    """Number within the sequence."""
    time_s: float
    """Within the sequence; NaN where it is not known."""
    sensors: tuple[str, ...]
    """kinect, realsense, iphone, pinhole, lidar, … of each camera."""
    cloud: PersonCloud
    truth: BodyParameters | None
    """One frame, of `model`; None where nobody knows."""
    joints: Float[np.ndarray, "24 3"] | None
    """True SMPL joints, where they are known apart from a body model."""
    model: str
    """Body model of the truth: `open body`, `smpl`, `smplx`, …"""
    labels: PointLabels | None = None
    attributes: dict[str, float | str] = field(default_factory=dict)
    """What results are told apart by, such as `visible_share` or `distance_m`; the loader says which it gives."""
