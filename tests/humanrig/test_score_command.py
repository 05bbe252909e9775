"""`humanrig score`: files in, figures out, and one sentence for what cannot be scored."""

import json
from pathlib import Path

import numpy as np
import pytest

from body.loading import load_body_model
from body.parameters import BodyParameters
from body.reframing import in_frame
from geometry.rigid import inverse, look_at, transform
from hps.metrics.posed_bodies import BodyPoser
from humanrig.cli import main
from registration.body_track import BodyTrack

FRAMES = 4


def _write(path: Path, shift_m: float = 0.0, frames: int = FRAMES) -> Path:
    """Bodies of a walk as humanrig keeps them."""
    model, rng = load_body_model(), np.random.default_rng(0)
    parameters = BodyParameters(
        betas=rng.normal(0, 1, 10),
        global_orient=np.tile([np.pi / 2, 0, 0], (frames, 1)),
        body_pose=rng.normal(0, 0.2, (frames, 69)),
        transl=np.linspace([0.0, 0, 1], [0.2, 0, 1], frames) + [shift_m, 0, 0],
    )
    poser = BodyPoser(model)
    joints = poser.pose([parameters[slice(n, n + 1)] for n in range(frames)]).joints
    path.parent.mkdir(parents=True, exist_ok=True)
    BodyTrack(
        parameters=parameters, joints=joints, instants=np.arange(frames), time_us=33_333 * np.arange(frames),
        keypoint_px=np.zeros(frames), surface_mm=np.zeros(frames), flags=np.full(frames, ""), model=model.name,
        model_sha256=model.sha256,
    ).write(path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def sides(tmp_path_factory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("score")
    truth = _write(folder / "take" / "truth" / "body" / "person00.npz")
    return str(_write(folder / "take" / "body" / "person00.npz", 0.05)), str(truth)


def test_a_shifted_person_scores_the_shift(sides, tmp_path, capsys):
    out = tmp_path / "new" / "score.json"
    assert main(["score", *sides, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("protocol smpl24: ")
    row = next(line.split() for line in lines if line.startswith("MPJPE") and "smpl24_abs" in line)
    assert row[:5] == ["MPJPE", "smpl24_abs", "50.0", "-", "mm"]
    written = json.loads(out.read_text())
    figures = {(one["measure"], one["protocol"]): one for one in written["figures"]}
    assert figures["MPJPE", "smpl24_abs"]["value"] == pytest.approx(50)
    assert figures["MPJPE", "smpl24_abs"]["low"] is None  # one sequence
    assert figures["MPJPE", "smpl24_root"]["value"] == pytest.approx(0, abs=1e-6)
    assert written["counts"]["frames"] == FRAMES
    assert main(["score", *sides, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == written


@pytest.mark.parametrize("match", ["name", "place"])
def test_an_estimate_in_a_cameras_frame_is_scored_against_a_sessions_truth(sides, tmp_path, capsys, match):
    T = look_at(np.array([0.5, -3.0, 1.5]), np.array([0.1, 0, 1]))
    with np.load(sides[0]) as stored:
        arrays = {name: stored[name] for name in stored.files}
    names = ("betas", "global_orient", "body_pose", "transl")
    world = BodyParameters(**{name: arrays[name] for name in names}, child=float(arrays["child"]))
    seen = in_frame(load_body_model(), world, inverse(T))
    arrays |= {name: getattr(seen, name) for name in names}
    arrays |= {"joints": transform(inverse(T), arrays["joints"]), "frame": np.str_("camera"), "T_world_camera": T}
    np.savez(tmp_path / "clip.npz", **arrays, confidence=np.ones(FRAMES))
    assert main(["score", str(tmp_path / "clip.npz"), sides[1], "--match", match, "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    figures = {(one["measure"], one["protocol"]): one["value"] for one in written["figures"]}
    assert figures["MRPE", "pelvis"] == pytest.approx(50)
    assert figures["PVE", "smpl24_root"] == pytest.approx(0, abs=1e-6)
    assert figures["MPJAE", "major9"] == pytest.approx(0, abs=1e-4)  # a root of rounding
    assert not any("another body model" in sentence for sentence in written["told"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--protocol", "mpjpe"], "no scoring protocol is called 'mpjpe'"),
        (["--protocol", "3dpw14"], "pass --regressor J_regressor_h36m.npy"),
        (["--protocol", "agora"], "is in the world, and the file does not say where the camera was"),
        (["--regressor", "nowhere.npy"], "nowhere.npy is not a .npy file"),
        (["--fps", "0"], "--fps 0.0 is no frame rate"),
        (["--out", "score.txt"], "--out score.txt: the name must end in .json"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(sides, words, sentence, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["score", *sides, *words]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert sentence in said
    assert "Traceback" not in said


def test_a_shorter_prediction_needs_partial(sides, tmp_path, capsys):
    short = str(_write(tmp_path / "take" / "body" / "person00.npz", 0.05, FRAMES - 1))
    assert main(["score", short, sides[1]]) == 1
    assert "the prediction has 3 frames, the truth 4" in " ".join(capsys.readouterr().err.split())
    assert main(["score", short, sides[1], "--partial"]) == 0
    assert "1 have no prediction" in capsys.readouterr().out


def test_a_regressor_of_another_body_is_said(sides, tmp_path, capsys):
    np.save(tmp_path / "J_regressor_h36m.npy", np.zeros((17, 6890)))
    words = ["--protocol", "3dpw14", "--regressor", str(tmp_path / "J_regressor_h36m.npy")]
    assert main(["score", *sides, *words]) == 1
    assert "is of 6890 vertices, the bodies have 6889" in " ".join(capsys.readouterr().err.split())
