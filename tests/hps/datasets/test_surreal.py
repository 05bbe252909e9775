"""SURREAL: clips written small by hand as the release describes them, images mirrored as its own are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from posed_person import joints, model, off_skin_mm, person, skin
from scipy.spatial.transform import Rotation

from body.joints import MIRROR
from body.parameters import BodyParameters
from hps.datasets.opening import open_dataset
from hps.datasets.surreal import open_surreal
from hps.errors import HpsError

FRAMES = 2
ZROT = 0.7
PLACE = np.array([6.0, -1.0, 0.1])
HALF_MM = 0.01
"""float32 metres at 6 m."""


def clip_body() -> tuple[np.ndarray, BodyParameters]:
    """The file's pose (72, frames), z up before heading, and the same body in SURREAL's world (y down)."""
    body = person(5, frames=FRAMES)
    turn = Rotation.from_euler("x", 90, degrees=True) * Rotation.from_euler("z", ZROT)
    world = (turn * Rotation.from_rotvec(body.global_orient)).as_rotvec()
    placed = replace(body, global_orient=world, transl=np.zeros((FRAMES, 3)))
    middle = joints(placed)[:, 0]
    placed = replace(placed, transl=np.array([0.0, -1.0, 0.0]) - middle)
    return np.concatenate([body.global_orient, body.body_pose], 1).T, placed


def image_of(body: BodyParameters, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth and labels of every third pixel, by rays through the world along the mirrored image's axes."""
    row, column = np.mgrid[0:240, 0:320]
    x, y = (column - 160) / 600.0, (row - 120) / 600.0
    rays = np.stack([-np.ones_like(x), y, -x], -1)  # z_image = -x_world, y_image = y_world, x_image = -z_world
    t = np.full((240, 320), np.nan)
    t[::3, ::3] = skin(body, frame).cast(PLACE, rays[::3, ::3]).t
    parts = np.where(np.isfinite(t), 1 + (row // 10 % 24), 0).astype(np.uint8)
    return np.where(np.isfinite(t), t, 1e10).astype(np.float32), parts


def write_clip(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pose, body = clip_body()
    images = [image_of(body, frame) for frame in range(FRAMES)]
    scipy.io.savemat(folder / f"{name}_depth.mat", {f"depth_{n + 1}": d for n, (d, _) in enumerate(images)})
    scipy.io.savemat(folder / f"{name}_segm.mat", {f"segm_{n + 1}": s for n, (_, s) in enumerate(images)})
    info = {
        "camLoc": PLACE[:, None].astype(np.float32), "joints3D": joints(body).transpose(2, 1, 0), "pose": pose,
        "shape": np.repeat(body.betas[:, None], FRAMES, 1), "zrot": np.full((FRAMES, 1), ZROT),
        "gender": np.ones((FRAMES, 1), np.uint8), "cloth": np.array([["a.jpg", "b.jpg"]], object),
    }  # fmt: skip
    scipy.io.savemat(folder / f"{name}_info.mat", info)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("surreal")
    write_clip(top / "cmu/train/run0/01_01", "01_01_c0001")
    write_clip(top / "cmu/test/run2/ung_94_16", "ung_94_16_c0002")
    return top


def test_clouds_lie_on_the_body_that_the_file_describes_and_not_on_its_mirror_image(folder):
    reader = open_surreal(folder, bodies={"male": model()})
    assert len(reader) == 4
    for sample in reader:
        assert len(sample.cloud) > 300
        assert off_skin_mm(sample).max() < 1
        posed = joints(sample.truth)[0]
        np.testing.assert_allclose(posed, sample.joints, atol=1e-5)
        assert np.linalg.norm(posed[list(MIRROR)] - sample.joints, axis=1).mean() > 0.1
        head, pelvis = sample.joints[15], sample.joints[0]
        assert (head - pelvis) @ sample.cloud.up > 0.3
        assert sample.model == "smpl male"


def test_labels_are_the_images_and_joints_are_known_without_a_body_model(folder):
    reader = open_dataset(folder)
    sample = reader["cmu/train/run0/01_01/01_01_c0001_001"]
    assert sample.truth is None
    assert sample.joints.shape == (24, 3)
    _, parts = image_of(clip_body()[1], 0)
    np.testing.assert_array_equal(sample.labels.part, parts[parts > 0].astype(int) - 1)
    assert np.isnan(sample.labels.skin_offset).all()


def test_splits_are_the_folders_and_performers_have_cmus_names(folder):
    reader = open_dataset(folder)
    assert {e.subject for e in reader.split("train").entries} == {"01"}
    assert {e.subject for e in reader.split("test").entries} == {"ung_94"}
    assert len(reader.split("validation")) == 0


def test_clips_that_are_not_whole_are_left_out_or_told(folder, tmp_path):
    import shutil

    top = tmp_path / "copy"
    shutil.copytree(folder, top)
    (top / "cmu/test/run2/ung_94_16/ung_94_16_c0002_segm.mat").unlink()
    reader = open_dataset(top)
    assert len(reader) == 2
    assert "_segm.mat" in reader.left_out["cmu/test/run2/ung_94_16/ung_94_16_c0002"]
    depth = top / "cmu/train/run0/01_01/01_01_c0001_depth.mat"
    depth.write_bytes(depth.read_bytes()[:900])
    with pytest.raises(HpsError, match=r"not a whole MATLAB file|has no depth_1"):
        reader[0]
    info = top / "cmu/train/run0/01_01/01_01_c0001_info.mat"
    info.write_bytes(b"no")
    with pytest.raises(HpsError, match="not a whole MATLAB file"):
        open_dataset(top)
    info.unlink()
    with pytest.raises(HpsError, match="has no whole clip"):
        open_dataset(top, kind="surreal")
