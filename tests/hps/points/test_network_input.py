"""What a network is given of a cloud."""

import numpy as np
import pytest

from geometry.rigid import from_rotvec, inverse, transform
from hps.errors import HpsError
from hps.points.network_input import network_input, thinned
from hps.points.person_cloud import PersonCloud


def cloud(count: int, seed: int = 0) -> PersonCloud:
    rng = np.random.default_rng(seed)
    return PersonCloud.of_camera(rng.normal(0, (0.2, 0.5, 0.2), (count, 3)) + (0.1, 0.0, 2.5))


def test_points_go_back_into_the_cloud_by_their_numbers() -> None:
    clouds = [cloud(300, 1), cloud(2000, 2)]
    given = network_input(clouds, 512)
    assert given.points.shape == (2, 512, 3)
    for n, one in enumerate(clouds):
        back = transform(inverse(given.T_canonical_cloud[n]), given.points[n].double().numpy())
        np.testing.assert_allclose(back, one.points[given.chosen[n]], atol=1e-6)  # float32 at 1 m
        rays = given.rays[n].double().numpy() @ given.T_canonical_cloud[n, :3, :3]
        np.testing.assert_allclose(rays, one.rays()[given.chosen[n]], atol=1e-6)


def test_all_points_of_a_small_cloud_are_taken_and_none_of_a_large_one_twice() -> None:
    assert set(thinned(70, 512).tolist()) == set(range(70))
    assert len(set(thinned(2000, 512).tolist())) == 512
    np.testing.assert_array_equal(thinned(900, 512), thinned(900, 512))


def test_a_moved_input_is_of_the_same_points_in_the_cloud() -> None:
    given = network_input([cloud(300)], 256)
    moved = given.moved(np.array([[0.1, -0.2, 0.3]]))
    before = transform(inverse(given.T_canonical_cloud[0]), given.points[0].double().numpy())
    after = transform(inverse(moved.T_canonical_cloud[0]), moved.points[0].double().numpy())
    np.testing.assert_allclose(after, before, atol=1e-6)  # float32 at 1 m
    assert np.abs(moved.points - given.points).max() > 0.09


def test_the_input_does_not_depend_on_the_frame_of_the_cloud() -> None:
    one = cloud(600)
    one = PersonCloud(points=one.points, camera=one.camera, origins=one.origins, up=np.array([0.0, -1, 0]))
    other = one.moved(from_rotvec(np.array([0.3, -1.0, 2.0]), np.array([4.0, 5, 6])))
    a, b = network_input([one], 512), network_input([other], 512)
    np.testing.assert_allclose(a.points, b.points, atol=1e-5)  # float32 at 5 m
    np.testing.assert_allclose(a.rays, b.rays, atol=1e-5)


def test_an_empty_cloud_is_refused() -> None:
    with pytest.raises(HpsError, match="no points"):
        network_input([PersonCloud.of_camera(np.zeros((0, 3)))], 512)
