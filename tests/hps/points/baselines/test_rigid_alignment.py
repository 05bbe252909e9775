"""Motions are found again from matched points, and from a cloud that is only part of the surface."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from geometry.rigid import rigid, rotate, transform
from hps.points.baselines.rigid_alignment import aligned, kabsch


@given(seed=st.integers(0, 2**31))
def test_kabsch_finds_the_motion_of_matched_points(seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(10, 3))
    T = rigid(Rotation.random(random_state=seed).as_matrix(), rng.normal(size=3))
    np.testing.assert_allclose(kabsch(a, transform(T, a)), T, atol=1e-9)


def test_kabsch_never_mirrors():
    a = np.random.default_rng(0).normal(size=(10, 3))
    T = kabsch(a, a * [-1, 1, 1])
    assert np.linalg.det(T[:3, :3]) > 0.999


def test_a_turned_body_is_found_whatever_way_it_looks(open_body):
    rng = np.random.default_rng(0)
    upright = rigid(Rotation.from_rotvec([np.pi / 2, 0, 0]).as_matrix(), np.zeros(3))
    rest = transform(upright, open_body.v_template)
    normals = rotate(upright, open_body.mesh(open_body.v_template).vertex_normals())
    ray = np.array([1.0, 0.0, 0.0])
    for angle in (0.3, 2.0, -1.4):
        T = rigid(Rotation.from_rotvec([0, 0, angle]).as_matrix(), np.array([0.1, -0.2, 0.05]))
        seen = np.flatnonzero(rotate(T, normals) @ ray < -0.2)
        points = transform(T, rest)[rng.choice(seen, 600, replace=False)]
        found = aligned(rest, normals, points, np.tile(ray, (600, 1)), np.zeros(3))
        gap = np.linalg.norm(transform(found.T, rest) - transform(T, rest), axis=1)
        # the same vertices are there: what is left is where a start's end was called still
        assert gap.mean() < 0.01, angle
        assert found.distance_m < 0.005


def test_points_of_something_else_do_not_pull(open_body):
    rng = np.random.default_rng(1)
    rest = np.asarray(open_body.v_template)
    points = rest[rng.choice(len(rest), 400, replace=False)]
    astray = np.concatenate([points, rng.normal([0, 0, 3.0], 0.1, (30, 3))])
    normals = open_body.mesh(rest).vertex_normals()
    found = aligned(rest, normals, astray, np.zeros((430, 3)), np.zeros(3), headings=1)
    assert np.abs(found.T - np.eye(4)).max() < 0.02
