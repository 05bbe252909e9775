"""The stage `register`: everybody keeps their number, and bad input is named and flagged."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import bodies_take
import numpy as np
import pytest

from body.errors import BodyError
from body.loading import load_body_model
from capture.session import Session
from geometry.cloud import concatenate
from humanrig.registering.person_clouds import LEAST_POINTS, PersonClouds
from humanrig.stage import StageContext
from humanrig.stages import register
from registration.body_track import read_body_track
from registration.clouds.files import cloud_path, read_cloud, write_cloud
from registration.errors import RegistrationError
from registration.keypoints.track import read_track, write_track

QUICK = {"keypoint_iterations": 8, "surface_iterations": 6, "surface_points": 500, "betas": 4}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bodies_take.build(tmp_path_factory.mktemp("register") / "two", people=2).folder


@pytest.fixture
def take(two: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two, tmp_path / "take"))


def run(folder: Path, instants=bodies_take.INSTANTS, **options) -> dict:
    """Figures of the stage, whose output is FOLDER/body."""
    (folder / "body").mkdir(exist_ok=True)
    context = StageContext(
        session=Session.open(folder),
        output=folder / "body",
        config=register.RegisterConfig(**{**QUICK, **options}),
        instants=list(instants),
        without=frozenset(),
        progress=lambda done, total: None,
    )
    return register.run(context)


def change_keypoints(folder: Path, person: str, **arrays) -> None:
    path = folder / "keypoints" / f"{person}.npz"
    write_track(replace(read_track(path), **arrays), path)


@pytest.mark.slow
def test_everybody_is_fitted_under_the_own_number(take: Path) -> None:
    figures = run(take)
    model = load_body_model()
    assert list(figures["people"]) == ["person00", "person01"]
    for number in (0, 1):
        track = read_body_track(take / "body" / f"person0{number}.npz")
        true = model.pose(bodies_take.person(number)).vertices
        error = 1e3 * np.linalg.norm(model.pose(track.parameters).vertices - true, axis=-1).mean()
        assert error < 15  # eight quick steps; the other person is 1,000 mm away
        assert not any(track.flags)
    assert figures["frames"] == 3
    assert figures["warnings"] == []


def test_a_tiny_cloud_and_broken_points_are_flagged_and_the_rest_is_fitted(take: Path) -> None:
    shutil.rmtree(take / "keypoints" / "person01.npz", ignore_errors=True)
    (take / "keypoints" / "person01.npz").unlink()
    paths = [cloud_path(take / "clouds", instant) for instant in bodies_take.INSTANTS]
    cloud = read_cloud(paths[0])
    mine = np.flatnonzero(cloud.person == 0)
    write_cloud(paths[0], cloud[mine[:40]])
    broken = read_cloud(paths[1])
    broken.points[np.flatnonzero(broken.person == 0)[:30]] = np.nan
    write_cloud(paths[1], broken)
    paths[2].unlink()
    flags = run(take)["flagged"]
    assert "tiny cloud (40 points), not used" in flags[7]
    assert "30 points of the cloud are no numbers" in flags[8]
    assert "no cloud" in flags[9]


def test_a_person_whom_nothing_saw_is_named_and_the_other_one_kept(take: Path) -> None:
    track = read_track(take / "keypoints" / "person01.npz")
    nothing = {"p_world": np.nan * track.p_world, "q": np.nan * track.q, "used": track.used & False}
    change_keypoints(take, "person01", **nothing)
    for instant in bodies_take.INSTANTS:
        path = cloud_path(take / "clouds", instant)
        cloud = read_cloud(path)
        write_cloud(path, cloud[cloud.person == 0])
    figures = run(take)
    assert list(figures["people"]) == ["person00"]
    assert figures["warnings"][0].startswith("person01 has no body: person01: no keypoints and no points at any")
    assert not (take / "body" / "person01.npz").exists()
    (take / "keypoints" / "person00.npz").unlink()
    with pytest.raises(RegistrationError, match="no keypoints and no points at any of the 3 instants from 7 to 9"):
        run(take)


def test_nobody_and_missing_instants_say_which_stage_to_run(take: Path) -> None:
    with pytest.raises(RegistrationError, match="has no instant 10; run the stage keypoints"):
        run(take, instants=(9, 10))
    shutil.rmtree(take / "keypoints")
    with pytest.raises(RegistrationError, match="has nobody; run: humanrig reconstruct"):
        run(take)


def test_clouds_are_read_when_they_are_asked_for(two: Path) -> None:
    clouds = PersonClouds(two / "clouds", [7, 6, 9], person=1)
    assert clouds.counts == {}
    part = clouds[1:]
    assert len(part) == 2
    assert part[0] is None
    assert len(part[1:]) == 1
    both = concatenate([c for i in (7, 9) for c in [read_cloud(cloud_path(two / "clouds", i))]])
    found = [clouds[0], clouds[2]]
    assert sum(len(c) for c in found if c) == int((both.person == 1).sum()) == 2 * bodies_take.POINTS
    assert clouds.counts == {6: 0, 7: bodies_take.POINTS, 9: bodies_take.POINTS}
    assert PersonClouds(two / "clouds", [7], person=4)[0] is None
    assert bodies_take.POINTS > LEAST_POINTS


def keep_half(folder: Path, upper: bool) -> None:
    """person00 as a table hides the rest: no keypoint and no point of the other half."""
    track = read_track(folder / "keypoints" / "person00.npz")
    height = np.nan_to_num(track.p_world[0, :, 2], nan=-9.0 if upper else 9.0)
    gone = (height < 0.95) == upper
    p, q, used = track.p_world.copy(), track.q.copy(), track.used.copy()
    p[:, gone], q[:, :, gone], used[:, :, gone] = np.nan, np.nan, False
    change_keypoints(folder, "person00", p_world=p, q=q, used=used)
    for instant in bodies_take.INSTANTS:
        path = cloud_path(folder / "clouds", instant)
        cloud = read_cloud(path)
        write_cloud(path, cloud[(cloud.person == 0) & ((cloud.points[:, 2] > 0.95) == upper)])
    (folder / "keypoints" / "person01.npz").unlink()


def test_the_half_that_nothing_saw_is_flagged(take: Path) -> None:
    keep_half(take, upper=True)
    figures = run(take)
    assert set(figures["flagged"]) == set(bodies_take.INSTANTS)
    for flag in figures["flagged"].values():
        assert "left foot: no points and no keypoints" in flag
        assert "right foot: no points and no keypoints" in flag
        assert "arm" not in flag
    assert figures["warnings"][0].startswith("person00: 100% of the instants are flagged")


def test_legs_without_a_trunk_are_refused_where_points_may_not_help(take: Path) -> None:
    keep_half(take, upper=False)
    with pytest.raises(RegistrationError, match="none of 3 instants shows both shoulders and both hips"):
        run(take, point_start="off")


def test_a_wrong_body_file_is_named(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = take / "notes.npz"
    np.savez(wrong, betas=np.zeros(10))
    monkeypatch.setenv("HUMANRIG_BODY_MODEL", str(wrong))
    with pytest.raises(BodyError, match=r"notes\.npz"):
        run(take)
