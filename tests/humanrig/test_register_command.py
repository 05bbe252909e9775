"""`humanrig register`: what it runs, the words it takes, and a shape that is known from another take."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import bodies_take
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body.loading import load_body_model
from capture.session import Session
from humanrig import pipeline
from humanrig.cli import main
from humanrig.commands.reconstruct import read_configs
from humanrig.commands.register import same_words
from humanrig.errors import HumanrigError
from humanrig.registering.options import set_people, set_terms
from humanrig.registering.shape_file import read_shape, write_shape
from humanrig.registering.still_frames import FAST_M_S, joint_speeds, stillest
from humanrig.stage import Stage, StageContext
from registration.errors import RegistrationError
from registration.shape.estimate import ShapeEstimate

QUICK = ("keypoint_iterations=8", "surface_iterations=6", "surface_points=500", "betas=4")
OPTIONS = [word for option in QUICK for word in ("--option", f"register.{option}")]
READY = ("sync", "calibrate", "masks", "clouds", "keypoints")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bodies_take.build(tmp_path_factory.mktemp("register_command") / "take").folder


@pytest.fixture
def take(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A take whose early stages are replaced by ones that hand over what was made for the test."""
    real = pipeline.load_stage

    def load(name: str) -> Stage:
        stage = real(name)
        if name not in READY:
            return stage

        def run(context: StageContext) -> dict:
            shutil.copytree(made / stage.folder, context.output, dirs_exist_ok=True) if name != "masks" else None
            return {"warnings": ["the light went out"] if name == "masks" else []}

        needs = tuple(need for need in stage.needs if need in READY)
        return Stage(name=name, folder=stage.folder, needs=needs, config=stage.config, run=run)

    monkeypatch.setattr(pipeline, "load_stage", load)
    session = Session.create(tmp_path / "take", streams=list(Session.open(made).streams.values()), origin="test")
    return session.folder


def test_it_runs_what_is_missing_and_then_nothing(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["register", str(take), *OPTIONS, "--json"]) == 0
    out = capsys.readouterr()
    assert "masks: warning: the light went out" in out.err
    figures = json.loads(out.out)
    assert list(figures["people"]) == ["person00"]
    assert figures["frames"] == 3
    before = (take / "body" / "person00.npz").stat().st_mtime_ns
    assert main(["register", str(take), *OPTIONS]) == 0
    out = capsys.readouterr()
    assert "person00: 3 instants, 0 flagged" in out.out
    assert "unchanged, skipped" in out.err
    assert (take / "body" / "person00.npz").stat().st_mtime_ns == before
    assert main(["register", str(take), *OPTIONS, "--again", "--terms", "surface=off", "--frames", "0:8"]) == 0
    out = capsys.readouterr()
    assert "person00: 1 instants" in out.out
    config = json.loads((take / "body" / "manifest.json").read_text())["config"]
    assert config["terms"] == {"surface": 0.0}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--terms", "gravity=1"], "there is no term 'gravity'; the terms are"),
        (["--terms", "surface=much"], "expected NAME=WEIGHT or NAME=off"),
        (["--terms", "surface"], "expected NAME=WEIGHT or NAME=off"),
        (["--people", "16"], "--people 16: give a number up to 15"),
        (["--people", "2", "--option", "masks.people=3"], "--people 2 and --option masks.people=3 differ"),
        (["--shape-from", "nowhere.ply"], "there is no such scan or take"),
        (["--scan-unit", "mm"], "name it with --shape-from"),
        (["--option", "register.shape=nowhere.npz"], "there is no such file"),
        (["--frames", "9"], "expected A:B"),
    ],
)
def test_wrong_words_are_refused_in_one_sentence(
    take: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["register", str(take), *words]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_people_and_terms_become_options(made: Path) -> None:
    configs: dict[str, dict] = {"register": {"betas": 4, "terms": {"pose": 2.0}}}
    set_people(Session.open(made), configs, None)
    set_terms(configs, ["surface=0.5", "smooth=off"])
    assert configs == {"register": {"betas": 4, "terms": {"pose": 2.0, "surface": 0.5, "smooth": 0.0}}}
    set_people(Session.open(made), configs, 0)
    assert configs["masks"] == {"people": 0}
    with pytest.raises(HumanrigError, match="--people -1"):
        set_people(Session.open(made), configs, -1)


def test_whoever_was_followed_is_followed_on_unless_another_number_is_given(take: Path) -> None:
    session = Session.open(take)
    configs: dict[str, dict] = {}
    set_people(session, configs, 2)
    pipeline.reconstruct(session, pipeline.Request(until="keypoints", configs=configs))
    configs = {}
    set_people(session, configs, None)
    assert configs == {"masks": {"people": 2}, "keypoints": {"people": 2}}
    configs = {"masks": {"people": 1}}
    set_people(session, configs, None)  # no complaint about a number that nobody gave
    assert configs == {"masks": {"people": 1}}


def test_the_words_that_go_on_with_a_fit_mean_the_same() -> None:
    words = same_words(Path("a scan.ply"), "mm", None, {"smooth": 0.0}, "0:6", ["cam1"], ["register.betas=10"])
    assert words.startswith(" --shape-from 'a scan.ply' --scan-unit mm --frames 0:6 --without cam1 --option ")
    options = shlex.split(words)[shlex.split(words).index("--option") + 1 :]
    assert read_configs(None, tuple(options)) == {"register": {"betas": 10, "terms": {"smooth": 0.0}}}


def estimate() -> ShapeEstimate:
    return ShapeEstimate(
        betas=np.array([0.5, -1.0]), child=0.1, covariance=np.diag([0.01, 0.02, 0.03]), height_m=1.7,
        height_sigma_m=0.004, residual_mm={"head": 2.0, "trunk": float("nan")}, coverage={"head": 0.9, "trunk": 0.0},
        margin_mm={"head": 1.0}, sources=("a scan",), warnings=("trunk is missing",), notes=("cut the floor",),
    )  # fmt: skip


def test_a_shape_is_read_as_it_was_written_and_only_for_its_model(tmp_path: Path) -> None:
    model, path = load_body_model(), tmp_path / "person00.npz"
    write_shape(estimate(), model, path)
    found = read_shape(path, model)
    np.testing.assert_equal(found.covariance, estimate().covariance)
    np.testing.assert_equal(found.residual_mm, estimate().residual_mm)
    assert (found.verdict, found.sources, found.notes) == ("doubtful", ("a scan",), ("cut the floor",))
    with pytest.raises(RegistrationError, match="a shape of body model"):
        read_shape(path, replace(model, name="another", sha256="0"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RegistrationError, match="is not a shape"):
        read_shape(path, model)
    path.unlink()
    with pytest.raises(RegistrationError, match="is missing"):
        read_shape(path, model)


def test_still_moments_are_found_all_over_the_take() -> None:
    time_us = 33_333 * np.arange(90)
    moving = np.zeros((90, 24, 3))
    moving[:, :, 0] = 0.02 * np.cumsum((np.arange(90) // 15) % 2)[:, None]  # half seconds of rest and of 0.6 m/s
    speeds = joint_speeds(moving, time_us)
    assert speeds[20] == pytest.approx(0.6, rel=1e-3)
    chosen = stillest(speeds, 3)
    assert len(chosen) == 3
    assert (speeds[chosen] < FAST_M_S).all()
    assert set(chosen // 30) == {0, 1, 2}
    assert len(stillest(np.full(5, np.inf), 3)) == 0
    turned = np.einsum("ij,tkj->tki", Rotation.from_rotvec([1, 2, 3]).as_matrix(), moving)
    np.testing.assert_allclose(joint_speeds(turned, time_us), speeds, atol=1e-9)
