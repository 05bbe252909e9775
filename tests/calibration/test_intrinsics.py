"""Lenses from views whose truth is known: errors match their sigmas, and what is not determined is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardTake, BoardView
from calibration.bundle.problem import intrinsics_of
from calibration.errors import CalibrationError
from calibration.intrinsics.calibrate import calibrate_intrinsics
from calibration.intrinsics.coverage import camera_coverage
from calibration.intrinsics.coverage_drawing import draw_coverage
from calibration.intrinsics.factory import factory_prior, held_prior
from calibration.intrinsics.lens_models import turning_radius, with_lens
from capture.board import Board
from capture.virtual.unit import COLOR_UNIT, place_unit
from geometry.camera import Camera
from geometry.camera_files.azure_kinect import KinectCalibration
from geometry.rigid import from_rotvec, transform

BOARD = Board(columns=9, rows=6, square_m=0.08, marker_m=0.06)
NAME = "kinect_000/color"
NOISE_PX = 0.1


def brown_camera() -> Camera:
    return Camera(
        name=NAME,
        K=np.array([[905.0, 0, 655.0], [0, 902.0, 352.0], [0, 0, 1]]),
        width=1280,
        height=720,
        distortion=np.array([0.11, -0.24, 0.0009, -0.0006, 0.12, 0, 0, 0]),
    )


def kinect_camera() -> Camera:
    unit = KinectCalibration(serial="", depth=COLOR_UNIT, color=COLOR_UNIT)
    return place_unit(unit, "kinect_000", np.eye(4))[1]


def views_of(camera, rng, count=25, tilt_deg=45.0, distances=(0.8, 1.8), noise_px=NOISE_PX, shared_px=0.0):
    """Views of the board at random places that the camera sees at least half of."""
    views = []
    while len(views) < count:
        axis = rng.normal(0, 1, 2)
        turn = np.radians(tilt_deg) * rng.uniform() * axis / np.linalg.norm(axis)
        z = rng.uniform(*distances)
        half = np.array([camera.width, camera.height]) / 2
        aim = (camera.K[:2, 2] + 0.75 * half * rng.uniform(-1, 1, 2) - camera.K[:2, 2]) / camera.K[[0, 1], [0, 1]]
        T = from_rotvec(np.array([*turn, 0.0]), np.zeros(3))
        T = from_rotvec(np.array([0.0, 0.0, rng.uniform(-0.6, 0.6)]), np.zeros(3)) @ T
        T[:3, 3] = np.array([*aim, 1.0]) * z - T[:3, :3] @ BOARD.middle
        q = camera.project_camera(transform(T, BOARD.corners))
        inside = np.isfinite(q).all(-1) & (q > 0).all(-1) & (q < np.array([camera.width, camera.height]) - 1).all(-1)
        if inside.sum() < 20:
            continue
        found = q[inside] + rng.normal(0, noise_px, (inside.sum(), 2)) + rng.normal(0, shared_px, 2)
        found = found.clip(0, np.array([camera.width, camera.height]) - 1)
        views.append(BoardView(camera=NAME, instant=len(views), ids=np.flatnonzero(inside), q=found))
    return tuple(views)


def take_of(camera, views):
    return BoardTake(board=BOARD, views=views, image_sizes={NAME: (camera.width, camera.height)})


@pytest.mark.slow
def test_errors_are_as_large_as_their_sigmas():
    truth = brown_camera()
    pulls = []
    for seed in range(6):
        take = take_of(truth, views_of(truth, np.random.default_rng(seed), 16))
        result = calibrate_intrinsics(take, NAME)
        assert result.accepted, result.reason
        assert result.model == "brown"
        assert result.rms_px == pytest.approx(NOISE_PX * np.sqrt(2), rel=0.1)
        pulls.append((intrinsics_of(result.camera) - intrinsics_of(truth))[:4] / result.sigma[:4])
    # 24 pulls that are not independent: their mean square is 1 ± 0.4; the larger of two sigmas makes it smaller
    assert 0.3 < np.mean(np.square(pulls)) < 1.5


@pytest.mark.slow
def test_the_sigma_knows_of_errors_that_a_view_shares():
    """A board that is bent, seen by a lens that moves, or blurred: corners of a view are wrong together."""
    truth = brown_camera()
    errors, formal = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        bent = []
        for view in views_of(truth, rng, 16):
            # 0.4 px at the board's edge, of a pattern that no place of the board imitates
            x = BOARD.corners[view.ids, :2] / BOARD.middle[:2] - 1
            bend = 0.4 * rng.normal() * np.stack([x[:, 0] * x[:, 1], x[:, 1] ** 2], -1)
            bent.append(replace(view, q=(view.q + bend).clip(0, [truth.width - 1, truth.height - 1])))
        result = calibrate_intrinsics(take_of(truth, tuple(bent)), NAME, model="brown")
        errors.append((intrinsics_of(result.estimate) - intrinsics_of(truth))[:2])
        formal.append(result.estimate_sigma[:2])
    # the information matrix alone is 2 to 3 times too sure here
    assert 0.2 < np.mean(np.square(errors)) / np.mean(np.square(formal)) < 2.5


@pytest.mark.slow
def test_a_wide_lens_takes_the_rational_model():
    truth = kinect_camera()
    take = take_of(truth, views_of(truth, np.random.default_rng(0), 30))
    result = calibrate_intrinsics(take, NAME)
    assert result.accepted, result.reason
    assert result.model == "rational"
    q = np.stack(np.meshgrid(np.linspace(100, 1180, 9), np.linspace(60, 660, 6)), -1).reshape(-1, 2)
    estimated, true = (camera.unproject(q, 1.0) for camera in (result.camera, truth))
    estimated, true = (rays / np.linalg.norm(rays, axis=-1, keepdims=True) for rays in (estimated, true))
    # a shift of the principal point is nearly a turn of the camera, which its place in the rig takes up
    turn, _ = Rotation.align_vectors(true, estimated)
    off_px = np.linalg.norm(turn.apply(estimated) - true, axis=-1) * truth.K[0, 0]
    assert off_px.max() < 3 * result.sigma[:2].max()  # f's error moves a pixel at 45° by itself
    brown = calibrate_intrinsics(take, NAME, model="brown")
    assert brown.held_out_px > 1.2 * result.held_out_px


def test_frontal_views_are_refused_and_the_factory_kept():
    truth = brown_camera()
    factory = with_lens(truth, intrinsics_of(truth) * np.array([1.002, 1.002, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]))
    take = take_of(truth, views_of(truth, np.random.default_rng(1), tilt_deg=10.0, distances=(1.4, 1.5)))
    free = calibrate_intrinsics(take, NAME)
    assert not free.accepted
    assert free.camera is None
    assert np.isnan(free.sigma).all()
    assert "nearly frontal: 0 of 25" in free.reason
    assert "nearer and farther" in free.reason
    prior = factory_prior(factory, "azure-kinect")
    kept = calibrate_intrinsics(take, factory, prior=prior)
    assert not kept.accepted
    assert np.array_equal(intrinsics_of(kept.camera), intrinsics_of(factory))
    assert np.array_equal(kept.sigma, prior.sigma)


def test_the_factory_is_refined_by_good_views():
    truth = kinect_camera()
    factory = with_lens(truth, intrinsics_of(truth) + np.array([1.5, 1.5, 2.5, -2.5, *np.zeros(8)]))
    prior = factory_prior(factory, "azure-kinect")
    result = calibrate_intrinsics(take_of(truth, views_of(truth, np.random.default_rng(2))), factory, prior=prior)
    assert result.accepted, result.reason
    assert (result.sigma[:4] < prior.sigma[:4] / 3).all()
    assert (np.abs(intrinsics_of(result.camera) - intrinsics_of(truth))[:4] < 4 * result.sigma[:4]).all()
    assert result.camera.metric_radius == truth.metric_radius


def test_numbers_of_another_mode_are_named():
    truth = brown_camera()
    wrong = with_lens(truth, intrinsics_of(truth) * np.array([1.1, 1.1, *np.ones(10)]))
    take = take_of(truth, views_of(truth, np.random.default_rng(4)))
    result = calibrate_intrinsics(take, wrong, prior=factory_prior(wrong, "azure-kinect"))
    assert not result.accepted
    assert "the factory 992.2 ± 3.0 px" in result.reason or "the factory 995.5 ± 3.0 px" in result.reason


def test_few_views_one_corner_of_the_image():
    truth = brown_camera()
    views = [v for v in views_of(truth, np.random.default_rng(5), 60) if (v.q.max(0) < [700, 500]).all()]
    result = calibrate_intrinsics(take_of(truth, tuple(views[:5])), NAME)
    assert not result.accepted
    assert "5 views of the board, at least 6 needed" in result.reason
    assert "of the image" in result.reason


def test_no_view_is_no_lens():
    result = calibrate_intrinsics(take_of(brown_camera(), ()), NAME)
    assert (result.accepted, result.camera, result.views) == (False, None, 0)
    assert NAME in result.reason
    assert draw_coverage(result.coverage).dtype == np.uint8


def test_a_view_of_something_else_is_dropped_and_named():
    truth = brown_camera()
    views = list(views_of(truth, np.random.default_rng(6)))
    views[7] = replace(views[7], ids=np.random.default_rng(0).permutation(views[7].ids))
    views[9] = replace(views[9], ids=views[9].ids // 8 * 8 + 7 - views[9].ids % 8)
    result = calibrate_intrinsics(take_of(truth, tuple(views)), NAME)
    assert set(result.dropped) == {7, 9}
    assert "not this board" in result.dropped[7]
    assert "mirrored" in result.dropped[9]
    assert result.accepted
    assert abs(result.camera.K[0, 0] - truth.K[0, 0]) < 4 * result.sigma[0]


@pytest.mark.slow
def test_single_false_corners_are_weighted_down():
    truth = brown_camera()
    rng = np.random.default_rng(8)
    views = list(views_of(truth, rng))
    for n in range(0, 25, 3):
        q = views[n].q.copy()
        q[rng.integers(len(q), size=2)] += rng.normal(0, 4, (2, 2))
        views[n] = replace(views[n], q=q.clip(0, [1279, 719]))
    take = take_of(truth, tuple(views))
    off = {r: abs(calibrate_intrinsics(take, NAME, robust=r).estimate.K[0, 0] - truth.K[0, 0]) for r in (True, False)}
    assert off[True] < 0.5 * off[False]


def test_images_of_two_sizes():
    truth = brown_camera()
    views = list(views_of(truth, np.random.default_rng(7), 20))
    views[3] = replace(views[3], q=views[3].q * 2)
    result = calibrate_intrinsics(take_of(truth, tuple(views)), NAME)
    assert "1280x720" in result.dropped[3]
    assert result.accepted


def test_what_cannot_be_asked():
    truth = brown_camera()
    take = take_of(truth, views_of(truth, np.random.default_rng(0), 8))
    with pytest.raises(CalibrationError, match=r"no camera 'kinect_009/color'.*kinect_000/color"):
        calibrate_intrinsics(take, "kinect_009/color")
    with pytest.raises(CalibrationError, match="640x360"):
        calibrate_intrinsics(take, truth.resized(640, 360))
    with pytest.raises(CalibrationError, match="nothing is left"):
        calibrate_intrinsics(take, truth, prior=held_prior(truth))


def test_a_lens_that_folds_back_is_bounded():
    assert turning_radius(np.zeros(8)) == np.inf
    k1 = -0.3  # r (1 + k1 r²) turns where 1 + 3 k1 r² = 0
    assert turning_radius(np.array([k1, 0, 0, 0, 0, 0, 0, 0])) == pytest.approx(np.sqrt(-1 / (3 * k1)), abs=0.02)


def test_coverage_counts_cells_tilts_and_distances():
    camera = Camera(name=NAME, K=np.array([[900.0, 0, 639.5], [0, 900.0, 359.5], [0, 0, 1]]), width=1280, height=720)
    views = []
    for n, (turn, z) in enumerate([(0.0, 1.0), (0.6, 1.5)]):
        T = from_rotvec(np.array([turn, 0.0, 0.0]), np.zeros(3))
        T[:3, 3] = np.array([-0.25, -0.12, z]) - T[:3, :3] @ BOARD.middle  # in the upper left of the image
        q = camera.project_camera(transform(T, BOARD.corners))
        views.append(BoardView(camera=NAME, instant=n, ids=np.arange(len(q)), q=q))
    coverage = camera_coverage(camera, BOARD.corners, views)
    assert coverage.corners.sum() == 80
    assert coverage.tilt_deg == pytest.approx(np.degrees([0.0, 0.6]), abs=0.01)
    assert coverage.distance_m == pytest.approx([1.0, 1.5], abs=1e-4)
    assert coverage.tilted == 1
    assert {"bottom right", "bottom", "right"} <= set(coverage.empty_places())
    assert "left" not in coverage.empty_places()
    picture = draw_coverage(coverage)
    empty = draw_coverage(camera_coverage(camera, BOARD.corners, []))
    assert picture.shape == empty.shape
    assert (picture != empty).any(-1).sum() > 2000
