"""Clouds that are refused before anyone looks for a body in them, and those that are not."""

import numpy as np
import pytest

from hps.errors import HpsError
from hps.points.cloud_checks import check_cloud
from hps.points.person_cloud import PersonCloud

POINTS = np.random.default_rng(5).uniform((-0.3, -0.9, 2.4), (0.3, 0.9, 2.6), (800, 3))


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (POINTS[:0], "no points"),
        (POINTS[:30], "30 points, at least 50"),
        (POINTS * 1000, "in mm, not in metres.*--unit mm"),
        (POINTS * 100, "in cm, not in metres"),
        (np.where(np.arange(800)[:, None] % 10 == 0, np.nan, POINTS), "80 of the cloud's 800 points are not finite"),
        (np.where(np.arange(800)[:, None] == 3, np.inf, POINTS), "1 of the cloud's 800 points"),
        (POINTS * (8, 2, 2), "cut the person out"),
        (POINTS * 0.01, "less than a hand"),
        (POINTS - (0, 0, 2.5), "on all sides of camera 0"),
        (POINTS - (0, -0.9, 2.4), "within 0.2 m of camera 0"),
    ],
)
def test_what_cannot_be_a_person_is_refused(points: np.ndarray, said: str) -> None:
    with pytest.raises(HpsError, match=said):
        check_cloud(PersonCloud.of_camera(points))


def test_a_vector_without_direction_is_not_up() -> None:
    with pytest.raises(HpsError, match="points nowhere"):
        check_cloud(PersonCloud.of_camera(POINTS, up=np.zeros(3)))


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0, 1.4])
def test_people_of_all_sizes_and_parts_of_them_pass(scale: float) -> None:
    middle = np.array([0, 0, 2.5])
    check_cloud(PersonCloud.of_camera((POINTS - middle) * scale + middle))
    check_cloud(PersonCloud.of_points((POINTS - middle) * scale))


def test_a_fifth_of_the_points_on_a_far_wall_is_no_reason_to_refuse() -> None:
    wall = np.random.default_rng(1).uniform((-2, -2, 5), (2, 2, 5.1), (160, 3))
    check_cloud(PersonCloud.of_camera(np.concatenate([POINTS, wall])))
