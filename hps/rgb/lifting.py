"""What a lifter and a fit of keypoints are: the two steps from keypoints to bodies, whoever takes them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from hps.points.fitting.fitted import FittedBodies
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies


@runtime_checkable
class Lifter(Protocol):
    """From keypoints to landmarks with their sigmas."""

    def __call__(self, batch: KeypointBatch) -> LiftedBodies:
        """A row for each row of the batch, in the camera's frame."""
        ...


@runtime_checkable
class KeypointFit(Protocol):
    """From keypoints and what a lifter says of them to bodies."""

    def __call__(self, batch: KeypointBatch, lifted: LiftedBodies) -> FittedBodies:
        """A row for each row of the batch, in the camera's frame, with covariance."""
        ...
