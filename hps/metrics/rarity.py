"""How far a pose is from the mean pose, and errors balanced over that distance (IHMR, arXiv 2203.16427)."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from hps.errors import HpsError
from hps.metrics.alignment import same_shape
from hps.metrics.positions import joint_distances_mm

RARITY_BINS: Final = 100
TAILS: Final = (0.10, 0.05)
"""Shares of the rarest poses whose mean error is told apart."""
EDGE: Final = 0.001
"""Of a bin: how far beyond its edge a pose still belongs to the bin below (mmhuman3d)."""


def rarity_mm(
    vertices: Float[np.ndarray, "frames vertices 3"], mean_vertices: Float[np.ndarray, "vertices 3"]
) -> Float[np.ndarray, "frames"]:
    """Mean distance of the vertices from those of the mean-pose body, millimetres.

    Both must be in one frame. For clouds of any heading that is the body's own: pelvis unturned, no translation.
    """
    mean = np.broadcast_to(np.asarray(mean_vertices, np.float64), np.shape(vertices))
    same_shape("vertices", np.asarray(vertices), mean)
    return joint_distances_mm(vertices, mean).mean(-1)


def rarity_bin(rarity: Float[np.ndarray, "samples"], bins: int = RARITY_BINS) -> Int64[np.ndarray, "samples"]:
    """Bin of each sample: `bins` of equal width from the smallest to the largest rarity of these samples."""
    rarity = np.asarray(rarity, np.float64)
    if not len(rarity) or not np.isfinite(rarity).all():
        raise HpsError("balanced errors need the rarity of every sample; some are missing or there are no samples")
    width = (rarity.max() - rarity.min()) / bins
    if width == 0:
        return np.zeros(len(rarity), np.int64)
    return np.maximum(((rarity - rarity.min()) / width - EDGE).astype(np.int64), 0)


def balanced_mean(
    values: Float[np.ndarray, "samples"], rarity: Float[np.ndarray, "samples"], bins: int = RARITY_BINS
) -> float:
    """Mean over the rarity bins of each bin's mean: bMPJPE, bMPVPE, bPA-MPJPE. Empty bins do not count.

    The bins depend on the samples: compare methods on the same ones.
    """
    which = rarity_bin(rarity, bins)
    count = np.bincount(which, minlength=bins)
    total = np.bincount(which, np.asarray(values, np.float64), minlength=bins)
    return float((total[count > 0] / count[count > 0]).mean())


def tail_mean(values: Float[np.ndarray, "samples"], rarity: Float[np.ndarray, "samples"], share: float) -> float:
    """Mean over this share of the samples, the rarest ones; NaN when that is not one sample."""
    count = int(len(values) * share + 1e-9)
    rarest = np.argsort(rarity)[::-1][:count]
    return float(np.asarray(values, np.float64)[rarest].mean()) if count else float("nan")
