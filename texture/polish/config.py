"""Options of the camera polish, each with what it was measured at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PolishConfig:
    """What cameras are compared at, and how far they may move."""

    instants: int = 6
    """Instants that are looked at, evenly spread over those given."""
    points: int = 12000
    """Points on the surface at each instant, evenly spread by area."""
    blur_px: tuple[float, ...] = (3.0, 1.5, 1.0)
    """Standard deviations of the blur of the pictures, coarse to fine. The first finds offsets of about three of it."""
    steps: int = 6
    """Gauss-Newton steps at each blur, at most."""
    sigma_mm: float = 10.0
    """How far a camera is believed to be off at the person, at least; more where a view says so (`sigma_px`)."""
    min_cosine: float = 0.35
    """Surfaces seen flatter than 70 degrees are not compared: an error of the surface moves them most."""
    margin_px: int = 4
    """Points this close to an outline, of the person or of a limb before another, are not compared."""
    min_gain: float = 0.01
    """The share by which the disagreement on held-out points must fall for the result to be kept."""
    seed: int = 0
    """Of the points on the surface."""
