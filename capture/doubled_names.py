"""Names that must be different and are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def doubled_name(names: Iterable[str]) -> str | None:
    """The first in the alphabet of those that are there more than once; None when all are different."""
    return min((name for name, times in Counter(names).items() if times > 1), default=None)
