"""The whole path, from a recording to a textured body and its report, on a small simulated take and on real videos."""

import json
from pathlib import Path

import numpy as np
import pytest

from body.appearance import dress
from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.virtual.config import SimulationConfig
from capture.virtual.simulate import simulate
from capture.virtual.subject import Subject, choose_betas
from humanrig.cli import main
from humanrig.errors import HumanrigError
from humanrig.wheel_assets import blazepose_weights

pytestmark = pytest.mark.slow
FRAMES = 4
SMALL_OPTIONS = ["--option", "mesh.faces=2000", "texture.size=256", "texture.polish=false"]
"""What these tests do not look at, made in less time."""
REPORT_FILES = ("report/index.html", "report/overlays.jpg")


def stages(session: Path) -> dict[str, str]:
    """When each stage of a session was run."""
    found = {p.parent.name: json.loads(p.read_text())["started"] for p in session.glob("*/manifest.json")}
    return {name: f"{time} {(session / name / 'manifest.json').stat().st_mtime_ns}" for name, time in found.items()}


def figures(session: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    """What `humanrig evaluate --json` prints."""
    capsys.readouterr()
    assert main(["evaluate", str(session), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def waving() -> tuple[SimulationConfig, Subject]:
    """Somebody who stands and lifts an arm, seen by four cameras."""
    config = SimulationConfig(cameras=4, clip="wave", seconds=FRAMES / 10, rate_hz=10, seed=1, outfit="minimal")
    model = load_body_model()
    pose = np.zeros((FRAMES, 23, 3))
    pose[:, 15, 2] = np.linspace(-1.1, -0.6, FRAMES)  # left shoulder
    pose[:, 16, 2] = 1.2  # right shoulder
    betas = choose_betas(config, model)
    upright = np.tile([np.pi / 2, 0.0, 0.0], (FRAMES, 1))
    there = {"betas": betas, "global_orient": upright, "body_pose": pose.reshape(FRAMES, 69)}
    lowest = model.pose(BodyParameters(**there, transl=np.zeros((FRAMES, 3)))).vertices[..., 2].min()
    parameters = BodyParameters(**there, transl=np.tile([0.0, 0.0, -lowest], (FRAMES, 1)))
    outfit = dress(model, np.random.default_rng(0), "minimal")
    return config, Subject.of(model, parameters, texture=outfit.texture, offsets=outfit.offsets)


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated take, reconstructed; skipped where the detector's weights cannot be fetched."""
    try:
        blazepose_weights()
    except HumanrigError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")
    folder = tmp_path_factory.mktemp("end_to_end") / "take"
    simulate(folder, *waving(), workers=1)
    assert main(["reconstruct", str(folder), *SMALL_OPTIONS]) == 0
    return folder


def test_body_and_files_are_there(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(take, capsys)
    assert found["frames"] == {"total": FRAMES, "with_body": FRAMES, "flagged": 0, "lost": 0}
    assert found["flips"] == 0
    assert found["pve_mm"]["mean"] < 20  # four cameras and four frames; ten cameras reach less
    assert found["mpjpe_mm"]["mean"] < 20
    assert found["cloud_to_surface_mm"]["mean"] < 6
    assert found["held_out_px"] == {}
    for name in (*REPORT_FILES, "export/person00.glb", "export/person00_amass.npz", "texture/person00/segment_000.jpg"):
        assert (take / name).stat().st_size > 1000
    page = (take / "report" / "index.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="https' not in page


@pytest.mark.slow
def test_a_second_run_does_nothing_and_one_from_a_stage_redoes_the_rest(take: Path) -> None:
    before = stages(take)
    assert main(["reconstruct", str(take), *SMALL_OPTIONS]) == 0
    assert stages(take) == before
    assert main(["reconstruct", str(take), "--from", "mesh", *SMALL_OPTIONS]) == 0
    after = stages(take)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"mesh", "texture", "export", "report"}


def test_check_notices_a_damaged_output(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(take)]) == 0
    path = take / "keypoints" / "person00.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    capsys.readouterr()
    assert main(["check", str(take)]) == 1
    assert "person00.npz" in capsys.readouterr().out
    path.write_bytes(whole[:2000])
    assert main(["evaluate", str(take)]) == 1
    assert "Traceback" not in capsys.readouterr().err
    path.write_bytes(whole)
    assert main(["check", str(take)]) == 0


@pytest.mark.slow
def test_a_camera_left_out_is_where_the_fit_is_judged(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconstruct", str(take), "--until", "register", "--without", "kinect_002", "--frames", "0:2"]) == 0
    found = figures(take, capsys)
    assert found["frames"]["with_body"] == 2
    assert set(found["held_out_px"]) == {"kinect_002"}
    assert found["held_out_px"]["kinect_002"]["median"] < 25
    assert not any("kinect_002" in name for name in found["reprojection_px_by_camera"])


@pytest.mark.slow
@pytest.mark.real_data
def test_a_real_person_in_four_videos(tmp_path: Path, real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = tmp_path / "person"
    assert main(["sample", "person", str(session)]) == 0
    assert main(["reconstruct", str(session), "--option", "texture.every_instant=false"]) == 0
    found = figures(session, capsys)
    assert found["frames"]["with_body"] == 100
    assert found["flips"] == 0
    assert found["reprojection_px"]["median"] < 12  # of 1920; the detector alone leaves 10
    assert found["joints_px"]["median"] < 16
    assert found["pve_mm"] is None
    assert found["cloud_to_surface_mm"] is None
    assert main(["reconstruct", str(session), "--until", "register", "--without", "cam04"]) == 0
    held_out = figures(session, capsys)["held_out_px"]
    assert held_out["cam04"]["median"] < 30  # half of it is the recording's calibration (docs/sample_person.md)
