"""What is known of each camera's lens before a solve; a lens that nobody knows is found from the views."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from calibration.board_view import BoardTake
from calibration.bundle.problem import IntrinsicsPrior, intrinsics_of
from calibration.intrinsics.calibrate import calibrate_intrinsics
from calibration.intrinsics.factory import device_kind, factory_prior, held_prior
from calibration.intrinsics.lens_models import free_prior
from calibration.rig import device_of
from geometry.camera import Camera


def lens_priors(
    cameras: Mapping[str, Camera], given: Mapping[str, IntrinsicsPrior], free: bool
) -> dict[str, IntrinsicsPrior]:
    """Priors for all cameras: the ones given, else a factory's, by the kind of device that the camera's name tells.
    Nothing moves where the lenses are not `free`."""
    if not free:
        return {name: held_prior(camera) for name, camera in cameras.items()}
    return {
        name: given[name] if name in given else factory_prior(camera, device_kind(device_of(name)))
        for name, camera in cameras.items()
    }


def missing_lenses(
    take: BoardTake, known: Collection[str]
) -> tuple[dict[str, Camera], dict[str, IntrinsicsPrior], dict[str, str]]:
    """Lenses of the cameras that are not `known`, from their views, with priors that leave them to the views; and the
    ones that stay unknown, with the reason."""
    found, priors, unsolved = {}, {}, {}
    for name in take.image_sizes:
        if name in known:
            continue
        if not take.of_camera(name):
            unsolved[name] = "its lens is not known and it never saw the board: show it the board, or bring its lens"
            continue
        result = calibrate_intrinsics(take, name)
        if result.camera is None:
            unsolved[name] = f"its lens is not known, and its views do not tell it: {result.reason}"
            continue
        found[name] = result.camera
        loose = free_prior(result.camera, result.model)
        priors[name] = IntrinsicsPrior(mean=intrinsics_of(result.camera), sigma=loose.sigma)
    return found, priors, unsolved
