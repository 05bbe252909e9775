"""Parts of the body: which are seen, which have points, and what is said of those that have none."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_scene import open_body, ring, standing

from body.joints import JOINT_INDEX
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from registration.body_track import TrackParts, TrackSigma
from registration.fit.coverage import part_coverage, seen_patches
from registration.fit.flags import flags
from registration.fit.matching import Ring
from registration.fit.parts import PART_NAMES, part_of_vertex, skin_patches
from registration.fit.report import _nearest

LANDMARKS = ("nose", *(f"{s}_{n}" for s in ("left", "right") for n in ("shoulder", "elbow", "wrist", "hip", "knee",
                                                                      "ankle", "heel", "index")))  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return open_body()


@pytest.fixture(scope="module")
def vertices(model):
    return model.pose(standing(model, 1, np.random.default_rng(3))).vertices[0]


def test_patches_keep_to_their_part_and_are_even(model) -> None:
    patches = skin_patches(model)
    assert np.array_equal(patches.part[patches.of_vertex], part_of_vertex(model))
    assert np.array_equal(patches.of_vertex[patches.center], np.arange(len(patches.center)))
    body = patches.area.sum()
    assert 1.4 < body < 2.2  # m², people
    # centres farthest from each other: no patch is far larger than the mean
    assert patches.area.max() < 3 * body / len(patches.center)


def test_seen_patches_are_those_that_rays_reach(model, vertices) -> None:
    patches, cameras = skin_patches(model), list(ring(3).values())
    normals = TriangleMesh(vertices=vertices, faces=model.faces).vertex_normals()
    seen = seen_patches(patches, vertices, normals, model.faces, cameras)
    scene, expected = RayScene(vertices, model.faces), np.zeros(len(seen), bool)
    for camera in cameras:
        away = vertices[patches.center] - camera.center
        length = np.linalg.norm(away, axis=1)
        hit = scene.cast(np.broadcast_to(camera.center, away.shape), away / length[:, None])
        steep = -(normals[patches.center] * away).sum(1) / length > 0.25
        expected |= steep & ~(hit.t < length - 0.03)
    # a pixel of 20 mm decides for its whole area: patches at outlines may differ
    assert (seen == expected).mean() > 0.93
    assert 0.4 < seen.mean() < 0.95


def test_coverage_counts_what_was_seen_only(model) -> None:
    patches = skin_patches(model)
    left, right = PART_NAMES.index("left_arm"), PART_NAMES.index("right_arm")
    seen = patches.part != right
    hit = np.flatnonzero(patches.part == left)[::2]
    found = part_coverage(patches, seen, np.repeat(hit, 3))
    assert np.isnan(found[right])
    assert found[left] == pytest.approx(patches.area[hit].sum() / patches.area[patches.part == left].sum())
    assert found[PART_NAMES.index("trunk")] == 0


def test_distances_are_those_of_an_exact_search(model, vertices) -> None:
    rng = np.random.default_rng(0)
    normals = TriangleMesh(vertices=vertices, faces=model.faces).vertex_normals()
    on = rng.choice(len(vertices), 300)
    points = vertices[on] + rng.uniform(-0.02, 0.06, (300, 1)) * normals[on]
    points[:5] += [0.0, 3.0, 0.0]  # beyond reach
    faces = np.asarray(model.faces, np.int64)
    corner, distance = _nearest(points, vertices, normals, faces, Ring.of(faces, len(vertices)))
    exact = RayScene(vertices, model.faces).closest(points)
    assert (distance > exact.distance - 1e-6).all()  # the exact search chooses faces in float32
    assert distance.mean() == pytest.approx(exact.distance.mean(), rel=0.05)
    np.testing.assert_allclose(distance[:5], exact.distance[:5])
    parts = part_of_vertex(model)
    assert (parts[corner] == parts[model.faces[exact.face, 0]]).mean() > 0.97


def test_a_lost_arm_is_named() -> None:
    parts = _parts(coverage=1.0, residual=4.0)
    triangulated = np.ones((5, len(LANDMARKS)), bool)
    arm = [n for n, name in enumerate(LANDMARKS) if name in ("left_elbow", "left_wrist", "left_index")]
    triangulated[2, arm] = False
    parts.coverage[2, PART_NAMES.index("left_arm")] = 0.02
    found = _flags(triangulated, parts)
    assert found[2] == "left arm: no points and no keypoints"
    assert (found[[0, 1, 3, 4]] == "").all()
    parts.coverage[2, PART_NAMES.index("left_arm")] = 0.5  # the points are there
    assert (_flags(triangulated, parts) == "").all()
    assert _flags(triangulated, None)[2] == "left arm: no keypoints; left hand: no keypoints"


def test_a_part_off_its_points_is_named_but_a_skirt_is_not() -> None:
    parts = _parts(coverage=1.0, residual=4.0)
    triangulated = np.ones((5, len(LANDMARKS)), bool)
    parts.residual_mm[:, PART_NAMES.index("left_leg")] = 70.0
    parts.residual_mm[3, PART_NAMES.index("right_foot")] = 41.0
    found = _flags(triangulated, parts)
    assert found[3] == "right foot: surface 41 mm off"
    assert (found[[0, 1, 2, 4]] == "").all()


def test_an_uncertain_joint_flags_its_part() -> None:
    covariance = np.tile(1e-6 * np.eye(3), (5, 24, 1, 1))
    covariance[1, JOINT_INDEX["right_elbow"]] = 0.08**2 * np.eye(3)
    sigma = TrackSigma(
        joint_covariance=covariance, vertex_sigma=np.zeros((5, 0)), vertices=np.zeros(0, np.int64),
        pose_sigma=np.zeros((5, 75)), betas_covariance=np.eye(2),
    )  # fmt: skip
    found = _flags(np.ones((5, len(LANDMARKS)), bool), None, sigma)
    assert found[1] == "right arm: uncertain by 80 mm"
    assert (found[[0, 2, 3, 4]] == "").all()


def test_a_fit_of_unknown_certainty_says_so_everywhere() -> None:
    found = flags(
        names=LANDMARKS, triangulated=np.ones((5, len(LANDMARKS)), bool), views=np.full(5, 6), cameras=6,
        pixels=np.full(5, 3.0), surface_mm=np.full(5, np.nan), clouded=None, parts=None, sigma=None, unsure="why",
    )  # fmt: skip
    assert (found == "certainty unknown: why").all()


def _parts(coverage: float, residual: float) -> TrackParts:
    shape = (5, len(PART_NAMES))
    return TrackParts(names=PART_NAMES, residual_mm=np.full(shape, residual), coverage=np.full(shape, coverage))


def _flags(triangulated: np.ndarray, parts: TrackParts | None, sigma: TrackSigma | None = None) -> np.ndarray:
    return flags(
        names=LANDMARKS, triangulated=triangulated, views=np.full(5, 6), cameras=6, pixels=np.full(5, 3.0),
        surface_mm=np.full(5, np.nan if parts is None else 4.0),
        clouded=None if parts is None else np.ones(5, bool), parts=parts, sigma=sigma,
    )  # fmt: skip
