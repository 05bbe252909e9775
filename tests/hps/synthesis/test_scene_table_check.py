from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made_table import hand_made

from body.bank import load_body_bank
from body.loading import load_body_model
from hps.errors import HpsError
from hps.synthesis.sampling.disjoint import disjoint, shared
from hps.synthesis.scenes.bodies_file import motion_sha256, write_bodies
from hps.synthesis.scenes.check import check, faults_of
from hps.synthesis.scenes.table import SceneTable

model = functools.cache(load_body_model)


def faults(table: SceneTable, bodies: Path | None = None, *, open_floor: bool = False) -> list[str]:
    """All of them; the model is read once for all tests."""
    return list(faults_of(table, bodies, model=model(), open_floor=open_floor))


@pytest.fixture(scope="module")
def table() -> SceneTable:
    bank = load_body_bank(model())
    return hand_made({split: bank.names(split)[0] for split in ("train", "test")})


def changed(table: SceneTable, name: str, row: int, **values) -> SceneTable:
    rows = list(getattr(table, name))
    rows[row] = replace(rows[row], **values)
    return replace(table, **{name: tuple(rows)})


def test_a_table_in_order_has_no_faults(table):
    assert faults(table) == []
    check(table)


@pytest.mark.parametrize(
    ("name", "row", "values", "words"),
    [
        (
            "people",
            0,
            {"split": "training"},
            "people p000000: split is 'training'; allowed are train, validation, test",
        ),
        ("people", 0, {"wardrobe": "armour"}, "wardrobe is 'armour'; allowed are sport"),
        ("people", 0, {"subject": "b9999"}, "subject 'b9999' is not in the bank, which has b0000 to b0399"),
        ("people", 0, {"height_m": 17.0}, "height_m is 17; allowed is 0.4 to 2.6"),
        ("people", 1, {"mass_kg": float("nan")}, "people p000001: mass_kg is nan, not a number"),
        ("people", 1, {"attire_seed": -1}, "attire_seed is -1; seeds are 0 or more"),
        ("people", 2, {"person": "p000000"}, "people: person p000000 is there 2 times"),
        ("people", 1, {"person": "p000077"}, "actors s000000 actor 1: there is no person 'p000001' in people"),
        ("scenes", 0, {"kind": "party"}, "kind is 'party'; allowed are single, group, crowd"),
        ("scenes", 0, {"frames": 0}, "frames is 0; allowed is 1 to 100000"),
        ("scenes", 1, {"scene": "s000005"}, "there is no scene 's000001' in scenes"),
        ("scenes", 1, {"split": "validation"}, "of the split 'test', the scene of 'validation'; nobody plays in two"),
        ("actors", 1, {"actor": 3}, "its actors have the numbers [0, 3]; they count from 0"),
        ("actors", 1, {"person": "p000000"}, "p000000 plays in s000000 twice"),
        ("actors", 2, {"scene": "s000000", "actor": 2}, "scenes s000001: nobody plays in it"),
        ("actors", 0, {"motion_sha256": "abc"}, "motion_sha256 is 'abc'; 64 hex digits"),
        ("things", 0, {"kind": "piano"}, "things s000000 thing 0: kind is 'piano'; allowed are chair"),
        ("things", 0, {"x_m": 9.0}, "x_m is 9; allowed is -3.6 to 3.6"),
        ("cameras", 1, {"sensor": "lidar"}, "cameras s000000 camera 1: sensor is 'lidar'; allowed are kinect"),
        ("cameras", 0, {"qw": 0.6}, "qw, qx, qy, qz have the length 1.053565; a rotation has 1"),
        ("cameras", 0, {"y_m": -4.0}, "y_m is -4, outside the room of ±3.6 m"),
        ("cameras", 0, {"z_m": 3.0}, "z_m is 3, above the ceiling at 2.9 m"),
        ("cameras", 0, {"x_m": 1.1, "y_m": 0.0}, "it stands 0.10 m from the middle of actor 1's spot"),
        ("cameras", 0, {"camera": 1}, "cameras: scene s000000 camera 1 is there 2 times"),
    ],
)
def test_each_fault_is_named(table, name, row, values, words):
    found = faults(changed(table, name, row, **values))
    assert any(words in fault for fault in found), found


def test_a_body_in_two_splits(table):
    both = changed(table, "people", 2, subject=table.people[0].subject)
    found = faults(both)
    assert any("is of p000000 in the split 'train', here in 'test'" in fault for fault in found)
    assert any("is of the bank's split 'train', not 'test'" in fault for fault in found)
    assert shared(both)["subjects"] == [table.people[0].subject]


def test_the_first_few_faults_and_their_number(table):
    bad = table
    for row in range(4):
        bad = changed(bad, "cameras", row, z_m=-1.0, fx=0.0)
    with pytest.raises(HpsError, match=r"\(8 faults\).*; and 3 more"):
        check(bad)


def test_an_open_floor_has_no_walls(table):
    far = changed(table, "cameras", 0, x_m=8.0)
    assert len(faults(far)) == 1
    assert not faults(far, open_floor=True)


def test_motions_must_be_those_of_the_table(table, tmp_path):
    motion = {"global_orient": np.zeros((2, 3)), "body_pose": np.zeros((2, 69)), "transl": np.zeros((2, 3))}
    other = {name: array + 1 for name, array in motion.items()}
    longer = {name: np.concatenate([array, array]) for name, array in motion.items()}
    good = replace(table, actors=tuple(replace(actor, motion_sha256=motion_sha256(motion)) for actor in table.actors))
    write_bodies(tmp_path / "s000000.npz", [motion, motion])
    assert any("s000001.npz: the motions of 1 actors cannot be read" in f for f in faults(good, tmp_path))
    write_bodies(tmp_path / "s000001.npz", [motion])
    assert not faults(good, tmp_path)
    write_bodies(tmp_path / "s000001.npz", [other])
    assert any("tables and motions are of different data sets" in f for f in faults(good, tmp_path))
    write_bodies(tmp_path / "s000001.npz", [longer])
    assert any("frames is 2, the stored motion of actor 0 has 4" in f for f in faults(good, tmp_path))


def test_what_splits_share_is_counted(table):
    # The two women of training and the one of the test wear the same look when their seeds are the same.
    assert disjoint(table)["motions"] == disjoint(table)["rooms"] == disjoint(table)["rigs"] == 0
    bad = changed(table, "scenes", 1, room_seed=table.scenes[0].room_seed, rig=table.scenes[0].rig)
    bad = changed(bad, "actors", 2, motion="run_floor_1+walk")
    bad = changed(bad, "people", 2, attire_seed=0)
    found = shared(bad)
    assert found["rooms"] == ["0"]
    assert found["rigs"] == ["train0"]
    assert found["motions"] == ["run"], "a stretch of a take is the take"
    assert found["fabrics"]
