"""What is known of each camera's lens before a solve; a lens that nobody knows is found from the views."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import cv2
import numpy as np

from calibration.board_view import BoardTake
from calibration.bundle.problem import IntrinsicsPrior, intrinsics_of
from calibration.intrinsics.factory import device_kind, factory_prior, held_prior
from calibration.rig import device_of
from geometry.camera import Camera

LEAST_VIEWS = 8
"""Of a lens that nobody knows."""


def lens_priors(
    cameras: Mapping[str, Camera],
    given: Mapping[str, IntrinsicsPrior] | None,
    found: Mapping[str, Camera],
    free: bool,
) -> dict[str, IntrinsicsPrior]:
    """Priors for all cameras: the ones given; wide ones for lenses `found` from the same views; else a factory's, by
    the kind of device that the camera's name tells. Held where nothing is `free`."""
    priors = {}
    for name, camera in cameras.items():
        if not free:
            priors[name] = held_prior(camera)
        elif given is not None and name in given:
            priors[name] = given[name]
        elif name in found:
            used = np.concatenate([np.ones(4, bool), camera.distortion != 0])
            priors[name] = IntrinsicsPrior(mean=intrinsics_of(camera), sigma=np.where(used, np.inf, 0.0))
        else:
            priors[name] = factory_prior(camera, device_kind(device_of(name)))
    return priors


def missing_lenses(take: BoardTake, known: Collection[str]) -> tuple[dict[str, Camera], dict[str, str]]:
    """Lenses of the cameras that are not `known`, from their views, and the ones that stay unknown, with the reason."""
    found, unsolved = {}, {}
    for name, (width, height) in take.image_sizes.items():
        if name in known:
            continue
        views = take.of_camera(name)
        if len(views) < LEAST_VIEWS:
            unsolved[name] = (
                f"its lens is not known and the board was seen in {len(views)} views, at least {LEAST_VIEWS} needed; "
                "record more, or bring its intrinsics"
            )
            continue
        p = [take.board.corners[view.ids].astype(np.float32) for view in views]
        q = [view.q.astype(np.float32) for view in views]
        _, K, k, _, _ = cv2.calibrateCamera(p, q, (width, height), None, None)  # pyright: ignore[reportCallIssue, reportArgumentType]
        distortion = np.zeros(8)
        distortion[:5] = k.ravel()[:5]
        found[name] = Camera(name=name, K=np.asarray(K, np.float64), width=width, height=height, distortion=distortion)
    return found, unsolved
