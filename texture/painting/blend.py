"""What all cameras together say of one instant's texels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Blend:
    """Colours of all covered texels at one instant, from every camera that sees them, in the atlas's order."""

    colors: Float32[np.ndarray, "texels 3"]
    """RGB, 0 to 255; zero where unseen."""
    weight: Float32[np.ndarray, "texels"]
    """Sum of cos^4 / z^2, times the quality of each camera, 1/m^2; zero where unseen."""
    source: UInt8[np.ndarray, "texels"] | None = None
    """Which camera gave most: 1 for the first view, 2 for the second, …; 0 where unseen. None: not recorded."""
    views: UInt8[np.ndarray, "texels"] | None = None
    """How many cameras gave something. None: not recorded."""
    spread: Float32[np.ndarray, "texels"] | None = None
    """Weighted standard deviation of the cameras' colours about their mean, levels per channel; zero where fewer than
    two see the texel. None: not recorded."""
