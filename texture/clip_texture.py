"""One texture for a whole clip: the agreement of several instants, texel by texel."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

DISAGREEMENT = 20.0
"""Grey levels at which an instant counts half: above JPEG noise and blending error, below a wrong surface's colour."""
ITERATIONS = 4


def agreed_colors(
    colors: Float32[np.ndarray, "instants texels 3"], weights: Float32[np.ndarray, "instants texels"]
) -> tuple[Float32[np.ndarray, "texels 3"], Float32[np.ndarray, "texels"]]:
    """Robust mean over the instants and the sum of the weights; colour 0 where no instant saw the texel.

    Starts from the weighted mean and lowers the weight of instants that disagree (Cauchy weights).
    """
    robust = weights
    mean = np.zeros(colors.shape[1:], np.float32)
    for _ in range(ITERATIONS):
        total = robust.sum(0)
        mean = np.einsum("tn,tnc->nc", robust, colors) / np.maximum(total, 1e-12)[:, None]
        distance = np.linalg.norm(colors - mean, axis=-1)
        robust = weights / (1 + (distance / DISAGREEMENT) ** 2)
    return mean.astype(np.float32), weights.sum(0)
