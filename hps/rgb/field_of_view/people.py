"""A focal length from the people in the pictures: a near body's parts differ in size more than a far one's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from hps.errors import HpsError
from hps.points.fitting.body import FitBody
from hps.rgb.field_of_view.field_of_view import SUPPOSED_SIGMA, FieldOfView
from hps.rgb.fitting import KeypointFitConfig, fit_keypoints
from hps.rgb.fitting.config import COVARIANCE_SPREAD
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifting import Lifter


def focal_from_people(
    body: FitBody,
    batch: KeypointBatch,
    lifter: Lifter,
    *,
    independent: float | None = None,
    config: KeypointFitConfig | None = None,
) -> FieldOfView:
    """The focal length that all rows of the batch agree on best, people and instants of one camera.

    Each is fitted with the focal length as one more unknown, about the batch's K (`supposed`); what they say of it
    beyond the prior is a Gaussian each, and the product of these with the prior is the answer. independent: how many
    of the rows say something of their own; frames of a video within half a second do not. By default all.
    Raises HpsError for an empty batch and for rows of different cameras.
    """
    if not len(batch):
        raise HpsError("a focal length cannot be found from nobody; give the keypoints of at least one person")
    if not (torch.allclose(batch.K, batch.K[:1].expand_as(batch.K)) and (batch.size == batch.size[0]).all()):
        raise HpsError(f"the {len(batch)} rows are not of one camera; find a focal length for each camera by itself")
    config = KeypointFitConfig() if config is None else config
    prior = config.focal_sigma or SUPPOSED_SIGMA
    asked = replace(batch, focal_known=torch.zeros(len(batch), dtype=torch.bool))
    found = fit_keypoints(body, asked, lifter(asked), replace(config, focal_sigma=prior))
    zoom = np.log((found.K[:, 0, 0] / batch.K[:, 0, 0].to(found.K)).cpu().double().numpy())
    share = 1.0 if independent is None else min(1.0, independent / len(batch))
    zoom, sigma = pooled(zoom, found.focal_sigma.cpu().double().numpy(), prior, share)
    width, height = (round(float(side)) for side in batch.size[0])
    people = f"{len(batch)} person" if len(batch) == 1 else f"{len(batch)} people or instants"
    return FieldOfView(
        focal_px=float(batch.K[0, 0, 0]) * float(np.exp(zoom)), sigma=sigma, source="people",
        width=width, height=height, detail=f"from {people}",
    )  # fmt: skip


def pooled(
    zoom: Float[np.ndarray, "fits"],
    sigma: Float[np.ndarray, "fits"],
    prior: float,
    share: float = 1.0,
    spread: float = COVARIANCE_SPREAD,
) -> tuple[float, float]:
    """Mean and standard deviation of the product of what single fits say of one zoom with their common prior.

    zoom, sigma: of the fits' posteriors, each of which has counted the prior N(0, prior²). share: of each that counts.
    spread: what a fit's own standard deviation is to be multiplied by.
    Fits that disagree by more than they say are as unsure as they disagree.
    """
    told = np.maximum(1 / np.minimum(sigma, prior) ** 2 - 1 / prior**2, 1e-9)
    says = zoom * (told + 1 / prior**2) / told
    told = told / spread**2
    mean = (told * says).sum() / told.sum()
    excess = (told * (says - mean) ** 2).sum() / max(len(zoom) - 1, 1) if len(zoom) > 1 else 1.0
    told = share * told.sum() / max(excess, 1.0)
    total = told + 1 / prior**2
    return float(told * mean / total), float(1 / np.sqrt(total))
