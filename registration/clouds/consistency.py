"""How far each camera's surface lies from that of the others: what its calibration is off, taken into its weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import nnls

FEWEST = 30
"""Points that two cameras must have in common to be compared."""
APART_M = 0.005
"""A camera this far from the others is named: a good calibration leaves 0.5 mm."""
LONELY = 0.5
"""…and one of whose points more than this part is confirmed by nobody; with ten cameras around a body 2 to 8 % are."""
SHARED = 0.85
"""Neighbours of a camera that is off miss it too: only those nearly as lonely as the loneliest are named."""


def camera_excess(pairs: Float[np.ndarray, "views views 3"]) -> Float[np.ndarray, "views"]:
    """Standard deviation of each camera's surface beyond its points' own sigma, metres; 0 where it is not known.

    pairs: as in registration.clouds.agreement. The mean squared distance of two cameras is the sum of both cameras'
    excess and of their points' variances; least squares with no negative excess.
    """
    count = pairs[..., 0] + pairs[..., 0].T
    i, j = np.nonzero(np.triu(count >= FEWEST, 1))
    if not len(i):
        return np.zeros(len(pairs))
    n = count[i, j]
    rest = (pairs[i, j, 1] + pairs[j, i, 1] - pairs[i, j, 2] - pairs[j, i, 2]) / n
    design = np.zeros((len(i), len(pairs)))
    design[np.arange(len(i)), i] = design[np.arange(len(i)), j] = 1
    # a small pull towards none, since one pair alone does not tell which of the two it is
    weight = np.sqrt(n)[:, None]
    pull = 1e-3 * np.sqrt(n.sum()) * np.eye(len(pairs))
    found, _ = nnls(
        np.concatenate([design * weight, pull]), np.concatenate([rest * weight[:, 0], np.zeros(len(pairs))])
    )
    return np.sqrt(found)


def is_compared(pairs: Float[np.ndarray, "views views 3"]) -> Bool[np.ndarray, "views"]:
    """Which cameras have enough surface in common with any other for `camera_excess` to tell something of them."""
    count = pairs[..., 0] + pairs[..., 0].T
    return np.any((count >= FEWEST) & ~np.eye(len(count), dtype=bool), axis=1)


def warnings_of(apart_m: Mapping[str, Sequence[float]], lonely: Mapping[str, Sequence[float]]) -> list[str]:
    """One sentence for each camera that disagrees with the others over a clip: values of its instants by camera."""
    said = []
    alone_of = {name: _median(values) for name, values in lonely.items()}
    most = max(alone_of.values(), default=0.0)
    for name in apart_m:
        alone, apart = alone_of[name], _median(apart_m[name])
        if alone > max(LONELY, SHARED * most):
            said.append(
                f"{name}: {100 * alone:.0f} % of its points are where no other camera sees anything; it was moved "
                "after the calibration, or calibrated badly: calibrate again, or leave it out with "
                f"--without {_device(name)}"
            )
        elif apart > APART_M:
            said.append(
                f"{name}: its surface lies {1e3 * apart:.1f} mm from that of the other cameras, beyond the noise; "
                f"calibrate again, or leave it out with --without {_device(name)}"
            )
    return said


def _median(values: Sequence[float]) -> float:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else 0.0


def _device(stream: str) -> str:
    return stream.partition("/")[0]
