"""Bodies of instants without keypoints start from what an estimator sees in their clouds, and say so."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bodies_take
import numpy as np
import pytest

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.session import Session
from hps.errors import HpsError
from hps.points.estimate import BodyEstimate
from hps.points.person_cloud import PersonCloud
from humanrig.registering.point_start import POINTS
from humanrig.stage import StageContext
from humanrig.stages import register
from registration.body_track import BodyTrack, read_body_track
from registration.errors import RegistrationError
from registration.keypoints.track import read_track, write_track

QUICK = {"keypoint_iterations": 8, "surface_iterations": 6, "surface_points": 500, "betas": 4}
TURN_RAD, MOVE_M = 0.08, 0.03
"""How wrong the estimates are: 50 mm at the hands, which points alone would take for another limb."""


class Estimator:
    """Knows the truth and errs by as much as it says."""

    def __init__(self, truth: BodyParameters, confidence: float = 0.9) -> None:
        self.truth, self.confidence = truth, confidence
        self.asked: list[PersonCloud] = []

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[BodyEstimate]:
        return [self._estimate(cloud) for cloud in clouds]

    def _estimate(self, cloud: PersonCloud) -> BodyEstimate:
        """Of the instant whose body is nearest to the points."""
        away = np.linalg.norm(self.truth.transl[:, :2] - np.median(cloud.points[:, :2], 0), axis=1)
        rng = np.random.default_rng(len(self.asked))
        self.asked.append(cloud)
        true = self.truth[int(away.argmin()) + np.arange(1)]
        p = BodyParameters(
            betas=np.zeros(10),
            global_orient=true.global_orient + TURN_RAD * rng.normal(size=(1, 3)),
            body_pose=true.body_pose + TURN_RAD * rng.normal(size=(1, 69)),
            transl=true.transl + MOVE_M * rng.normal(size=(1, 3)),
        )
        sigma = np.r_[np.full(72, TURN_RAD), np.full(10, 0.9), np.full(3, MOVE_M)]
        return BodyEstimate(
            parameters=p, joints=np.zeros((1, 24, 3)), joint_covariance=np.zeros((1, 24, 3, 3)),
            parameter_covariance=np.diag(sigma**2)[None], confidence=np.array([self.confidence]),
            reasons=("" if self.confidence > 0.5 else "these points are a chair",),
            landmarks=np.zeros((1, 88, 3)), landmark_sigma=np.ones((1, 88)), milliseconds={},
        )  # fmt: skip


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bodies_take.build(tmp_path_factory.mktemp("from_points") / "one", people=2).folder


@pytest.fixture
def take(one: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(one, tmp_path / "take"))
    (folder / "keypoints" / "person01.npz").unlink()
    return folder


@pytest.fixture
def estimator(monkeypatch: pytest.MonkeyPatch) -> Estimator:
    knows = Estimator(bodies_take.person(0))
    monkeypatch.setattr(register, "load_estimate", lambda size, device: knows)
    return knows


def run(folder: Path, **options) -> dict:
    (folder / "body").mkdir(exist_ok=True)
    context = StageContext(
        session=Session.open(folder),
        output=folder / "body",
        config=register.RegisterConfig(**{**QUICK, **options}),
        instants=list(bodies_take.INSTANTS),
        without=frozenset(),
        progress=lambda done, total: None,
    )
    return register.run(context)


def lose_keypoints(folder: Path, frames: slice) -> None:
    """As the stage keypoints writes instants at which it finds nobody."""
    path = folder / "keypoints" / "person00.npz"
    track = read_track(path)
    arrays = {}
    for name, nothing in (
        ("p_world", np.nan), ("sigma", np.nan), ("q", np.nan), ("confidence", np.nan), ("used", False),
        ("covariance", np.nan), ("reprojection_px", np.nan),
    ):  # fmt: skip
        arrays[name] = getattr(track, name).copy()
        arrays[name][frames] = nothing
    write_track(replace(track, **arrays), path)


def errors_mm(track: BodyTrack) -> np.ndarray:
    model = load_body_model()
    true = model.pose(bodies_take.person(0)).vertices
    return 1e3 * np.linalg.norm(model.pose(track.parameters).vertices - true, axis=-1).mean(1)


def test_a_take_without_any_keypoints_is_fitted_from_its_points(take: Path, estimator: Estimator) -> None:
    lose_keypoints(take, slice(None))
    figures = run(take)
    track = read_body_track(take / "body" / "person00.npz")
    guess = errors_mm(replace(track, parameters=estimated(estimator)))
    assert errors_mm(track).max() < 15  # as with keypoints (test_register_stage.py), and
    assert errors_mm(track).max() < guess.min() / 2
    assert figures["point_start"] == 3
    assert all("started from its points (confidence 0.90)" in flag for flag in track.flags)
    cloud = estimator.asked[0]
    assert len(cloud) <= min(POINTS, bodies_take.POINTS)  # and none of the other person's
    np.testing.assert_array_equal(cloud.up, [0, 0, 1])
    centers = [camera.center for camera in bodies_take.cameras().values()]
    np.testing.assert_allclose(cloud.origins, centers)


def estimated(estimator: Estimator) -> BodyParameters:
    """Each instant's first answer again."""
    again = Estimator(estimator.truth)
    found = again(estimator.asked[:3])
    return BodyParameters(
        betas=found[0].parameters.betas,
        global_orient=np.concatenate([f.parameters.global_orient for f in found]),
        body_pose=np.concatenate([f.parameters.body_pose for f in found]),
        transl=np.concatenate([f.parameters.transl for f in found]),
    )


def test_only_instants_without_a_trunk_are_asked_about(take: Path, estimator: Estimator) -> None:
    lose_keypoints(take, slice(1, 2))
    figures = run(take)
    track = read_body_track(take / "body" / "person00.npz")
    assert len(estimator.asked) == 1
    assert [t for t, flag in enumerate(track.flags) if "started from its points" in flag] == [1]
    assert figures["point_start"] == 1
    assert errors_mm(track).max() < 15


def test_nobody_is_asked_where_keypoints_are_whole_or_it_is_switched_off(take: Path, estimator: Estimator) -> None:
    run(take)
    assert not estimator.asked
    lose_keypoints(take, slice(None))
    with pytest.raises(RegistrationError, match="none of 3 instants shows both shoulders"):
        run(take, point_start="off")
    assert not estimator.asked


def test_a_device_that_torch_does_not_have_is_a_sentence(take: Path) -> None:
    lose_keypoints(take, slice(None))
    with pytest.raises(RegistrationError, match="device 'abacus' cannot be used here"):
        run(take, point_device="abacus")


def test_points_that_are_nobody_are_refused_with_the_reason(take: Path, estimator: Estimator) -> None:
    estimator.confidence = 0.2
    lose_keypoints(take, slice(None))
    with pytest.raises(RegistrationError, match="these points are a chair"):
        run(take)


def test_without_weights_single_instants_are_interpolated_and_the_trouble_is_told(
    take: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(size: str, device: str) -> Estimator:
        raise HpsError("there are no weights called 'S'")

    monkeypatch.setattr(register, "load_estimate", missing)
    lose_keypoints(take, slice(1, 2))
    figures = run(take)
    assert any("no weights called 'S'" in text for text in figures["warnings"])
    flags = read_body_track(take / "body" / "person00.npz").flags
    assert not any("started from its points" in flag for flag in flags)
    lose_keypoints(take, slice(None))
    with pytest.raises(RegistrationError, match="no weights called 'S'"):
        run(take)
