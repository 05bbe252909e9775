"""How the inner loops of clothes are compiled."""

from __future__ import annotations

from typing import Any, Final

COMPILED: Final[dict[str, Any]] = {
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "arcp", "nsz"},
}
"""Arguments of numba.njit: no checks for division by zero, sums in any order, infinities stay what they are."""
