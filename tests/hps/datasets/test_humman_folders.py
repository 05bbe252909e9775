"""HuMMan-Point and HuMMan-Recon, written small by hand as their release describes them."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from humman_rig import COLOR, DEPTH, FRAMES, IN_FILE, STORED_MM, T_FILE_WORLD, pictures, write_png
from posed_person import off_skin_mm

from hps.datasets.opening import open_dataset
from hps.errors import HpsError


def write_common(folder: Path, found: dict, of_color: bool) -> None:
    content = {}
    for n, (depth, color) in enumerate(zip(DEPTH, COLOR)):
        for kind, camera in (("depth", depth), ("color", color)):
            T = np.linalg.inv(T_FILE_WORLD @ camera.T_world_camera)
            entry = {"K": camera.K.tolist(), "R": T[:3, :3].tolist(), "T": T[:3, 3].tolist()}
            content[f"kinect_{kind}_{n:03d}"] = entry
        for frame in FRAMES:
            depth_m, mask, color_mask = found[frame, n]
            name = Path(f"kinect_{n:03d}") / f"{frame:06d}.png"
            millimetres = np.rint(1000 * np.nan_to_num(depth_m)).astype(np.uint16)
            write_png(folder / "kinect_depth" / name, millimetres)
            write_png(folder / "kinect_mask" / name, 255 * (color_mask if of_color else mask).astype(np.uint8))
    folder.joinpath("cameras.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def point(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("humman_point")
    folder = top / "p000438_a000040"
    write_common(folder, pictures(), of_color=False)
    body = IN_FILE
    arrays = {name: getattr(body, name).copy() for name in ("body_pose", "global_orient", "transl")}
    arrays["transl"][6] = np.nan
    np.savez(folder / "smpl_params.npz", betas=np.repeat(body.betas[None], 7, 0), **arrays)
    return top


@pytest.fixture(scope="module")
def recon(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("humman_recon")
    folder = top / "p000012_a000040"
    write_common(folder, pictures(), of_color=True)
    body = IN_FILE
    (folder / "smpl_params").mkdir()
    for frame in FRAMES:
        arrays = {name: getattr(body, name)[frame] for name in ("body_pose", "global_orient", "transl")}
        np.savez(folder / "smpl_params" / f"{frame:06d}.npz", betas=body.betas, **arrays)
    return top


def test_point_gives_each_camera_alone_with_the_truth_that_its_points_lie_on(point):
    reader = open_dataset(point)
    assert reader.protocol == "humman_point_v1"
    assert reader.keys[:2] == ("p000438_a000040_000000_kinect_000", "p000438_a000040_000006_kinect_000")
    assert len(reader) == 8
    assert reader.split("validation").keys == reader.keys  # p000438, by the published rule
    for sample in reader:
        assert (sample.subject, sample.action, sample.model) == ("p000438", "a000040", "smpl")
        assert len(sample.cloud) > 400
        if sample.frame == 6:
            assert sample.truth is None  # its row is not a number
            continue
        assert off_skin_mm(sample).max() < STORED_MM
        assert sample.time_s == 0
    assert reader[1].time_s == pytest.approx(0.2)


def test_the_floor_tells_which_way_is_up_and_cameras_stand_where_they_stood(point):
    cloud = open_dataset(point)["p000438_a000040_000000_kinect_002"].cloud
    # 2 cm are a floor's inliers; over a floor of 4 m that is well below a degree
    assert np.degrees(np.arccos(cloud.up @ T_FILE_WORLD[:3, 2])) < 1
    np.testing.assert_allclose(cloud.origins, [(T_FILE_WORLD @ DEPTH[2].T_world_camera)[:3, 3]], atol=1e-9)


def test_several_views_are_spread_all_round_and_fused(point):
    reader = open_dataset(point, protocol="humman_point_v1_views2")
    assert reader.keys == tuple(f"p000438_a000040_{f:06d}_v02_{g:02d}" for g in (0, 1) for f in FRAMES)
    sample = reader["p000438_a000040_000000_v02_01"]
    alone = open_dataset(point)
    parts = [alone[f"p000438_a000040_000000_kinect_00{n}"].cloud.points for n in (1, 3)]
    np.testing.assert_array_equal(sample.cloud.points, np.concatenate(parts))
    np.testing.assert_array_equal(np.bincount(sample.cloud.camera), [len(part) for part in parts])
    assert sample.attributes["views"] == 2
    with pytest.raises(HpsError, match="4 depth cameras, a cloud wants 10"):
        open_dataset(point, protocol="humman_point_v1_views10")


def test_filtered_clouds_are_raw_ones_without_their_rim(point):
    raw = open_dataset(point)[0].cloud.points
    filtered = open_dataset(point, protocol="humman_point_v1_filtered")[0].cloud.points
    assert 0.4 * len(raw) < len(filtered) < 0.95 * len(raw)
    assert {tuple(p) for p in filtered} < {tuple(p) for p in raw}


def test_recon_looks_its_points_up_in_the_colour_mask(recon):
    reader = open_dataset(recon)
    assert reader.split("test").keys == reader.keys  # p000012
    for sample in reader:
        off = off_skin_mm(sample)
        # cameras 3 cm apart: at the outline a ray of the depth camera may pass the body that the colour camera sees
        assert (off < STORED_MM).mean() > 0.93
        assert len(sample.cloud) > 400
        assert sample.truth is not None


def test_what_is_not_there_is_left_out_and_told(point, tmp_path):
    top = tmp_path / "copy"
    shutil.copytree(point, top)
    folder = top / "p000438_a000040"
    (folder / "kinect_depth/kinect_001/000006.png").unlink()
    (folder / "kinect_mask/kinect_002/000006.png").unlink()
    (folder / "smpl_params.npz").unlink()
    reader = open_dataset(top, kind="humman_point")
    assert len(reader) == 6
    assert reader.left_out["p000438_a000040_000006_kinect_001"] == "kinect_001 has no depth"
    assert "no truth" in reader.left_out["p000438_a000040"]
    assert reader[0].truth is None
    both = open_dataset(top, kind="humman_point", protocol="humman_point_v1_views4")
    assert len(both) == 1
    assert "kinect_002 has no mask" in both.left_out["p000438_a000040_000006_v04_00"]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: shutil.rmtree(f / "kinect_mask"), "has no kinect_mask; extract the archive point_kinect_mask"),
        (lambda f: (f / "cameras.json").write_text("{"), "cameras.json: not a complete JSON"),
        (lambda f: (f / "kinect_depth/kinect_000/000000.png").write_bytes(b"\x89PNG"), "depth image is damaged"),
        (lambda f: write_png(f / "kinect_depth/kinect_000/000000.png", np.zeros((4, 4), np.uint8)), "16-bit"),
        (lambda f: write_png(f / "kinect_mask/kinect_000/000000.png", np.zeros((4, 4), np.uint8)), "not belong"),
        (lambda f: np.savez(f / "smpl_params.npz", betas=np.zeros((7, 10))), "has no body_pose, global_orient"),
        (lambda f: np.savez(f / "smpl_params.npz", betas=np.array([{}], object)), "Python objects"),
        (lambda f: (f / "smpl_params.npz").write_bytes(pickle.dumps({"betas": 1})), "smpl_params.npz"),
        (lambda f: (f / "smpl_params.npz").write_bytes((f / "smpl_params.npz").read_bytes()[:500]), "cannot be read"),
    ],
)
def test_damage_is_told_and_nothing_is_unpickled(point, tmp_path, harm, message):
    top = tmp_path / "copy"
    shutil.copytree(point, top)
    harm(top / "p000438_a000040")
    with pytest.raises(HpsError, match=message):
        open_dataset(top, kind="humman_point")[0]


def test_folders_that_are_none_are_refused(tmp_path):
    with pytest.raises(HpsError, match=r"is no data set that is known: session: .*; synthetic: "):
        open_dataset(tmp_path)
    with pytest.raises(HpsError, match="no sequence such as p000455_a000986"):
        open_dataset(tmp_path, kind="humman_point")
    with pytest.raises(HpsError, match="there is no data set at"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(HpsError, match="no kind of data set 'humman'; the kinds are session, synthetic, humman_point"):
        open_dataset(tmp_path, kind="humman")
    with pytest.raises(HpsError, match="no cloud protocol 'humman_point_v9'; there are humman_point_v1"):
        open_dataset(tmp_path, kind="humman_point", protocol="humman_point_v9")
