"""What our own exporters write in these layouts, read back as data sets: clouds and bodies of the session."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from posed_person import model

sys.path.insert(0, str(Path(__file__).parents[2] / "humanrig"))
from export_take import INSTANTS, build_take, parameters

from geometry.rigid import inverse, transform
from hps.datasets.opening import open_dataset
from hps.errors import HpsError
from humanrig.export import export_session

FIT_MM = 10.0
"""What an exporter may lose of a shape of sixteen betas in the ten that the layouts hold."""
WHOLE_MM = 0.6
"""The recorded whole millimetres, on rays up to 35 degrees from the axis."""
NEAREST_MM = 8.0
"""An undistorted image takes each pixel from half a pixel (1/43 of the plane z = 1) away at most: the plane, with a
slope of 0.3, is there off by 4 mm along the axis at 2 m; pixels of 48x40 make it double at the corner of a pixel."""


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        return build_take(tmp_path_factory.mktemp("exported") / "take")


def off_plane_mm(take, cloud, name: str, T_world_file: np.ndarray) -> np.ndarray:
    """Distance along the axis of one depth camera from the plane that every camera of the take sees."""
    camera = take.cameras()[name]
    p = transform(camera.T_camera_world @ T_world_file, cloud.points)
    return 1000 * np.abs(p[:, 2] - (2 + 0.3 * p[:, 0] / p[:, 2]))


@pytest.mark.parametrize(("layout", "limit"), [("smc", WHOLE_MM), ("humman_point", NEAREST_MM)])
def test_clouds_and_bodies_come_back_from_an_export(take, tmp_path, layout, limit):
    export_session(take, layout, tmp_path / "p000001_a000002")
    reader = open_dataset(tmp_path / "p000001_a000002")
    cameras = take.cameras()
    T_file_world = inverse(cameras["kinect_000/color"].T_world_camera)
    assert len(reader) == 2 * len(INSTANTS)
    posed = model().pose(parameters())
    for n, sample in enumerate(reader):
        device = f"kinect_{n // 2:03d}/depth"
        assert len(sample.cloud) > 100
        assert off_plane_mm(take, sample.cloud, device, inverse(T_file_world)).max() < limit
        frame = sample.frame
        joints = model().pose(sample.truth).joints[0]
        true = transform(T_file_world, posed.joints[frame])
        assert 1000 * np.linalg.norm(joints - true, axis=1).mean() < FIT_MM
        np.testing.assert_allclose(joints[0], true[0], atol=1e-5)
    assert reader[0].model == model().name  # not SMPL, as a release's would be


def test_exported_humandata_has_pictures_alone_and_says_so(take, tmp_path):
    export_session(take, "humandata", tmp_path / "out")
    with pytest.raises(HpsError, match="has no depth_path, so that no cloud can be made of it"):
        open_dataset(tmp_path / "out")
