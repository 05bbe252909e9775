"""HumanData with depth: files as mmhuman3d's class saves them, and what must not be opened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from humman_rig import write_png
from posed_person import joints, moved, off_skin_mm, person, ring, seen, skin

from hps.datasets.opening import open_dataset
from hps.errors import HpsError
from hps.evaluation.files.npz_files import read_npz_entries

CAMERA = ring(1)[0]
BODY = person(8, frames=2)
IN_CAMERA = moved(BODY, np.linalg.inv(CAMERA.T_world_camera))
STORED_MM = 0.7
"""Half a millimetre along the axis, on rays up to 35 degrees from it, and float32 depth."""


def arrays(compressed: bool) -> dict:
    """As `HumanData.dump` writes them: dictionaries and lists become arrays of objects."""
    count = len(BODY)
    points, mask = np.zeros((count, 190, 4)), np.zeros(190, np.uint8)
    places = [*range(22), 188, 189]
    points[:, places] = np.concatenate([joints(IN_CAMERA), np.ones((count, 24, 1))], -1)
    mask[places] = 1
    return {
        "__key_strict__": False, "__data_len__": count, "__keypoints_compressed__": compressed, "config": "test",
        "image_path": ["images/0.jpg", "images/1.jpg"], "depth_path": ["depth/0.png", "depth/1.png"],
        "segmentation": ["masks/0.png", "masks/1.png"], "bbox_xywh": np.zeros((count, 5)),
        "keypoints3d_smpl": points[:, mask > 0] if compressed else points, "keypoints3d_smpl_mask": mask,
        "keypoints3d_convention": "human_data",
        "smpl": {
            "betas": np.repeat(IN_CAMERA.betas[None], count, 0), "body_pose": IN_CAMERA.body_pose.reshape(count, 23, 3),
            "global_orient": IN_CAMERA.global_orient, "transl": IN_CAMERA.transl,
        },
        "meta": {
            "gender": ["neutral"] * count, "focal_length": np.repeat(CAMERA.K[[0, 1], [0, 1]][None], count, 0),
            "principal_point": np.repeat(CAMERA.K[None, :2, 2], count, 0),
        },
        "misc": {"kps3d_root_aligned": False, "session": "take", "person": "person00", "body_model": "open body"},
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("humandata")
    for row in range(2):
        depth, owner = seen(CAMERA, skin(BODY, row), floor=True)
        write_png(top / f"depth/{row}.png", np.rint(1000 * np.nan_to_num(depth)).astype(np.uint16))
        write_png(top / f"masks/{row}.png", 255 * (owner == 0).astype(np.uint8))
    np.savez_compressed(top / "a.npz", **arrays(compressed=False))
    np.savez_compressed(top / "b.npz", **arrays(compressed=True))
    return top


def test_rows_are_clouds_on_their_bodies_whether_points_are_compressed_or_not(folder):
    reader = open_dataset(folder)
    assert reader.keys == ("a_000000", "a_000001", "b_000000", "b_000001")
    for sample in reader:
        assert (sample.subject, sample.model) == ("take_person00", "open body")
        assert len(sample.cloud) > 400
        assert off_skin_mm(sample).max() < STORED_MM
        np.testing.assert_allclose(sample.joints, joints(sample.truth)[0], atol=1e-6)


def test_files_are_read_as_numpy_reads_them_with_its_pickles_allowed(folder):
    found = read_npz_entries(folder / "b.npz").content
    with np.load(folder / "b.npz", allow_pickle=True) as trusted:
        assert set(found) == set(trusted.files)
        for name in ("smpl", "meta"):
            for key, value in trusted[name].item().items():
                np.testing.assert_array_equal(found[name][key], value)
        np.testing.assert_array_equal(found["keypoints3d_smpl"], trusted["keypoints3d_smpl"])
    assert found["misc"]["session"] == "take"


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_what_could_run_code_is_refused_and_does_not_run(folder, tmp_path):
    mark = tmp_path / "ran"
    content = arrays(compressed=False) | {"misc": {"a": _Evil(mark)}}
    np.savez_compressed(tmp_path / "evil.npz", **content)
    with pytest.raises(HpsError, match=r"misc\.npy was not opened: it names (posix|nt)\.system"):
        open_dataset(tmp_path / "evil.npz")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth_path": None}, "has no depth_path"),
        ({"meta": {}}, "has no focal_length for its 2 rows"),
        ({"smpl": {"betas": np.zeros((2, 10))}}, "has no body_pose"),
        ({"smpl": [1, 2]}, "smpl is a .*, a dictionary was expected"),
        ({"depth_path": ["depth/0.png"]}, "depth_path has 1 entries, the file 2 rows"),
        ({"keypoints3d_smpl": np.zeros((2, 7, 4))}, "keypoints3d_smpl has shape"),
        ({"depth_path": ["none/0.png", "none/1.png"]}, r"none/0\.png: the depth image cannot be read"),
    ],
)
def test_what_is_missing_is_told(folder, tmp_path, change, message):
    content = {k: v for k, v in (arrays(compressed=False) | change).items() if v is not None}
    np.savez_compressed(tmp_path / "c.npz", **content)
    with pytest.raises(HpsError, match=message):
        open_dataset(tmp_path / "c.npz", root=folder)[0]


def test_rows_without_depth_or_mask_are_left_out_and_told(folder, tmp_path):
    content = arrays(compressed=False) | {"segmentation": ["", "masks/1.png"]}
    np.savez_compressed(tmp_path / "c.npz", **content)
    reader = open_dataset(tmp_path / "c.npz", root=folder)
    assert reader.keys == ("c_000001",)
    assert reader.left_out == {"c_000000": "it has no segmentation"}


def test_damaged_files_are_told(folder, tmp_path):
    shutil.copy(folder / "a.npz", tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[:200] + bytes(200) + whole[400:])
    with pytest.raises(HpsError, match=r"a\.npz"):
        open_dataset(tmp_path / "a.npz", kind="humandata")
    (tmp_path / "a.npz").write_bytes(whole[:500])
    with pytest.raises(HpsError, match="is no HumanData and holds none"):
        open_dataset(tmp_path / "a.npz", kind="humandata")
