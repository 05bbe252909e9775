"""Where fits to keypoints start: at what the lifter says, and at the body that is mirrored in depth."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from body.joints import JOINT_COUNT
from hps.points.fitting.body import FitBody
from hps.points.fitting.start import closed_form
from hps.points.fitting.state import BodyStates
from hps.rgb.fitting.relative_term import PELVIS
from hps.rgb.lifted import LiftedBodies


def lifted_start(body: FitBody, lifted: LiftedBodies, least_sigma_m: float) -> BodyStates:
    """Bodies near the lifter's landmarks."""
    position, information = _landmarks(lifted, least_sigma_m)
    return closed_form(body, position, information)


def mirrored_start(body: FitBody, lifted: LiftedBodies, least_sigma_m: float) -> BodyStates:
    """Bodies near the joints mirrored in the plane through the pelvis across its ray (Necker's reversal).

    The two look alike to a camera far away. The markers are left out: mirrored skin is no skin.
    """
    position, information = _landmarks(lifted, least_sigma_m)
    root = _array(lifted.root)
    ray = root / np.linalg.norm(root, axis=-1, keepdims=True)
    depth = ((position - root[:, None]) * ray[:, None]).sum(-1, keepdims=True)
    information[:, JOINT_COUNT:] = 0.0
    return closed_form(body, position - 2 * depth * ray[:, None], information)


def ambiguous(lifted: LiftedBodies, above_m: float) -> Bool[np.ndarray, "batch"]:
    """Whether the lifter is less sure than that of depths: root mean square over the landmarks."""
    return np.sqrt((_array(lifted.sigma)[..., 1] ** 2).mean(1)) > above_m


def _landmarks(
    lifted: LiftedBodies, least_sigma_m: float
) -> tuple[Float[np.ndarray, "b n 3"], Float[np.ndarray, "b n"]]:
    """In the camera's frame, with one information for all axes; the pelvis's as its neighbours'."""
    sigma = np.maximum(_array(lifted.sigma), least_sigma_m)
    information = 3 / (2 * sigma[..., 0] ** 2 + sigma[..., 1] ** 2)
    information[:, PELVIS] = np.median(information, 1)
    return _array(lifted.landmarks), information


def _array(tensor: Any) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().double().numpy())
