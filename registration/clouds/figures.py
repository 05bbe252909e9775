"""How many points each step of the fusion removed, and how well the cameras agree."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudFigures:
    """Counts of one instant; by camera name where it says so."""

    seen: dict[str, int]
    """Pixels of people with a depth."""
    kept: dict[str, int]
    """Points in the cloud, before thinning."""
    edge: int
    """Removed: on an edge, seen edge-on, or too thin for a surface."""
    unconfirmed: int
    """Removed: no other camera sees a surface there."""
    carved: int
    """Removed: another camera looks through them, and none confirms them."""
    thinned: int
    """Removed: another point in the same voxel."""
    uncolored: int
    """Kept, but no colour camera saw them; they are black."""
    apart_m: dict[str, float]
    """How far each camera's surface lies from that of the others, beyond the noise: a standard deviation.

    NaN where they have no surface in common."""
    lonely: dict[str, float]
    """Part of each camera's points that no other camera confirms; NaN for a camera without points, and where only one
    saw anybody."""
