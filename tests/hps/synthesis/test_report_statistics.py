"""Statistics of a data set: each figure on people, poses and views that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_labels import labels, person, table, write_rows

from body.motion.mean_body import mean_body
from hps.errors import HpsError
from hps.synthesis.quality.flag_words import ACTOR_FLAGS
from hps.synthesis.report.charts import histogram_sheet
from hps.synthesis.report.label_drawing import SEEN_COLOR, draw_labels
from hps.synthesis.report.label_rows import read_labels
from hps.synthesis.report.published import PUBLISHED, beside_published
from hps.synthesis.report.quantities import QUANTITIES, distribution
from hps.synthesis.report.statistics import COLUMNS, flag_counts, of_people, of_pictures, of_poses, of_views, statistics
from hps.synthesis.scenes.files import write_tables
from hps.synthesis.scenes.table import SceneTable


def test_body_mass_index_is_of_adults_and_ages_that_nobody_has_are_not_zero():
    found = of_people(table())
    np.testing.assert_allclose(found["bmi"], [20.0])
    unknown = SceneTable.of({"people": [person(age_years=0.0)]})
    assert np.isnan(of_people(unknown)["age_years"]).all()


def test_poses_count_once_for_all_cameras():
    found = of_poses(labels())
    rest = mean_body().rest_joints()
    # knee, ankle and foot turn by 90 degrees about x: each moves along the chord of its distance from that axis
    across = np.linalg.norm((rest[[4, 7, 10]] - rest[1])[:, 1:], axis=1) * np.sqrt(2)
    np.testing.assert_allclose(found["pose_from_rest_mm"], [0.0, 1000 * across.sum() / 24], atol=1e-9)
    np.testing.assert_allclose(found["pose_from_mean_mm"], [500 * across.sum() / 24] * 2, atol=1e-9)
    assert found["lean_deg"].max() < 15  # the neck is a little before the pelvis


def test_views_are_told_from_the_person():
    found = of_views(labels())
    np.testing.assert_allclose(found["azimuth_deg"][:2], [0.0, 90.0], atol=1e-9)
    np.testing.assert_allclose(found["elevation_deg"][:2], [0.0, 45.0], atol=1e-9)
    np.testing.assert_allclose(found["distance_m"][:2], [3.0, np.sqrt(8)])


def test_pictures():
    found = of_pictures(labels())
    np.testing.assert_array_equal(found["people_seen"], [1, 1, 1, 0])
    np.testing.assert_array_equal(found["size_px"], [200, 100, 200, np.nan])
    np.testing.assert_array_equal(found["keypoints_seen"], [17, 0, 17, np.nan])
    np.testing.assert_allclose(found["occluded"], [0, 80, 0, np.nan])


def test_flags_are_counted_by_name():
    found = flag_counts(labels())
    assert {name: told["labels"] for name, told in found.items() if told["labels"]} == {
        "near_static": 2, "occluded": 2, "none": 1,
    }  # fmt: skip


def test_values_beyond_the_bins_are_counted_in_the_last_and_nan_nowhere():
    found = distribution("height_m", np.array([0.5, 1.5, 9.0, np.nan]))
    assert found["count"] == sum(found["counts"]) == 3
    assert found["counts"][0] == found["counts"][-1] == 1
    assert (found["least"], found["median"], found["most"]) == (0.5, 1.5, 9.0)
    assert distribution("height_m", np.zeros(0))["count"] == 0


def test_a_data_set_is_told_from_its_files(tmp_path: Path):
    write_tables(tmp_path / "scenes", table())
    before = statistics(tmp_path)
    assert before["flags"] == {}
    assert before["shares"]["motion"] == {"kick": 1, "walk": 1}
    assert before["distributions"]["hfov_deg"]["median"] == 90.0
    write_rows(tmp_path, labels())
    found = statistics(tmp_path)
    assert found["splits"] == {"train": {"people": 2, "scenes": 1, "labels": 4}}
    assert set(found["distributions"]) == set(QUANTITIES)
    assert histogram_sheet(found).shape == (4 * 200, 5 * 320, 3)
    rows = beside_published(found)
    assert len(rows) == 1 + len(PUBLISHED)
    assert rows[0]["people_in_picture"] == "0 to 1"


def test_of_clouds_people_and_views_are_told_and_fused_ones_have_no_view(tmp_path: Path):
    write_tables(tmp_path / "scenes", table())
    missing = ("box_whole", "pixels_visible", "occluded", "truncated", "coco_visible", "picture_flags")
    rows = {name: v for name, v in labels().items() if name not in missing}
    write_rows(tmp_path, {**rows, "camera": np.array([0, -1, 0, -1])}, "clouds")
    found = statistics(tmp_path)
    assert list(found["flags"]) == [*ACTOR_FLAGS, "none"], "nobody looked for flags of pictures"
    assert found["distributions"]["distance_m"]["count"] == 2
    assert "occluded" not in found["distributions"]


def test_labels_are_read_as_they_were_written(tmp_path: Path):
    written = labels()
    write_rows(tmp_path, written)
    read = read_labels(tmp_path, COLUMNS)
    for name in COLUMNS:
        assert np.array_equal(np.array(read[name].tolist(), object), np.array(written[name].tolist(), object)) or (
            np.array_equal(read[name], written[name], equal_nan=True)
        )
    assert read_labels(tmp_path / "nothing", COLUMNS) == {}
    (tmp_path / "shards" / "train-00000.labels.parquet").write_bytes(b"PAR1")
    with pytest.raises(HpsError, match=r"train-00000.labels.parquet cannot be read .*--verify"):
        read_labels(tmp_path, COLUMNS)


def test_keypoints_are_drawn_where_they_are():
    row = {
        "actor": 0, "box_visible": [10, 10, 30, 30], "box_whole": [10.0, 10.0, 30.0, 50.0],
        "coco_2d": np.tile([20.0, 25.0], 17), "coco_visible": [2] * 17,
    }  # fmt: skip
    picture = np.zeros((60, 80, 3), np.uint8)
    drawn = draw_labels(picture, [row], np.zeros((60, 80), np.uint8))
    assert tuple(drawn[25, 20]) == SEEN_COLOR
    assert not picture.any()
    # behind the camera: nothing of it
    hidden = {**row, "coco_2d": np.full(34, np.nan), "box_visible": [0] * 4, "box_whole": [0.0] * 4}
    assert not draw_labels(picture, [hidden], np.zeros((60, 80), np.uint8)).any()
