"""Headings, distances and counts, of bodies turned by known angles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hps.datasets.attributes import cloud_attributes, heading_attributes
from hps.points.person_cloud import PersonCloud

UPRIGHT = Rotation.from_euler("x", 90, degrees=True)
"""A body of SMPL stands in a z-up world and faces -y."""
ANGLES = st.floats(-179, 179)


@given(turn=ANGLES, rise=st.floats(-40, 40), world=st.tuples(ANGLES, ANGLES, ANGLES))
def test_heading_is_the_turn_about_the_vertical_in_any_frame(turn, rise, world):
    """The camera stands where the body would face unturned, higher or lower than the pelvis."""
    R = Rotation.from_euler("zyx", world, degrees=True)
    to_camera = np.array([0.0, -2.0, 2.0 * np.tan(np.radians(rise))])
    body = Rotation.from_euler("z", turn, degrees=True) * UPRIGHT
    found = heading_attributes((R * body).as_rotvec(), R.apply(to_camera), R.apply([0.0, 0, 1]))
    assert found["yaw_deg"] == pytest.approx(turn, abs=1e-6)
    if min(abs(abs(turn) - 45), abs(abs(turn) - 135)) > 1e-6:
        assert found["yaw_sector"] == ("front" if abs(turn) < 45 else "back" if abs(turn) > 135 else "side")


def test_there_is_no_heading_under_a_camera_or_of_a_body_that_faces_the_sky():
    up = np.array([0.0, 0, 1])
    assert heading_attributes(UPRIGHT.as_rotvec(), np.array([0.0, 0, 3]), up) == {}
    assert heading_attributes(np.zeros(3), np.array([1.0, 0, 0]), up) == {}


def test_distance_is_to_the_nearest_camera_and_an_empty_cloud_has_none():
    origins = np.array([[0.0, 0, 5], [0, 3, 0]])
    points = np.array([[0.0, 0, 0], [0, 0, 0.2], [9, 9, 9]])
    cloud = PersonCloud(points=points, camera=np.array([0, 1, 1]), origins=origins)
    found = cloud_attributes(cloud, ["kinect", "iphone"])
    median = np.array([0, 0, 0.2])
    assert found["distance_m"] == pytest.approx(np.linalg.norm(origins[1] - median))
    assert (found["views"], found["sensor"], found["points"]) == (2, "kinect+iphone", 3)
    empty = cloud_attributes(PersonCloud.of_camera(np.zeros((0, 3))), ["kinect"])
    assert np.isnan(empty["distance_m"])
    assert "distance_m" not in cloud_attributes(PersonCloud.of_points(points), [])
