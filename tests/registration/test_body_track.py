"""The file of a fitted body: everything comes back, older files are read, damaged ones are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from body.parameters import BodyParameters
from registration.body_track import BodyTrack, TrackParts, TrackSigma, read_body_track
from registration.errors import RegistrationError

T = 3


@pytest.fixture
def track() -> BodyTrack:
    rng = np.random.default_rng(0)
    M = 1e-3 * rng.normal(size=(T, 24, 3, 3))
    return BodyTrack(
        parameters=BodyParameters(
            betas=rng.normal(size=10), global_orient=rng.normal(size=(T, 3)), body_pose=rng.normal(size=(T, 69)),
            transl=rng.normal(size=(T, 3)), child=0.2,
        ),
        joints=rng.normal(size=(T, 24, 3)), instants=np.array([4, 5, 7]), time_us=np.array([0, 33, 100]),
        keypoint_px=np.array([1.0, np.nan, 2.0]), surface_mm=np.full(T, np.nan),
        flags=np.array(["", "no cloud; left arm: no points and no keypoints", ""]), model="m", model_sha256="ff",
        landmark_names=("nose",), landmarks=rng.normal(size=(T, 1, 3)),
        sigma=TrackSigma(
            joint_covariance=M @ np.swapaxes(M, -1, -2), vertex_sigma=rng.uniform(0, 1e-2, (T, 5)),
            vertices=np.arange(5) * 10, pose_sigma=rng.uniform(0, 1, (T, 75)), betas_covariance=np.eye(10),
        ),
        parts=TrackParts(
            names=("head", "trunk"), residual_mm=np.array([[3.0, np.nan]] * T), coverage=np.array([[0.5, np.nan]] * T)
        ),
    )  # fmt: skip


def test_everything_comes_back(track, tmp_path) -> None:
    track.write(tmp_path / "person00.npz")
    back = read_body_track(tmp_path / "person00.npz")
    assert back.parameters.child == 0.2
    assert np.array_equal(back.parameters.body_pose, track.parameters.body_pose)
    assert back.flags.tolist() == track.flags.tolist()
    assert back.sigma is not None
    assert back.parts is not None
    for name in TrackSigma.__dataclass_fields__:  # float32 on disk: 6e-8 of the value
        np.testing.assert_allclose(getattr(back.sigma, name), getattr(track.sigma, name), rtol=1e-6)
    assert back.parts.names == track.parts.names
    np.testing.assert_allclose(back.parts.coverage, track.parts.coverage, rtol=1e-6)
    np.testing.assert_allclose(back.parts.residual_mm, track.parts.residual_mm, rtol=1e-6)


def test_joint_sigma_is_the_root_of_the_mean_variance(track, tmp_path) -> None:
    covariance = np.tile(np.diag([1e-6, 4e-6, 4e-6]), (T, 24, 1, 1))
    assert track.sigma is not None
    known = replace(track, sigma=replace(track.sigma, joint_covariance=covariance))
    known.write(tmp_path / "person00.npz")
    with np.load(tmp_path / "person00.npz") as data:
        np.testing.assert_allclose(data["joint_sigma"], np.sqrt(3e-6), rtol=1e-6)
        assert int(data["format"]) == 2


def test_a_file_without_certainty_is_read(track, tmp_path) -> None:
    replace(track, sigma=None, parts=None).write(tmp_path / "person00.npz")
    with np.load(tmp_path / "person00.npz") as data:
        old = {name: data[name] for name in data.files if name not in ("format", "flags", "landmarks")}
    np.savez(tmp_path / "old.npz", **old)
    back = read_body_track(tmp_path / "old.npz")
    assert back.sigma is None
    assert back.parts is None
    assert back.landmarks is None
    assert (back.flags == "").all()


def test_missing_and_damaged_files_are_named(track, tmp_path) -> None:
    with pytest.raises(RegistrationError, match="is missing; run"):
        read_body_track(tmp_path / "person00.npz")
    track.write(tmp_path / "person00.npz")
    whole = (tmp_path / "person00.npz").read_bytes()
    (tmp_path / "person00.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RegistrationError, match="is not a fitted body"):
        read_body_track(tmp_path / "person00.npz")
