"""Arrays of MATLAB files (version 5), which hold nothing that could run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from jaxtyping import Float

from hps.errors import HpsError


def mat_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of each array, without reading it. Raises HpsError for a missing or damaged file."""
    try:
        return {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    except FileNotFoundError:
        raise HpsError(f"{path} is missing; extract the clip again") from None
    except Exception as error:  # a damaged file raises errors of many kinds
        raise HpsError(f"{path} is not a whole MATLAB file ({error}); extract it again") from None


@lru_cache(maxsize=16)
def _arrays(path: str) -> dict[str, Any]:
    try:
        return scipy.io.loadmat(path)
    except FileNotFoundError:
        raise HpsError(f"{path} is missing; extract the clip again") from None
    except Exception as error:  # a damaged file raises errors of many kinds
        raise HpsError(f"{path} is not a whole MATLAB file ({error}); extract it again") from None


def mat_array(path: str, name: str) -> Float[np.ndarray, "..."]:
    """Numbers in float64. Raises HpsError for a missing or damaged file, and one that has no such numbers."""
    arrays = _arrays(path)
    if name not in arrays:
        raise HpsError(f"{path} has no {name}; extract the clip again")
    value = np.asarray(arrays[name])
    if value.dtype.kind not in "fiu":
        raise HpsError(f"{path}: {name} holds {value.dtype}, not numbers")
    return value.astype(np.float64)


def forget_mat_files() -> None:
    """Opens every file anew from here on: one may have been written again since."""
    _arrays.cache_clear()
