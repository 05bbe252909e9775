"""How large a packed file may become: one that was made to fill the memory is refused before it is unpacked."""

from __future__ import annotations

from typing import Final

ALWAYS_BYTES: Final = 2**31
"""That any file may become."""
LARGEST_RATIO: Final = 100
"""To which a larger file may grow. Arrays of data sets shrink to a tenth at most, constant ones to a thousandth."""


def most_bytes(packed: int) -> int:
    """Bytes that a file of `packed` bytes may become."""
    return max(ALWAYS_BYTES, LARGEST_RATIO * packed)
