"""Statistics of a data set: each figure on people, poses and views that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.spatial.transform import Rotation

from body.motion.mean_body import mean_body
from geometry.rigid import look_at
from hps.errors import HpsError
from hps.synthesis.report.charts import histogram_sheet
from hps.synthesis.report.label_drawing import SEEN_COLOR, draw_labels
from hps.synthesis.report.label_rows import read_labels
from hps.synthesis.report.published import PUBLISHED, beside_published
from hps.synthesis.report.quantities import QUANTITIES, distribution
from hps.synthesis.report.statistics import COLUMNS, flag_counts, of_people, of_pictures, of_poses, of_views, statistics
from hps.synthesis.scenes.files import write_tables
from hps.synthesis.scenes.rows import ActorRow, CameraRow, PersonRow, SceneRow
from hps.synthesis.scenes.table import SceneTable


def person(**changes) -> PersonRow:
    values = {
        "person": "p0", "split": "train", "subject": "", "body_seed": 0, "sex": "female", "age_years": 30.0,
        "height_m": 2.0, "mass_kg": 80.0, "wardrobe": "sport", "attire_seed": 0,
    }  # fmt: skip
    return PersonRow(**{**values, **changes})


def table() -> SceneTable:
    T_world_camera = look_at(np.array([3.0, 0.0, 1.5]), np.array([0.0, 0.0, 1.0]))
    scene = SceneRow(
        scene="s0", split="train", kind="single", room_seed=0, rig="r", frames=2, rate_hz=10.0, noise_seed=0
    )
    actor = ActorRow(
        scene="s0", actor=0, person="p0", motion="walk+kick", recipe="sequence", motion_seed=0, motion_sha256="",
        x_m=0.0, y_m=0.0, heading_rad=0.0,
    )  # fmt: skip
    camera = CameraRow(
        scene="s0", camera=0, sensor="kinect", unit_seed=0, width=640, height=480, fx=320.0, fy=320.0, cx=319.5,
        cy=239.5, **CameraRow.placed(T_world_camera),
    )  # fmt: skip
    people = [person(), person(person="p1", age_years=6.0, height_m=1.2, mass_kg=20.0, sex="male")]
    return SceneTable.of({"people": people, "scenes": [scene], "actors": [actor], "cameras": [camera]})


def labels() -> dict[str, np.ndarray]:
    """One person at two instants, at the second with a raised leg, in two cameras: from the front, left and above."""
    rest = mean_body().rest_joints()
    upright = Rotation.from_euler("x", 90, degrees=True)
    joints = upright.apply(rest - rest[0]) + [0.0, 0.0, 1.0]
    pose = np.zeros((4, 69))
    pose[2:, 0] = -np.pi / 2  # left hip
    cameras = [look_at(np.array(p, float), np.array([0.0, 0, 1])) for p in ([0, -3, 1], [2, 0, 3])]
    some, none = ["occluded: 80 % of what is in view"], []
    flags = np.empty(4, object)
    flags[:] = [none, some, none, some]
    still = np.empty(4, object)
    still[:] = [none, none, ["near_static: 0.1 cm in 0.1 s"], ["near_static: 0.1 cm in 0.1 s"]]
    return {
        "split": np.array(["train"] * 4),
        "scene": np.array(["s0"] * 4),
        "frame": np.array([0, 0, 1, 1]),
        "camera": np.array([0, 1, 0, 1]),
        "actor": np.zeros(4, int),
        "body_pose": pose,
        "global_orient_world": np.tile(upright.as_rotvec(), (4, 1)),
        "joints_world": np.tile(joints.ravel(), (4, 1)),
        "T_world_camera": np.stack([T.ravel() for T in (*cameras, *cameras)]),
        "box_whole": np.array([[0, 0, 50, 200.0], [0, 0, 40, 100], [0, 0, 50, 200], [-9, -9, 4, 4]]),
        "pixels_visible": np.array([4000, 300, 4000, 0]),
        "occluded": np.array([0, 0.8, 0, np.nan]),
        "truncated": np.array([0, 0, 0.25, 1]),
        "coco_visible": np.repeat([[2], [1], [2], [0]], 17, 1),
        "label_gap_mm": np.array([4.0, 4, 5, 5]),
        "actor_flags": still,
        "picture_flags": flags,
    }


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


def write_rows(folder: Path, found: dict[str, np.ndarray]) -> None:
    arrays = {
        name: pa.FixedSizeListArray.from_arrays(pa.array(v.ravel()), v.shape[1]) if v.ndim == 2 else pa.array(list(v))
        for name, v in found.items()
    }
    (folder / "shards").mkdir()
    pq.write_table(pa.table(arrays), folder / "shards" / "train-00000.labels.parquet")
    (folder / "shards" / "train-00000.labels.json").write_text("{}")


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
