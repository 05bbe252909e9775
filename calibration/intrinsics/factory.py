"""How far a factory's numbers for a lens can be trusted: priors for each kind of device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.bundle.problem import IntrinsicsPrior, intrinsics_of
from calibration.errors import CalibrationError
from geometry.camera import Camera
from geometry.distortion import distort, undistort


@dataclass(frozen=True, kw_only=True, slots=True)
class FactorySigma:
    """Standard deviations of a factory's numbers; all as parts of the focal length, so they hold in every mode."""

    focal: float
    center: float
    distortion: float
    """How far each coefficient may move the image's farthest corner."""
    radial: int
    """Coefficients k1, k2, k3 that may move, counted in this order; none of k4 … k6 where the factory gave none."""


FACTORY_SIGMAS = {
    # The four published calibrations of Azure Kinects (SDK and pyk4a tests) differ by 0.1 % in f and 0.2 % of the width
    # in c; recalibrations of single units differ from the factory by a few tenths of a percent and up to 3 px at 720p.
    # 0.003 of f is 1.8 px at 720p, what the published OpenCV calibration of one unit moves at its corners.
    "azure-kinect": FactorySigma(focal=0.003, center=0.005, distortion=0.003, radial=3),
    # Factory-rectified; temperature moves f by a few tenths of a percent (RealSense self-calibration white paper: the
    # reason for on-chip calibration). Assumed.
    "realsense": FactorySigma(focal=0.004, center=0.005, distortion=0.003, radial=2),
    # ARKit states f and c for every frame; autofocus and the stabilised lens move f by 5 px and c by 20 px within a
    # real capture of 31 frames. Of distortion it says nothing. A frame's own numbers are surer than one mean for all.
    "iphone": FactorySigma(focal=0.005, center=0.006, distortion=0.002, radial=2),
    # Numbers of a file that nobody vouches for.
    "other": FactorySigma(focal=0.01, center=0.01, distortion=0.005, radial=3),
}
"""By kind of device. No factory publishes these; each line says what it rests on."""


def device_kind(model: str) -> str:
    """The key of FACTORY_SIGMAS for a device's model as session.toml has it: `Azure Kinect DK` is `azure-kinect`."""
    words = model.lower().replace("-", " ")
    if "kinect" in words or "femto" in words:  # Orbbec's Femto Bolt has the Azure Kinect's depth sensor and lens model
        return "azure-kinect"
    if "realsense" in words:
        return "realsense"
    return "iphone" if "iphone" in words or "ipad" in words else "other"


def factory_prior(camera: Camera, kind: str) -> IntrinsicsPrior:
    """What the factory's numbers say of a lens: `camera` has the numbers, `kind` is a key of FACTORY_SIGMAS.

    Coefficients k4 … k6 that the factory left at 0 are held there. Raises CalibrationError on an unknown kind.
    """
    if kind not in FACTORY_SIGMAS:
        raise CalibrationError(
            f"camera '{camera.name}': no factory accuracy known for '{kind}'; give one of {', '.join(FACTORY_SIGMAS)}"
        )
    table = FACTORY_SIGMAS[kind]
    mean = intrinsics_of(camera)
    f = float(np.sqrt(mean[0] * mean[1]))
    sigma = np.zeros(12)
    sigma[:2], sigma[2:4] = table.focal * mean[:2], table.center * f
    moved = coefficient_reach(camera)
    rational = bool(np.any(camera.distortion[5:]))
    free = np.array([table.radial > 0, table.radial > 1, True, True, table.radial > 2, rational, rational, rational])
    sigma[4:] = np.where(free, table.distortion / moved, 0.0)
    return IntrinsicsPrior(mean=mean, sigma=sigma)


def held_prior(camera: Camera) -> IntrinsicsPrior:
    """A lens that stays as it is."""
    return IntrinsicsPrior(mean=intrinsics_of(camera), sigma=np.zeros(12))


def coefficient_reach(camera: Camera) -> Float[np.ndarray, "8"]:
    """How far a coefficient of one moves the image's farthest corner, as a part of the focal length."""
    radius = corner_radius(camera)
    points = radius * np.array([[np.sqrt(0.5), np.sqrt(0.5)], [1.0, 0.0], [0.0, 1.0]])
    step = 1e-6
    plain = distort(points, camera.distortion)
    shifts = [
        np.linalg.norm(distort(points, camera.distortion + step * unit) - plain, axis=-1).max() / step
        for unit in np.eye(8)
    ]
    return np.array(shifts)


def corner_radius(camera: Camera) -> float:
    """Distance of the image's farthest visible corner from the axis, on the plane z = 1."""
    u, v = np.array([-0.5, camera.width - 0.5]), np.array([-0.5, camera.height - 0.5])
    corners = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
    xy = (corners - camera.K[:2, 2]) @ np.linalg.inv(camera.K[:2, :2]).T
    radius = np.linalg.norm(undistort(xy, camera.distortion, camera.metric_radius), axis=-1)
    if np.isfinite(radius).all():
        return float(radius.max())
    return float(min(np.linalg.norm(xy, axis=-1).max(), camera.metric_radius))  # corners that the lens does not reach
