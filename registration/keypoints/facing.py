"""Which way a person's trunk and head face the camera that sees them, from the keypoints of one image."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from registration.keypoints.sets import KeypointSet

SHOULDERS_M: Final = 0.33
"""Distance between an adult's shoulders, as detectors mean them."""
EARS_M: Final = 0.15
NOSE_M: Final = 0.11
"""How far the nose is before the middle of the ears."""


def facing(
    q: Float[np.ndarray, "joints 2"], metres_per_px: float, keypoints: KeypointSet
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """(cosine, sine) of the trunk's and of the head's turn about the body's long axis.

    (1, 0) faces the camera, (-1, 0) away from it, (0, 1) to the image's right when upright: then the right side is
    near. NaN where shoulders, hips, or nose and ears are missing from the set or the image.
    """
    at = {name: q[n] for n, name in enumerate(keypoints.names)}
    none = np.full(2, np.nan)
    pairs = [(at.get(f"left_{kind}", none), at.get(f"right_{kind}", none)) for kind in ("shoulder", "hip", "ear")]
    (ls, rs), (lh, rh), (le, re) = pairs
    up = (ls + rs - lh - rh) / 2
    length = float(np.linalg.norm(up))
    if not length > 0:
        return none, none
    across = np.array([-up[1], up[0]]) / length
    nose = float((at.get("nose", none) - (le + re) / 2) @ across) * metres_per_px / NOSE_M
    turned = [np.array([float((left - right) @ across) * metres_per_px / width, nose]) for left, right, width in
              ((ls, rs, SHOULDERS_M), (le, re, EARS_M))]  # fmt: skip
    trunk, head = (turn / max(float(np.linalg.norm(turn)), 1e-9) for turn in turned)
    return trunk, head
