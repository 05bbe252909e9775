from __future__ import annotations

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from capture.session import Session
from geometry.camera import Camera
from geometry.rigid import look_at
from humanrig.registering.outlines import person_outlines, reduced
from humanrig.stage import StageContext
from registration.masks.files import mask_path, write_people

CAMERA = Camera(
    name="cam0/color",
    K=np.array([[1500.0, 0, 540.0], [0, 1490.0, 960.0], [0, 0, 1]]),
    width=1088,
    height=1920,
    distortion=np.array([-0.05, 0.01, 0, 0, 0, 0, 0, 0]),
    T_world_camera=look_at(np.array([3.0, 0, 1.2]), np.array([0.0, 0, 1])),
)


def test_a_smaller_mask_has_a_camera_that_sees_it_so():
    mask = np.zeros((1920, 1088), bool)
    mask[600:1200, 300:699] = True
    small, camera = reduced(mask, CAMERA)
    assert small.shape == (camera.height, camera.width) == (640, 363)
    p = np.array([[0.0, 0.3, 0.4], [0.2, -0.4, 1.7], [-0.3, 0.1, 1.1]])
    whole, q = CAMERA.project(p), camera.project(p)
    np.testing.assert_allclose(
        q + 0.5, (whole + 0.5) * [363 / 1088, 1 / 3], atol=1e-9
    )  # sides are from border to border
    rows, columns = np.nonzero(small)
    assert (rows.min(), rows.max()) == (200, 399)
    assert columns.min() == pytest.approx(300 * 363 / 1088, abs=1)
    assert reduced(mask, CAMERA, 5000)[0].shape == mask.shape, "masks are not enlarged"


def test_outlines_are_of_the_person_and_of_the_frames_asked_for(tmp_path):
    whose = np.full((CAMERA.height, CAMERA.width), -1, np.int8)
    whose[600:1200, 300:500], whose[600:1200, 700:900] = 0, 1
    folder = tmp_path / "masks"
    for instant in (4, 5):
        write_people(mask_path(folder, "cam0/color", instant), whose)
    write_people(mask_path(folder, "cam0/color", 6), np.full_like(whose, -1))
    session = Mock(spec=Session)
    session.cameras.return_value = {"cam0/color": CAMERA, "cam1/color": replace(CAMERA, name="cam1/color")}
    session.of_kind.return_value = ["cam0/color", "cam1/color"]
    session.path.side_effect = tmp_path.joinpath
    context = StageContext(
        session=session, output=tmp_path, config=None, instants=[5, 6, 7], without=frozenset(),
        progress=lambda done, total: None,
    )  # fmt: skip
    (outline,) = person_outlines(context, 1)
    assert outline.frame == 0
    assert outline.q[:, 0].min() == pytest.approx(700 / 3, abs=1)
