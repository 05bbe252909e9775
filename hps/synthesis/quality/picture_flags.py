"""Flags of a person in one picture, from the columns of its label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hps.synthesis.quality.flag_words import flag

OCCLUDED: Final = 0.7
"""Share of a person's pixels that something hides: AGORA's training crops leave out those with more than 70 % (its test
still counts people up to 90 %). GTA-Human leaves out "heavily occluded" clips without a published limit."""
TRUNCATED: Final = 0.5
"""Share of a person's pixels beyond the edge. Chosen: of a standing person the legs and hips may be cut off."""
SMALL_PX: Final = 64
"""Height or width, the larger one, of the whole body's box. Chosen: a quarter of the 256 pixels that estimators take;
below it, crops are enlarged at least four times."""


def picture_flags(row: Mapping[str, Any]) -> list[str]:
    """What makes a label hard to use, by its columns `pixels_visible`, `occluded`, `truncated` and `box_whole`.

    Shares are 0 to 1, NaN or None where there is nothing to divide by; a box is left, top, width, height, zeros or None
    for none.
    """
    truncated, occluded = _share(row["truncated"]), _share(row["occluded"])
    if row["pixels_visible"] == 0 and (truncated is None or truncated >= 1):
        return [flag("out_of_view", "0 pixels")]
    found = []
    if truncated is not None and truncated > TRUNCATED:
        found.append(flag("truncated", f"{100 * truncated:.0f} % of the body"))
    if row["pixels_visible"] == 0:
        occluded = 1.0
    if occluded is not None and occluded > OCCLUDED:
        found.append(flag("occluded", f"{100 * occluded:.0f} % of what is in view"))
    box = row["box_whole"]
    if box is not None and 0 < (size := max(box[2], box[3])) < SMALL_PX:
        found.append(flag("small", f"{size:.0f} pixels"))
    return found


def _share(value: float | None) -> float | None:
    """The number; None for one that is not there."""
    return None if value is None or value != value else float(value)
