"""The published split of data sets that have none: which subjects train and which test is in their names' hash.

The rule needs no list: anybody with a subject's name computes its split. Whole subjects go to one side, whatever the
sequences, devices or subsets in which they appear. The same rule on names of actions gives a hold-out of actions.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal, get_args

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
RULE: Final = "humanrig-split-v1"
TRAIN_BELOW: Final = 0.7
VALIDATION_BELOW: Final = 0.8


def share_of(dataset: str, name: str) -> float:
    """Where a name falls between 0 and 1: the first 8 bytes of SHA-256 of `humanrig-split-v1:DATASET:NAME`.

    The bytes are read as a whole number, the first the highest, and divided by 2^64. UTF-8.
    """
    digest = hashlib.sha256(f"{RULE}:{dataset}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


def split_of(dataset: str, subject: str) -> Split:
    """train below 0.7, validation below 0.8, test above."""
    share = share_of(dataset, subject)
    if share < TRAIN_BELOW:
        return "train"
    return "validation" if share < VALIDATION_BELOW else "test"


def is_held_out(dataset: str, action: str) -> bool:
    """Whether an action belongs to the hold-out of actions: the rule puts its name into test.

    Who reports on unseen actions trains on subjects of train without these actions, and tests on subjects of test
    with them. An action without a name is never held out.
    """
    return bool(action) and split_of(dataset, action) == "test"
