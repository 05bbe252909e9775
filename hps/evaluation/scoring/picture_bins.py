"""Kinds of people of pictures: how hidden, how turned to the camera, how far from the picture's middle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from hps.evaluation.agora_matching import PicturePeople
from hps.evaluation.agora_matching.picture_people import MATCHED_JOINTS
from hps.evaluation.scoring.picture_groups import LARGE_WIDTH

LEFT_HIP: Final = 1
RIGHT_HIP: Final = 2
OCCLUSION_EDGES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TURNS: Final = ("facing the camera", "left side", "facing away", "right side")
COLUMNS: Final = 5


def picture_bins(true: Sequence[PicturePeople]) -> Iterator[tuple[str, list[Bool[np.ndarray, "people"]]]]:
    """Name of each bin, and for each picture who of its true people is in it."""
    for low, high in pairwise(OCCLUSION_EDGES):
        last = high == OCCLUSION_EDGES[-1]
        which = [(hidden >= low) & ((hidden < high) | (last & (hidden <= high))) for hidden in map(_hidden, true)]
        yield f"hidden {100 * low:.0f} to {100 * high:.0f} %", which
    for turn, name in enumerate(TURNS):
        yield name, [(np.round(facing_deg(people.joints) / 90).astype(int) % 4) == turn for people in true]
    for column in range(COLUMNS):
        low, high = column / COLUMNS, (column + 1) / COLUMNS
        yield (
            f"at {100 * low:.0f} to {100 * high:.0f} % of the width",
            [_column(people) == column for people in true],
        )


def facing_deg(joints: Float[np.ndarray, "people joints 3"]) -> Float[np.ndarray, "people"]:
    """Heading in the camera's frame: 0 faces the camera, 90 shows the left side, 180 the back, by the hips."""
    across = joints[:, LEFT_HIP] - joints[:, RIGHT_HIP]
    return np.degrees(np.arctan2(-across[:, 2], across[:, 0])) % 360


def _hidden(people: PicturePeople) -> Float[np.ndarray, "people"]:
    return np.zeros(len(people)) if people.occlusion is None else people.occlusion


def _column(people: PicturePeople) -> np.ndarray:
    x = people.q[:, :MATCHED_JOINTS, 0]
    middle = (x.min(1) + x.max(1)) / 2 if len(people) else np.zeros(0)
    return np.clip(middle / LARGE_WIDTH * COLUMNS, 0, COLUMNS - 1).astype(int)
