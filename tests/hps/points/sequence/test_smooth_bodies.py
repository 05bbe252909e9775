"""The temporal mode on motions whose truth is known: errors fall, nothing crosses a change of person, doubt is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from noisy_clips import NoisyClip, joint_errors_mm, joints_of, noisy_clip, swinging

from body.loading import load_body_model
from hps.errors import HpsError
from hps.metrics import acceleration_error_mm
from hps.points.sequence import FrameBodies, SequenceConfig, SmoothBodies, smooth_bodies
from registration.fit.rotations import exponential, logarithm

RATE = 30.0
WHITE = SequenceConfig(lasting=0.0, independent_s=0.0)
"""For clips whose errors are new in each frame."""


@pytest.fixture(scope="module")
def clip() -> NoisyClip:
    return noisy_clip(swinging(40, RATE), RATE)


@pytest.fixture(scope="module")
def smoothed(clip: NoisyClip) -> SmoothBodies:
    return smooth_bodies(clip.bodies, config=WHITE)


def errors_mm(found: SmoothBodies, clip: NoisyClip) -> np.ndarray:
    return 1e3 * np.linalg.norm(found.joints(load_body_model()) - clip.joints, axis=-1)


def seen_only(bodies: FrameBodies, seen: np.ndarray) -> FrameBodies:
    """What was not seen is no number, so that nobody can read it by mistake."""
    arrays = {}
    for name in ("rotations", "betas", "child", "transl", "covariance"):
        arrays[name] = getattr(bodies, name).copy()
        arrays[name][~seen] = np.nan
    return replace(bodies, seen=seen, **arrays)


def test_places_shape_and_above_all_accelerations_come_nearer_to_the_truth(
    clip: NoisyClip, smoothed: SmoothBodies
) -> None:
    before = joint_errors_mm(clip.bodies, clip.joints)
    assert errors_mm(smoothed, clip).mean() < 0.7 * before.mean()
    raw = joints_of(clip.bodies)
    after = smoothed.joints(load_body_model())
    assert acceleration_error_mm(after, clip.joints).mean() < 0.25 * acceleration_error_mm(raw, clip.joints).mean()
    off = np.abs(clip.bodies.betas - clip.truth.betas).mean()
    assert np.abs(smoothed.betas[0] - clip.truth.betas).mean() < off / 2
    assert np.ptp(smoothed.betas, axis=0).max() == 0
    assert not any(smoothed.notes)


def test_it_is_as_sure_as_it_is_right(clip: NoisyClip, smoothed: SmoothBodies) -> None:
    """Squared errors of the translation over their variance: 1 on average; 40 correlated frames say it to a factor."""
    away = smoothed.transl - clip.truth.transl
    squared = (away * np.linalg.solve(smoothed.covariance[:, -3:, -3:], away[..., None])[..., 0]).sum(1) / 3
    assert 0.3 < squared.mean() < 2.5
    before = clip.bodies.covariance[:, -3:, -3:].trace(axis1=1, axis2=2).mean()
    assert smoothed.covariance[:, -3:, -3:].trace(axis1=1, axis2=2).mean() < before


def test_errors_that_last_stay_in_the_covariance(clip: NoisyClip, smoothed: SmoothBodies) -> None:
    doubtful = smooth_bodies(clip.bodies, config=SequenceConfig(lasting=0.5))
    wide, narrow = (np.einsum("tii->t", s.covariance[:, :72, :72]) for s in (doubtful, smoothed))
    assert (wide > narrow).all()


def test_exact_frames_of_a_fast_motion_are_left_alone() -> None:
    """Frames that are sure to 1 mm are followed even through accelerations beyond the usual."""
    truth = swinging(20, RATE)
    angles = logarithm(truth.rotations)
    angles[:, 1, 0] += 1.5 * np.exp(-(((np.arange(20) - 10) / 2) ** 2))  # a kick: 400 rad/s²
    sharp = noisy_clip(replace(truth, rotations=exponential(angles)), RATE, sigma_m=0.001)
    assert errors_mm(smooth_bodies(sharp.bodies, config=WHITE), sharp).max() < 13  # 1 % of the foot's way


def test_short_gaps_are_bridged_and_said_and_long_ones_are_left_open(clip: NoisyClip) -> None:
    seen = np.ones(len(clip.bodies), bool)
    seen[[0, 10, 11, 12]] = False
    found = smooth_bodies(seen_only(clip.bodies, seen), config=WHITE)
    assert found.known.sum() == len(seen) - 1
    assert "too far" in found.notes[0]
    assert np.isnan(found.transl[0]).all()
    assert [t for t, note in enumerate(found.notes) if "bridged" in note] == [10, 11, 12]
    error = errors_mm(found, clip)
    assert error[[10, 11, 12]].mean() < 40  # a limb swings 30 mm off a straight way in 0.1 s
    spread = np.einsum("tii->t", found.covariance[:, -3:, -3:])
    assert spread[11] > spread[9]
    seen[5:25] = False
    apart = smooth_bodies(seen_only(clip.bodies, seen), config=WHITE)
    assert not apart.known[5:25].any()
    assert apart.known[25:].all()


def test_one_frame_that_faces_the_other_way_is_overruled_and_named(clip: NoisyClip) -> None:
    rotations = clip.bodies.rotations.copy()
    rotations[15, 0] = exponential(np.array([0, 0, np.pi - 0.1])) @ rotations[15, 0]
    rotations[15, 1:] = exponential(0.8 * np.random.default_rng(0).normal(size=(23, 3))) @ rotations[15, 1:]
    wrong = replace(clip.bodies, rotations=rotations)
    found = smooth_bodies(wrong, config=WHITE)
    assert "disagrees" in found.notes[15]
    assert sum(map(bool, found.notes)) == 1
    assert errors_mm(found, clip)[15].mean() < joint_errors_mm(wrong, clip.joints)[15].mean() / 8


@pytest.mark.parametrize("told", [True, False])
def test_nothing_crosses_a_change_of_person(clip: NoisyClip, told: bool) -> None:
    """Two people after one another, 3 m apart: each comes out as if alone, whether a tracker tells or not."""
    other = noisy_clip(replace(swinging(15, RATE, seed=3), betas=np.full(10, -1.5), child=0.9), RATE, seed=5)
    first = clip.bodies.rows(slice(0, 15))
    names = ("rotations", "betas", "child", "covariance", "seen")
    both = replace(
        first,
        **{name: np.concatenate([getattr(first, name), getattr(other.bodies, name)]) for name in names},
        transl=np.concatenate([first.transl, other.bodies.transl + [3.0, 0, 0]]),
        time_s=np.arange(30) / RATE,
    )
    found = smooth_bodies(both, ["anna"] * 15 + ["ben"] * 15 if told else None, WHITE)
    assert found.person.tolist() == [0] * 15 + [1] * 15
    alone = smooth_bodies(first, config=WHITE)
    np.testing.assert_allclose(found.transl[:15], alone.transl, atol=1e-12)
    np.testing.assert_allclose(found.rotations[:15], alone.rotations, atol=1e-12)
    np.testing.assert_allclose(found.betas[15], smooth_bodies(other.bodies, config=WHITE).betas[0], atol=1e-12)


def test_it_does_not_matter_how_the_world_is_turned(clip: NoisyClip, smoothed: SmoothBodies) -> None:
    """Turned about the pelvis, which `transl` moves."""
    R = exponential(np.array([0.3, -1.0, 0.7]))
    turned = clip.bodies.rotations.copy()
    turned[:, 0] = R @ turned[:, 0]
    blocks = np.eye(86)
    for j in range(24):
        blocks[3 * j : 3 * j + 3, 3 * j : 3 * j + 3] = R
    blocks[83:, 83:] = R
    found = smooth_bodies(
        replace(
            clip.bodies,
            rotations=turned,
            transl=clip.bodies.transl @ R.T,
            covariance=blocks @ clip.bodies.covariance @ blocks.T,
        ),
        config=SequenceConfig(lasting=0.0, independent_s=0.0),
    )
    np.testing.assert_allclose(found.transl, smoothed.transl @ R.T, atol=1e-8)
    np.testing.assert_allclose(found.rotations[:, 0], R @ smoothed.rotations[:, 0], atol=1e-6)
    np.testing.assert_allclose(found.covariance, blocks @ smoothed.covariance @ blocks.T, atol=1e-8)


def test_a_single_frame_keeps_its_pose(clip: NoisyClip) -> None:
    one = clip.bodies.rows(slice(7, 8))
    found = smooth_bodies(one, config=WHITE)
    np.testing.assert_allclose(found.betas, one.betas, atol=0.05)  # its own prior is taken out and put in again
    np.testing.assert_allclose(found.transl, one.transl, atol=1e-3)


def test_fits_without_a_child_factor_in_their_covariance_keep_the_usual_one(clip: NoisyClip) -> None:
    which = np.r_[:82, 83:86]
    found = smooth_bodies(replace(clip.bodies, covariance=clip.bodies.covariance[:, which[:, None], which]))
    assert found.child[0] == pytest.approx(np.median(clip.bodies.child), abs=0.1)
    assert found.covariance.shape[1:] == (85, 85)


def test_frames_that_cannot_be_are_named(clip: NoisyClip) -> None:
    bodies = clip.bodies
    with pytest.raises(HpsError, match="not after frame 3"):
        replace(bodies, time_s=np.r_[0, 1, 2, 4, 3, np.arange(5, 40)].astype(float))
    with pytest.raises(HpsError, match="frame 2 has transl that are no numbers"):
        replace(bodies, transl=np.where(np.arange(40)[:, None] == 2, np.nan, bodies.transl))
    with pytest.raises(HpsError, match="84 unknowns"):
        replace(bodies, covariance=bodies.covariance[:, :84, :84])
    with pytest.raises(HpsError, match="none of the 40 frames"):
        smooth_bodies(seen_only(bodies, np.zeros(40, bool)))
    with pytest.raises(HpsError, match="2 names of people"):
        smooth_bodies(bodies, ["anna", "ben"])
