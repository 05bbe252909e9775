"""The verdict: a sound session is good, every fault costs trust and is named, nothing in a session can make it fail."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from judged_take import INSTANTS, change, judged_session, write_stage

from capture.session import Session
from humanrig import manifest
from humanrig.errors import HumanrigError
from humanrig.pipeline import load_stage, run_alone
from humanrig.stage import Stage
from humanrig.trust import failures
from humanrig.trust.evidence import JUDGED
from humanrig.trust.failures import LONGEST, forget_failure, last_failure, note_failure
from humanrig.trust.judge import cameras_to_fix, judge, judge_folder
from humanrig.trust.limits import BAD, GOOD

CAMERA, OTHER = "kinect_002", "kinect_004"


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return judged_session(tmp_path_factory.mktemp("judged") / "take").folder


@pytest.fixture
def session(template, tmp_path) -> Session:
    shutil.copytree(template, tmp_path / "take")
    return Session.open(tmp_path / "take")


def test_a_sound_session_is_good(session) -> None:
    verdict = judge(session)
    assert (verdict.word, verdict.score, verdict.reasons) == ("good", 1.0, ())
    assert f"{INSTANTS} instants" in verdict.line
    for name in JUDGED:
        assert judge(session, until=name).line.startswith(f"good: {INSTANTS} instants"), name


FAULTS: dict[str, tuple[tuple[Any, ...], str]] = {
    "drops": (("sync", "streams", 4, "drops", [1, 8, 20]), CAMERA),
    "late": (("sync", "streams", 4, "residual_p95_us", [1500.0, 3000.0, 9000.0]), CAMERA),
    "silent": (("sync", "streams", 4, "stalls", [[{"at_s": 1, "seconds": s}] for s in (0.5, 2.0, 9.0)]), CAMERA),
    "left out": (("sync", "left_out", [["kinect_001"], ["kinect_001", OTHER]]), ""),
    "content": (("sync", "content", [[{"device": CAMERA, "lag_us": us, "sure": True}] for us in (9e3, -3e4)]), CAMERA),
    "apart": (("clouds", "apart_mm", f"{CAMERA}/depth", [4.0, 6.0, 12.0]), CAMERA),
    "alone": (("clouds", "unconfirmed_percent", f"{CAMERA}/depth", [30.0, 45.0, 80.0]), CAMERA),
    "empty": (("clouds", "empty", [[1], [1, 2, 3], list(range(15))]), ""),
    "bias": (("keypoints", "cameras", f"{CAMERA}/color", "bias_px", [[0.09, 0.0], [0.2, 0.1], [1.0, 1.0]]), CAMERA),
    "pixels": (("keypoints", "cameras", f"{CAMERA}/color", "reprojection_px", "median", [0.1, 0.15, 5.0]), CAMERA),
    "unused": (("keypoints", "cameras", f"{CAMERA}/color", "used", [0.8, 0.5, 0.1]), CAMERA),
    "no joints": (("keypoints", "instants_lost", [1, 5, 20]), ""),
    "made up": (("keypoints", "joints_lifted", [0.1, 0.3, 0.9]), ""),
    "unsure": (("keypoints", "sigma_mm", "median", [20.0, 40.0, 90.0]), ""),
    "no body": (("register", "people", "person00", "frames", [18, 14, 1]), ""),
    "flags": (("register", "people", "person00", "flagged", [{"1": "x"}, {"1": "x", "2": "y", "3": "z"}]), ""),
    "wrong body": (("register", "people", "person00", "surface_mm_mean", [20.0, 30.0, 90.0]), ""),
    "surface": (("mesh", "cloud_to_surface_mm", [3.0, 6.0, 20.0]), ""),
    "unexplained": (("mesh", "unexplained_percent", [4.0, 10.0, 60.0]), ""),
    "no surface": (("mesh", "without_surface", [[1], [1, 2, 3], list(range(20))]), ""),
    "texture": (("texture", "seen_clip", [0.8, 0.6, 0.1]), ""),
    "polish": (("texture", "polish", "moved_mm", f"{CAMERA}/color", [12.0, 25.0, 70.0]), CAMERA),
    "sentence": (("masks", "warnings", [["a chair"], ["a chair", "a door"]]), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_costs_the_more_the_worse_it_is_and_names_its_camera(session, name) -> None:
    (stage, *path, values), camera = FAULTS[name]
    scores = [1.0]
    for value in values:
        change(session, stage, *path, value=value)
        verdict = judge(session)
        scores.append(verdict.score)
        assert verdict.reasons[0].stage == stage
        assert verdict.reasons[0].camera == camera
        assert next(iter(cameras_to_fix(verdict.reasons)), "") == camera

    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


def test_words_follow_the_score_and_the_camera_that_is_worst_comes_first(session) -> None:
    change(session, "clouds", "apart_mm", f"{OTHER}/depth", value=6.0)
    verdict = judge(session)
    assert verdict.word == "look"
    assert BAD <= verdict.score < GOOD
    assert verdict.line.startswith("look: kinect_004: its surface lies 6.0 mm")
    change(session, "clouds", "apart_mm", f"{CAMERA}/depth", value=30.0)
    change(session, "clouds", "unconfirmed_percent", f"{CAMERA}/depth", value=90.0)
    verdict = judge(session)
    assert verdict.word == "bad"
    assert list(cameras_to_fix(verdict.reasons)) == [CAMERA, OTHER]
    assert verdict.score == pytest.approx(np.prod([1 - r.cost for r in verdict.reasons]), abs=1e-4)  # of its rounding


def test_two_views_are_no_ring_and_no_camera_is_blamed_for_it(session) -> None:
    change(session, "clouds", "kept", value={"kinect_000/depth": 900, "kinect_001/depth": 900})
    change(session, "clouds", "unconfirmed_percent", value={"kinect_000/depth": 99.0, "kinect_001/depth": 99.0})
    verdict = judge(session)
    assert verdict.word == "look"
    assert "only 2 devices" in verdict.line
    assert not cameras_to_fix(verdict.reasons)


def test_a_part_that_fits_badly_or_was_hardly_seen_costs_trust(session) -> None:
    with np.load(session.path("body", "person00.npz")) as arrays:
        body = dict(arrays)
    body["part_residual_mm"][:, 6] = 60.0
    body["part_coverage"][:, 3] = [0.3, np.nan]
    body["part_coverage"][:, 4] = np.nan  # no camera could see it: nothing is said
    np.savez(session.path("body", "person00.npz"), **body)
    write_stage(session, "register", {"people": {}})
    texts = [reason.text for reason in judge(session, until="register").reasons]
    assert any("left leg lies 60 mm" in text for text in texts)
    assert any("only 30% of the right arm" in text for text in texts)


@pytest.mark.parametrize("stage", JUDGED)
def test_a_stage_without_a_result_leaves_the_session_unfinished(session, stage) -> None:
    shutil.rmtree(session.path(load_stage(stage).folder))
    verdict = judge(session)
    assert verdict.word == "unfinished"
    assert verdict.score <= 0.5
    assert f"stage {stage} has not run" in verdict.line


def test_what_comes_after_the_last_stage_that_was_asked_for_is_not_missed(session) -> None:
    for stage in ("mesh", "texture", "export"):
        shutil.rmtree(session.path(load_stage(stage).folder))
    assert judge(session).word == "unfinished"
    assert judge(session, until="register").word == "good"


def test_a_stage_that_read_an_earlier_result_is_told(session) -> None:
    session.path("clouds", "output.bin").write_bytes(b"other points")
    write_stage(session, "clouds", json.loads(session.path("clouds", manifest.NAME).read_text())["figures"])
    verdict = judge(session)
    assert verdict.word == "unfinished"
    assert "stage register was made from an earlier result of clouds" in " ".join(r.text for r in verdict.reasons)


def test_a_lost_or_cut_output_is_told(session) -> None:
    session.path("masks", "output.bin").write_bytes(b"")
    verdict = judge(session)
    assert verdict.word == "unfinished"
    assert "masks/ lacks files" in verdict.line


def test_a_failure_is_told_until_its_stage_succeeds(session) -> None:
    shutil.rmtree(session.path("texture"))
    note_failure(session.folder, "texture", ValueError("no colour <b>at all</b>"))
    verdict = judge(session)
    assert "stage texture failed: no colour <b>at all</b>" in verdict.line
    forget_failure(session.folder, "mesh")
    assert last_failure(session.folder) is not None
    assert judge(session, until="register").word == "good"  # it was not asked for
    forget_failure(session.folder, "texture")
    assert last_failure(session.folder) is None


def test_a_failure_is_kept_whatever_its_letters_and_a_damaged_note_is_none(tmp_path) -> None:
    note_failure(tmp_path, "mesh", ValueError("\U0001f600" * 9000))
    kept = last_failure(tmp_path)
    assert kept is not None
    assert kept.sentence == "\U0001f600" * LONGEST
    for damaged in (b"[" * 20_000, b'{"stage": "mesh"}', b"\xff", b""):
        (tmp_path / failures.NAME).write_bytes(damaged)
        assert last_failure(tmp_path) is None


@dataclass
class NoOptions:
    """Of a stage without any."""


def test_a_run_that_fails_leaves_its_sentence_and_one_that_succeeds_takes_it_away(session) -> None:
    def run(context: Any) -> dict[str, Any]:
        if failing:
            raise HumanrigError("two cameras look away")
        (context.output / "out.txt").write_text("done")
        return {}

    stage = Stage(name="sync", folder="sync", needs=(), config=NoOptions, run=run)
    failing = [1]
    with pytest.raises(HumanrigError, match="look away"):
        run_alone(session, stage, {}, again=True)
    assert "stage sync failed: two cameras look away" in judge(session).line
    failing.clear()
    run_alone(session, stage, {}, again=True)
    assert last_failure(session.folder) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [("sync", "streams"), ("sync", "streams", 0), ("sync", "left_out"), ("clouds", "apart_mm"),
          ("clouds", "empty"),
          ("keypoints", "cameras"), ("keypoints", "cameras", "kinect_000/color"), ("register", "people"),
          ("register", "people", "person00"), ("mesh", "without_surface"), ("texture", "polish"),
          ("sync", "streams", 0, "stalls"), ("keypoints", "cameras", "kinect_000/color", "bias_px"),
          ("keypoints", "sigma_mm"), ("masks", "warnings"), ("sync", "content")]  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=ANYTHING)
@example(place=("sync", "streams", 0, "stalls"), value=5)
def test_figures_of_any_kind_get_a_verdict(session, place, value) -> None:
    file = session.path(load_stage(place[0]).folder, manifest.NAME)
    before = file.read_text()
    change(session, *place, value=value)
    verdict = judge(session, until=place[0])
    file.write_text(before)
    assert 0.0 <= verdict.score <= 1.0
    assert all(0.0 <= reason.cost <= 1.0 for reason in verdict.reasons)


NO_MANIFESTS = (
    "", "{", "[]", "[" * 3000, '{"schema": 99}', '{"schema": "x"}', "\x00\xff", '{"outputs": 5}', '{"stage": "x"}'
)  # fmt: skip


def test_a_damaged_manifest_is_a_verdict(session) -> None:
    for text in NO_MANIFESTS:
        session.path("clouds", manifest.NAME).write_text(text)
        verdict = judge(session, until="clouds")
        assert verdict.word == "unfinished", text[:20]
        assert "clouds" in verdict.line, text[:20]


def test_a_manifest_of_other_types_is_a_verdict(session) -> None:
    file = session.path("clouds", manifest.NAME)
    sound = json.loads(file.read_text())
    for key in ("outputs", "figures", "inputs", "instants", "seconds"):
        for value in (None, 5, "x", [1], {"a": 1}, {"output.bin": ["x", 1]}):
            file.write_text(json.dumps(sound | {key: value}))
            assert 0.0 <= judge(session, until="clouds").score <= 1.0, (key, value)


@pytest.mark.parametrize("names", [np.array(5), np.array("x"), np.zeros((2, 2)), np.array([None])])
def test_parts_of_other_kinds_are_a_verdict(session, names) -> None:
    some = np.ones((2, 1))
    np.savez(session.path("body", "person00.npz"), part_names=names, part_residual_mm=some, part_coverage=some)
    write_stage(session, "register", {"people": {}})
    assert 0.0 <= judge(session, until="register").score <= 1.0


@pytest.mark.parametrize("damage", ["no folder", "no session", "damaged"])
def test_a_folder_that_is_no_session_gets_a_verdict(tmp_path, damage) -> None:
    folder = tmp_path / "take"
    if damage != "no folder":
        folder.mkdir()
    if damage == "damaged":
        (folder / "session.toml").write_bytes(b"\xff\x00 = [")
    verdict = judge_folder(folder)
    assert (verdict.word, verdict.score) == ("unfinished", 0.0)
    assert "cannot be opened" in verdict.line
