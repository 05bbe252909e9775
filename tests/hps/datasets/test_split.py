"""The published split: golden values that must never change, its shares, and what it keeps apart."""

from __future__ import annotations

import pytest

from hps.datasets.reader import CloudReader, Entry
from hps.datasets.split import is_held_out, share_of, split_of

# printf %s humanrig-split-v1:humman:p000455 | sha256sum gives 16 digits; bc: that / 2^64
GOLDEN = {
    ("humman", "p000007"): (0.20263250278176, "train"),
    ("humman", "p000455"): (0.71823797950582, "validation"),
    ("humman", "p000438"): (0.77329281251229, "validation"),
    ("humman", "p001110"): (0.69247265977344, "train"),
    ("humman", "p000012"): (0.88106476225423, "test"),
    ("gta_human_2", "seq_00087011"): (0.59388653095132, "train"),
    ("humanrig_session", "p000001"): (0.46992125200985, "train"),
}


def test_names_fall_where_the_published_rule_puts_them():
    assert GOLDEN
    for (dataset, name), (share, split) in GOLDEN.items():
        assert share_of(dataset, name) == pytest.approx(share, abs=1e-12)
        assert split_of(dataset, name) == split


def test_shares_of_many_subjects_are_those_of_the_rule():
    """Of 20,000 names the share of each side is off by less than four standard deviations."""
    names = [f"p{n:06d}" for n in range(20_000)]
    found = [split_of("humman", name) for name in names]
    for split, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
        assert abs(found.count(split) / len(names) - share) < 4 * (share * (1 - share) / len(names)) ** 0.5


def test_data_sets_are_split_apart_and_nameless_actions_stay():
    names = [f"p{n:06d}" for n in range(500)]
    both = sum(split_of("humman", name) == split_of("gta_human_2", name) == "test" for name in names)
    assert 5 < both < 45  # 20 of 500 expected if independent, 100 if the data set did not count
    assert not is_held_out("humman", "")
    held = sum(is_held_out("humman", f"a{n:06d}") for n in range(500))
    assert 60 < held < 140


def test_a_reader_parts_into_held_out_actions_and_the_others():
    entries = tuple(
        Entry(key=f"k{n}", subject="s", action=f"a{n:06d}", sequence="q", frame=n) for n in range(100)
    )  # fmt: skip
    reader = CloudReader(dataset="humman", protocol="p", entries=entries, read=lambda entry: pytest.fail("was read"))
    held, others = reader.held_out_actions(True), reader.held_out_actions(False)
    assert 0 < len(held) < len(others)
    assert all(is_held_out("humman", entry.action) for entry in held.entries)
    assert sorted(held.keys + others.keys) == sorted(reader.keys)
