"""What is known of each camera's lens before a solve; a lens that nobody knows is found from the views."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from calibration.board_view import BoardTake
from calibration.bundle.problem import IntrinsicsPrior, intrinsics_of
from calibration.checks import doubtful
from calibration.intrinsics.calibrate import calibrate_intrinsics
from calibration.intrinsics.factory import device_kind, factory_prior, held_prior
from calibration.intrinsics.lens_models import free_prior
from calibration.rig import Verdict, device_of
from geometry.camera import Camera

START_FOCAL = 0.02
"""Part of the focal length: a rig is adjusted from there to the same minimum."""


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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FoundLenses:
    """Lenses that nobody knew, as the views alone have them."""

    cameras: dict[str, Camera]
    priors: dict[str, IntrinsicsPrior]
    """That leave them to the views."""
    verdicts: tuple[Verdict, ...]
    """On lenses that their views support poorly."""
    unsolved: dict[str, str]
    """Cameras whose lens stays unknown, and why."""


def missing_lenses(take: BoardTake, known: Collection[str]) -> FoundLenses:
    """Lenses of the cameras that are not `known`.

    One that its own views do not support (`IntrinsicsResult.accepted`) is a start if its focal length is told within
    START_FOCAL: the other cameras, who say where the board is, settle it with the rest.
    """
    cameras, priors, doubts, unsolved = {}, {}, [], {}
    for name in take.image_sizes:
        if name in known:
            continue
        if not take.of_camera(name):
            unsolved[name] = "its lens is not known and it never saw the board: show it the board, or bring its lens"
            continue
        result = calibrate_intrinsics(take, name)
        camera = result.camera if result.accepted else result.estimate
        if camera is None or not result.estimate_sigma[0] < START_FOCAL * camera.K[0, 0]:
            unsolved[name] = f"its lens is not known, and its views do not tell it: {result.reason}"
            continue
        if not result.accepted:
            doubts.append(doubtful(name, f"its lens was not known and is doubtful: {result.reason}"))
        cameras[name] = camera
        loose = free_prior(camera, result.model)
        priors[name] = IntrinsicsPrior(mean=intrinsics_of(camera), sigma=loose.sigma)
    return FoundLenses(cameras=cameras, priors=priors, verdicts=tuple(doubts), unsolved=unsolved)
