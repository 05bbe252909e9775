"""The learned lifter as it is asked: keypoints of people in, bodies in the camera's frame out."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from body.model import BodyModel
from hps.points.landmarks import landmarks_of
from hps.points.weights_file import WeightsInfo
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import PersonView, person_view
from hps.rgb.lifter.view_lift import ViewLift, averaged, in_camera
from hps.rgb.lifter.widening import Widening

AT_ONCE: Final = 4096
"""People in one pass of the network."""


class Lifter:
    """One view's keypoints to a body. See `load`."""

    def __init__(
        self,
        network: LifterNetwork,
        body: BodyModel,
        *,
        info: WeightsInfo | None = None,
        widening: Widening | None = None,
        mirror: bool = True,
    ) -> None:
        """widening: of the network's deviations, as validation data showed. mirror: ask for the mirrored person too."""
        self.network = network.eval().requires_grad_(False)
        self.body, self.info, self.mirror = body, info, mirror
        self.widening = widening or Widening()
        self._partner: Tensor = torch.from_numpy(landmarks_of(body).mirror)

    def __call__(self, batch: KeypointBatch) -> LiftedBodies:
        """The bodies that the keypoints show, each by itself, in the camera's frame; the same input, the same answer.

        Raises HpsError for people with fewer than two keypoints whose confidence is above 0.
        """
        view = person_view(batch, self.network.config.belief)
        return self.widening.applied(in_camera(self._lifted(view), view))

    @torch.no_grad()
    def _lifted(self, view: PersonView) -> ViewLift:
        lift = self.network(view)
        if not self.mirror:
            return lift
        return averaged(lift, self.network(view.mirrored()).mirrored(self._partner))
