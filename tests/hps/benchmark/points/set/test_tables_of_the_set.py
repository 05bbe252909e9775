"""The set's tables: they can be read, say what they must, and keep the splits apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from body.loading import load_body_model
from hps.benchmark.points.set.digests import Sameness, choices_digest, compare
from hps.benchmark.points.set.make_set import rows_of
from hps.benchmark.points.set.part_table import PARTS_FILE, read_parts, read_variants, write_parts
from hps.benchmark.points.set.rarity import mean_pose, mean_pose_of, rarity_mm
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.clothes import attire_of, fabric_name
from hps.synthesis.sampling.people import draw_people
from hps.synthesis.scenes.rows import SPLITS, CameraRow
from hps.synthesis.scenes.table import SceneTable


def test_written_and_read_again(tmp_path) -> None:
    rows = read_parts()
    write_parts(tmp_path / "again.csv", rows)
    assert read_parts(path=tmp_path / "again.csv") == rows
    assert (tmp_path / "again.csv").read_bytes() == PARTS_FILE.read_bytes()


def test_each_data_set_is_of_one_split_alone() -> None:
    for row in read_parts():
        assert row.config.shares[SPLITS.index(row.split)] == 1.0
        assert row.config.children == 0.1
        assert row.config.passes == ("clouds",)


def test_training_rows_say_what_their_commands_say() -> None:
    (row,) = (row for row in read_parts("train") if row.part == "train_kinect")
    assert row.config == SynthesisConfig(
        people=200, views=8, appearances=6, frames=8, rate_hz=5, groups=0, crowds=0, furniture=0, sensors=("kinect",),
        distance_m=(1.5, 3.5), shares=(1, 0, 0), children=0.1, cloud_points=2048, cloud_mask_px=(-1, 2),
        cloud_views=(1,), seed=90, passes=("clouds",),
    )  # fmt: skip


def test_splits_have_the_same_parts() -> None:
    test, validation = ({row.part for row in read_parts(split)} for split in ("test", "validation"))
    assert test == validation
    assert {variant.part for variant in read_variants("test")} == {v.part for v in read_variants("validation")}


@pytest.mark.slow
def test_splits_have_different_people_and_fabrics() -> None:
    model = load_body_model()
    subjects, fabrics = defaultdict(set), defaultdict(set)
    for row in {(row.split, row.config.seed): row for row in read_parts()}.values():
        few = replace(row.config, people=min(row.config.people, 10))
        for person in draw_people(few, model):
            subjects[person.split].add(person.subject)
            fabrics[person.split] |= {fabric_name(worn.fabric) for worn in attire_of(person).garments}
    for found in (subjects, fabrics):
        assert set(found) == set(SPLITS)
        for a, b in (("train", "validation"), ("train", "test"), ("validation", "test")):
            assert not found[a] & found[b]


def test_variants_name_data_sets_of_their_split() -> None:
    for variant in read_variants():
        assert variant.of in {row.name for row in read_parts(variant.split)}
        assert variant.plan.keeps_bodies


def test_bad_tables_are_refused(tmp_path) -> None:
    text = PARTS_FILE.read_text()
    bad = tmp_path / "parts.csv"
    bad.write_text(text.replace("cloud_points", "cloud_point", 1))
    with pytest.raises(HpsError, match="must have the columns"):
        read_parts(path=bad)
    head, first, *_ = text.splitlines()
    bad.write_text("\n".join([head, first, first]))
    with pytest.raises(HpsError, match="twice"):
        read_parts(path=bad)
    bad.write_text("\n".join([head, first.replace(",library,", ",rarely,")]))
    with pytest.raises(HpsError, match="'rarely'"):
        read_parts(path=bad)
    bad.write_text("\n".join([head, first.replace("kinect,", "sonar,", 2).replace(",kinect,", ",sonar,")]))
    with pytest.raises(HpsError, match="row 1"):
        read_parts(path=bad)
    with pytest.raises(HpsError, match="no split 'tset'"):
        read_parts("tset")
    with pytest.raises(HpsError, match="no part nowhere"):
        rows_of(("test",), ("nowhere",))


def test_checksums_tell_rounding_from_other_scenes() -> None:
    row = read_parts("test")[0]
    camera = CameraRow(
        scene="s000000", camera=0, sensor="kinect", unit_seed=1, width=64, height=48,
        fx=50.0, fy=50.0, cx=31.5, cy=23.5,
        x_m=1 / 3, y_m=0.0, z_m=1.0, qw=1.0, qx=0.0, qy=0.0, qz=0.0,
    )  # fmt: skip
    table, rounded, other = (
        SceneTable.of({"cameras": [one]})
        for one in (camera, replace(camera, x_m=camera.x_m + 1e-9), replace(camera, unit_seed=2))
    )
    published = replace(row, choices_sha256=choices_digest(table), table_sha256=table.digest)
    assert compare(published, table) is Sameness.EXACT
    assert compare(published, rounded) is Sameness.CHOICES
    assert compare(published, other) is Sameness.OTHER
    assert compare(replace(published, choices_sha256=""), table) is Sameness.UNPUBLISHED


def test_rarity_is_nothing_at_the_mean_pose_and_does_not_depend_on_what_is_beside_it() -> None:
    poses = np.stack([mean_pose(), np.zeros(69), np.random.default_rng(0).normal(0, 0.3, 69)])
    rare = rarity_mm(poses)
    assert rare[0] < 1e-9
    assert rare[1] > 50  # the T-pose: arms far from hanging down
    assert np.allclose(rarity_mm(poses[1:2]), rare[1:2])
    assert rarity_mm(np.zeros((0, 69))).shape == (0,)
    assert np.allclose(mean_pose_of(np.stack([poses[2], poses[2]])), poses[2])
    turned = np.stack([poses[2], -poses[2]])
    assert np.allclose(mean_pose_of(turned), 0, atol=1e-12)  # halfway between a turn and its inverse
