"""Rows of pictures by sequence and person: every row once, frames rising."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hps.evaluation.files.picture_rows import gathered

NAMES = st.lists(
    st.tuples(st.sampled_from(["", "a/", "a/b/"]), st.sampled_from(["", "x_", "x", "x0", "y"]), st.integers(0, 30)),
    max_size=30,
)


@settings(max_examples=40)
@given(NAMES, st.booleans())
def test_every_row_is_gathered_once(places, named):
    pictures = [f"{folder}{prefix}{number}.png" for folder, prefix, number in places]
    people = [str(row % 3) for row in range(len(pictures))] if named else None
    groups = gathered(pictures, people)
    rows = [int(row) for group in groups for row in group.rows]
    assert sorted(rows) == list(range(len(pictures)))
    assert len({(group.sequence, group.person) for group in groups}) == len(groups)
    for group in groups:
        assert (np.diff(group.frames) > 0).all()
        assert [places[row][2] for row in group.rows] == group.frames.tolist()


def test_names_of_real_data_sets():
    names = ["courtyard_00/image_00001.jpg", "courtyard_00/image_00000.jpg", "courtyard_00/image_00001.jpg"]
    first, second = gathered(names, ["1", "1", "1"])
    assert (first.sequence, first.person, first.frames.tolist(), first.rows.tolist()) == (
        "courtyard_00", "1", [0, 1], [1, 0]
    )  # fmt: skip
    assert (second.person, second.rows.tolist()) == ("1_2", [2])
    assert [g.sequence for g in gathered(["train/COCO_000012.jpg", "train/other.jpg"])] == ["train/COCO", "train/other"]
    assert [g.sequence for g in gathered(["000001.jpg"])] == [""]
