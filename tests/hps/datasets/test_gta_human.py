"""GTA-Human II: clouds and annotations written small by hand as the release describes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from posed_person import moved, off_skin_mm, person, ring, seen, skin

from geometry.depth import depth_to_points
from hps.datasets.opening import open_dataset
from hps.errors import HpsError

CAMERA = ring(1)[0]
BODY = person(4, frames=2)
IN_CAMERA = moved(BODY, np.linalg.inv(CAMERA.T_world_camera))
AS_STORED_MM = 0.01
"""float32 metres."""


def write_pcd(path: Path, points: np.ndarray) -> None:
    """Binary, as Open3D writes it."""
    head = (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
    )
    head += f"WIDTH {len(points)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(points)}\nDATA binary\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head.encode() + points.astype("<f4").tobytes())


def annotation(pose: int = 63, valid: bool = True) -> dict:
    frames = len(IN_CAMERA)
    occluded = np.zeros((frames, 100))
    occluded[1, :25] = 1
    still = IN_CAMERA.body_pose.copy()
    still[:, 63:] = 0
    return {
        "is_male": True, "ped_action": "stroll", "fov": 50.0, "occ": occluded, "self_occ": np.zeros((frames, 100)),
        "num_frames": frames, "weather": "RAIN", "daytime": (12, 30, 0), "location_tag": "beach",
        "is_valid_smplx": valid, "betas": np.repeat(IN_CAMERA.betas[None], frames, 0),
        "body_pose": still[:, :pose], "global_orient": IN_CAMERA.global_orient, "transl": IN_CAMERA.transl,
        "left_hand_pose": np.zeros((frames, 24)), "right_hand_pose": np.zeros((frames, 24)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("gta")
    for scene, pid, pose, valid in (
        ("seq_00087011", "012345", 63, True),
        ("seq_00087011", "067890", 69, False),
        ("seq_00000003", "000001", 69, True),
    ):
        (top / "annotations" / scene).mkdir(parents=True, exist_ok=True)
        np.savez(top / "annotations" / scene / f"{pid}.npz", **annotation(pose, valid))
        for frame in range(2):
            depth, _ = seen(CAMERA, skin(BODY, frame))
            points = depth_to_points(depth.astype(np.float64), CAMERA)[np.isfinite(depth)]
            points = np.concatenate([points, [[0, 0, 11.0]]])  # beyond what the protocol takes
            write_pcd(top / "point_clouds" / scene / f"pcd_{pid}_{frame:04d}.pcd", points)
    return top


def test_each_persons_frame_is_a_sample_in_the_cameras_frame(folder):
    reader = open_dataset(folder)
    assert reader.keys == (
        "seq_00000003_000001_0000", "seq_00000003_000001_0001",
        "seq_00087011_012345_0000", "seq_00087011_012345_0001",
    )  # fmt: skip
    for sample in reader:
        assert (sample.model, sample.action, sample.sensors) == ("smplx", "stroll", ("pinhole",))
        assert sample.cloud.points[:, 2].max() <= 10
        np.testing.assert_array_equal(sample.truth.body_pose[0, 63:], 0)
        off = off_skin_mm(sample)
        # straight hands stand in for the bent ones of the body that was seen
        assert np.quantile(off, 0.9) < AS_STORED_MM
        assert off.max() < 60
    assert reader[3].attributes["occluded_share"] == pytest.approx(0.25)
    assert reader[2].attributes["occluded_share"] == 0
    assert reader[2].attributes["weather"] == "RAIN"


def test_who_has_no_valid_body_is_left_out_and_told(folder, tmp_path):
    assert open_dataset(folder).left_out == {"seq_00087011_067890": "its SMPL-X is marked as not valid"}
    import shutil

    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy/annotations/seq_00087011/012345.npz").unlink()
    reader = open_dataset(tmp_path / "copy")
    assert len(reader) == 2
    assert "missing among the annotations" in reader.left_out["seq_00087011_012345"]


def test_whole_scenes_go_to_one_side_by_the_published_rule(folder):
    reader = open_dataset(folder)
    assert reader.split("train").keys == reader.keys  # both scenes, by sha256sum


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda t: (t / "point_clouds/seq_00000003/pcd_000001_0000.pcd").write_bytes(b"PCD"), "extract the archive"),
        (
            lambda t: np.savez(t / "annotations/seq_00000003/000001.npz", betas=np.array([{}], object)),
            "Python objects, which are not opened",
        ),
        (
            lambda t: np.savez(
                t / "annotations/seq_00000003/000001.npz", **(annotation() | {"transl": np.zeros((5, 3))})
            ),
            "is not of 5 frames",
        ),
        (lambda t: (t / "annotations/seq_00000003/000001.npz").write_bytes(b"PK\x03\x04"), "cannot be read"),
    ],
)
def test_damage_is_told(folder, tmp_path, harm, message):
    import shutil

    top = tmp_path / "copy"
    shutil.copytree(folder, top)
    harm(top)
    with pytest.raises(HpsError, match=message):
        open_dataset(top)[0]


def test_a_folder_without_clouds_is_refused(tmp_path):
    with pytest.raises(HpsError, match="extract the archives point_clouds"):
        open_dataset(tmp_path, kind="gta_human")
