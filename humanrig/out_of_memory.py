"""An error that means a used-up memory, by whichever library found out."""

from __future__ import annotations

_WORDS = ("can't allocate memory", "cannot allocate memory", "insufficient memory", "failed to allocate", "bad_alloc",
          "unable to allocate", "out of memory")  # fmt: skip
"""Of torch, Linux, OpenCV (twice), C++, NumPy and CUDA."""


def is_out_of_memory(error: BaseException) -> bool:
    """True for Python's own MemoryError, and for what compiled libraries raise in its place."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError | ValueError | LookupError | TypeError):
        return False
    return any(words in str(error).lower() for words in _WORDS)
