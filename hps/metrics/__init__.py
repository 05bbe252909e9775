"""Errors of estimated bodies against true ones, and how sure of itself an estimator may be.

Metres and radians in; what comes out is in the unit that the name ends with (`*_mm`, `*_deg`). docs/point_metrics.md
defines every number.
"""

from hps.metrics.acceleration import acceleration_error_m_s2, acceleration_error_mm, jitter_10m_s3
from hps.metrics.alignment import Similarity, best_similarity, procrustes, rooted
from hps.metrics.positions import (
    PELVIS,
    joint_distances_mm,
    mpjpe_mm,
    pa_mpjpe_mm,
    pa_pve_mm,
    pve_mm,
    translation_error_mm,
)

__all__ = [
    "PELVIS",
    "Similarity",
    "acceleration_error_m_s2",
    "acceleration_error_mm",
    "best_similarity",
    "jitter_10m_s3",
    "joint_distances_mm",
    "mpjpe_mm",
    "pa_mpjpe_mm",
    "pa_pve_mm",
    "procrustes",
    "pve_mm",
    "rooted",
    "translation_error_mm",
]
