"""SMC: a small file written by hand as mmhuman3d describes it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from humman_rig import DEPTH, FRAMES, IN_FILE, STORED_MM, T_FILE_WORLD, pictures
from posed_person import off_skin_mm

from hps.datasets.opening import open_dataset
from hps.errors import HpsError


def write_smc(path: Path, pose_shape: tuple[int, ...] = (23, 3)) -> Path:
    found, poses = pictures(), {}
    with h5py.File(path, "w") as file:
        file.attrs["actor_id"], file.attrs["action_id"] = np.int32(455), np.int32(986)
        for n, camera in enumerate(DEPTH):
            T = T_FILE_WORLD @ camera.T_world_camera
            poses[str(2 * n + 1)] = {"R": T[:3, :3].ravel().tolist(), "T": T[:3, 3].tolist()}
            K = camera.K
            lens = np.array([K[0, 2], K[1, 2], K[0, 0], K[1, 1], *np.zeros(10), 1.7], np.float32)
            file[f"Kinect/{n}/Calibration/Depth/Intrinsics"] = lens
            file[f"Kinect/{n}/Calibration/Depth/Resolution"] = np.array([camera.width, camera.height], np.uint16)
            for frame in FRAMES:
                depth_m, mask, _ = found[frame, n]
                file[f"Kinect/{n}/Depth/{frame}"] = np.rint(1000 * np.nan_to_num(depth_m)).astype(np.uint16)
                file[f"Kinect/{n}/Mask/{frame}"] = 255 * mask.astype(np.uint8)
        file["Extrinsics"] = json.dumps(poses)
        frames = len(IN_FILE)
        file["SMPL/betas"] = IN_FILE.betas[None]
        file["SMPL/body_pose"] = IN_FILE.body_pose.reshape(frames, *pose_shape)
        file["SMPL/global_orient"], file["SMPL/transl"] = IN_FILE.global_orient, IN_FILE.transl
    return path


@pytest.fixture(scope="module")
def smc(tmp_path_factory) -> Path:
    return write_smc(tmp_path_factory.mktemp("smc") / "p000455_a000986.smc")


def test_each_kinect_gives_clouds_that_lie_on_the_files_body(smc):
    reader = open_dataset(smc)
    assert len(reader) == 8
    assert (reader.dataset, reader.protocol) == ("humman", "humman_smc_v1")
    assert len(reader.split("validation")) == 8  # p000455, as in HuMMan's folders
    for sample in reader:
        assert (sample.subject, sample.action, sample.model) == ("p000455", "a000986", "smpl")
        assert len(sample.cloud) > 400
        # the file's lens is float32
        assert off_skin_mm(sample).max() < STORED_MM
        assert np.degrees(np.arccos(sample.cloud.up @ T_FILE_WORLD[:3, 2])) < 1


def test_a_folder_of_files_both_shapes_of_pose_and_another_process(smc, tmp_path):
    write_smc(tmp_path / "p000007_a000001.smc", pose_shape=(69,))
    reader = pickle.loads(pickle.dumps(open_dataset(tmp_path, protocol="humman_smc_v1_views4")))
    assert reader.keys == ("p000007_a000001_000000_v04_00", "p000007_a000001_000006_v04_00")
    assert off_skin_mm(reader[1]).max() < STORED_MM
    assert reader[1].attributes["views"] == 4


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: [f.__delitem__(f"Kinect/{n}/Mask") for n in range(4)], "has no Kinect/N/Mask"),
        (lambda f: f.__delitem__("Extrinsics"), "Extrinsics is missing"),
        (lambda f: f.__delitem__("Kinect"), "no Kinect with depth"),
        (lambda f: f.__delitem__("SMPL/transl"), "has no transl"),
        (lambda f: f.__delitem__("Kinect/0/Calibration/Depth/Intrinsics"), "Intrinsics is missing"),
    ],
)
def test_what_is_missing_is_told(smc, tmp_path, harm, message):
    path = tmp_path / "damaged.smc"
    path.write_bytes(smc.read_bytes())
    with h5py.File(path, "a") as file:
        harm(file)
    with pytest.raises(HpsError, match=message):
        open_dataset(path)[0]


def test_a_file_that_was_cut_off_is_refused(smc, tmp_path):
    path = tmp_path / "cut.smc"
    path.write_bytes(smc.read_bytes()[:3000])
    with pytest.raises(HpsError, match=r"cut\.smc cannot be opened"):
        open_dataset(path)


def test_a_file_without_a_body_gives_clouds_without_truth(smc, tmp_path):
    path = tmp_path / "p000001_a000002.smc"
    path.write_bytes(smc.read_bytes())
    with h5py.File(path, "a") as file:
        del file["SMPL"]
    reader = open_dataset(path)
    assert "no truth" in reader.left_out["p000001_a000002"]
    assert reader[0].truth is None
