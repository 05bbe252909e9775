"""Metres for a world of unknown scale: from the person's height, or from depth images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.errors import CalibrationError

SEGMENTS = {"shank": 0.246, "thigh": 0.245, "trunk": 0.288}
"""Lengths as parts of the stature: Drillis and Contini's (1966), as Winter prints them (Biomechanics, table 4.1):
ankle at 0.039, knee at 0.285, hip at 0.530, shoulder at 0.818 of the stature."""
SEGMENTS_SIGMA = 0.02
"""Relative. Bodies differ by 3 % a segment, and keypoints are not quite these joints; the sum differs less."""
SURFACE_M, SURFACE_SIGMA_M = 0.06, 0.03
"""How far a joint lies behind the skin that a depth camera measures: half the thickness of limbs and trunk."""
FEWEST_DEPTHS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Height:
    """The person's stature."""

    m: float
    sigma_m: float = 0.01
    """A stature is known to a centimetre, with or without shoes."""

    def __post_init__(self) -> None:
        """Raises CalibrationError on what no person measures."""
        if not 0.5 <= self.m <= 2.6:
            raise CalibrationError(f"a person of {self.m:g} m cannot be; give the height in metres, such as 1.75")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DepthScale:
    """Depth where the keypoints are."""

    z_m: Float[np.ndarray, "instants cameras joints"]
    """What a depth camera measures at the keypoint, along the axis of the colour camera; NaN where nothing."""
    sigma: float = 0.005
    """Relative, of the depth cameras together: a bias of a centimetre at 2 m that they share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Metres to one unit of the world."""

    factor: float
    sigma: float
    """Relative."""
    text: str


def metric_scale(
    scale: Height | DepthScale,
    names: tuple[str, ...],
    p_world: Float[np.ndarray, "instants joints 3"],
    z_camera: Float[np.ndarray, "instants cameras joints"],
) -> Scale:
    """From joints in a world of any scale, and their depths in each camera, NaN where not known.

    Raises CalibrationError when the joints that it takes are missing.
    """
    if isinstance(scale, Height):
        return _from_height(scale, names, p_world)
    return _from_depth(scale, z_camera)


def _from_height(height: Height, names: tuple[str, ...], p_world: np.ndarray) -> Scale:
    lengths, missing = {}, []
    for segment, (upper, lower) in _ENDS.items():
        found = [_length(p_world, names, f"{side}_{upper}", f"{side}_{lower}") for side in ("left", "right")]
        found = [length for length in found if np.isfinite(length)]
        if found:
            lengths[segment] = float(np.mean(found))
        else:
            missing.append(f"{upper} to {lower}")
    if missing:
        raise CalibrationError(
            f"the person's height gives no scale, because {', '.join(missing)} was never seen by two cameras; "
            "record the whole person, or give depth"
        )
    stature = sum(lengths.values()) / sum(SEGMENTS[segment] for segment in lengths)
    return Scale(
        factor=height.m / stature,
        sigma=float(np.hypot(SEGMENTS_SIGMA, height.sigma_m / height.m)),
        text=f"the person is {height.m:.2f} m tall",
    )


_ENDS = {"shank": ("knee", "ankle"), "thigh": ("hip", "knee"), "trunk": ("shoulder", "hip")}


def _length(p_world: np.ndarray, names: tuple[str, ...], a: str, b: str) -> float:
    if a not in names or b not in names:
        return float("nan")
    length = np.linalg.norm(p_world[:, names.index(a)] - p_world[:, names.index(b)], axis=-1)
    length = length[np.isfinite(length)]
    return float(np.median(length)) if len(length) else float("nan")


def _from_depth(scale: DepthScale, z_camera: np.ndarray) -> Scale:
    """z_m = factor * z - surface, by robust least squares with the surface's prior."""
    both = np.isfinite(scale.z_m) & np.isfinite(z_camera) & (z_camera > 0) & (scale.z_m > 0)
    if both.sum() < FEWEST_DEPTHS:
        raise CalibrationError(
            f"depth gives no scale: {int(both.sum())} keypoints have depth, at least {FEWEST_DEPTHS} needed; "
            "record depth of the person, or give the person's height"
        )
    z, measured = z_camera[both], scale.z_m[both]
    factor, surface = float(np.median((measured + SURFACE_M) / z)), SURFACE_M
    spread, H = 0.0, np.eye(2)
    for _ in range(20):
        off = measured - factor * z + surface
        spread = max(1.4826 * float(np.median(np.abs(off))), 1e-3)
        w = 1 / (1 + (off / (2.5 * spread)) ** 2) ** 2 / spread**2
        # neighbouring keypoints share their error: as many as one in ten counts
        w = w / 10
        J = np.stack([z, -np.ones_like(z)], -1)
        H = (J * w[:, None]).T @ J + np.diag([0, 1 / SURFACE_SIGMA_M**2])
        g = (J * w[:, None]).T @ off + np.array([0, (SURFACE_M - surface) / SURFACE_SIGMA_M**2])
        step = np.linalg.solve(H, g)
        factor, surface = factor + float(step[0]), surface + float(step[1])
    fitted = float(np.sqrt(np.linalg.inv(H)[0, 0])) / factor
    return Scale(
        factor=factor,
        sigma=float(np.hypot(fitted, scale.sigma)),
        text=f"depth at {int(both.sum())} keypoints, {1000 * spread:.0f} mm spread",
    )
