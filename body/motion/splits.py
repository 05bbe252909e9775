"""Which clips are for training, validation and test: whole clips, fixed before anything was tuned on them."""

from __future__ import annotations

from typing import Final, Literal, get_args

from body.errors import BodyError

Split = Literal["train", "validation", "test"]

SPLIT_OF: Final[dict[str, Split]] = {
    "backflip": "train",
    "cartwheel": "train",
    "climb_0": "train",
    "climb_1": "train",
    "climb_2": "train",
    "dance_b": "train",
    "getup_facedown": "train",
    "getup_faceup": "train",
    "jump": "train",
    "punch": "train",
    "roll": "train",
    "run": "train",
    "spin": "train",
    "climb_3": "validation",
    "crawl": "validation",
    "kick": "validation",
    "climb_4": "test",
    "dance_a": "test",
    "spinkick": "test",
    "walk": "test",
}
"""Mirrored, retimed and blended versions belong to the split of their clips. The held-out DeepMimic clips are those
that the open body's pose correctives have not seen either. climb_0 to climb_3 are one person on one course of boxes, so
climb_3 is an easier test than climb_4, which is another course."""


def split_of(name: str) -> Split:
    """Split of a clip; clips that the table does not know are for training."""
    return SPLIT_OF.get(name, "train")


def check_split(split: str) -> None:
    """Raises BodyError unless it is one of the three splits."""
    if split not in get_args(Split):
        raise BodyError(f"there is no split {split!r}; the splits are: {', '.join(get_args(Split))}")
