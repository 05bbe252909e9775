"""What a point of a cloud can be labelled with, beside the 24 joints whose skin it may show."""

from __future__ import annotations

from typing import Final

NOT_BODY: Final = 24
"""Neither skin of this body nor cloth over it."""
UNKNOWN_PART: Final = -1
