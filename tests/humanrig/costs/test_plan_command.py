"""`humanrig plan` on sessions that are new, whole in part, and none at all."""

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from capture.session import Session
from capture.session_info import StreamInfo
from humanrig import manifest
from humanrig.cli import main
from humanrig.costs.model import expected, shipped
from humanrig.costs.refined import refined
from humanrig.costs.size import Size
from humanrig.manifest import Manifest
from humanrig.pipeline import STAGES

Usage = namedtuple("Usage", "total used free")


def take(folder: Path, frames: int = 90) -> Session:
    streams = [
        StreamInfo(name=f"kinect_{n:03d}/{kind}", kind=kind, file="recording/rig.mcap", encoding=encoding,
                   frames=frames, topic=f"/{n}{kind}", width=width, height=height)
        for n in range(3)
        for kind, encoding, width, height in (("depth", "dzp", 640, 576), ("color", "jpeg", 1280, 720))
    ]  # fmt: skip
    return Session.create(folder, streams=streams, origin="virtual")


def done(session: Session, stage: str, seconds: float, **config) -> None:
    session.path(stage).mkdir(exist_ok=True)
    manifest.write(
        Manifest(stage=stage, code="", inputs={}, config=config, instants=list(range(30)), without=[], outputs={},
                 seconds=seconds, started=""),
        session.path(stage),
    )  # fmt: skip


def planned(capsys, *words: str) -> tuple[int, dict]:
    code = main(["plan", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_plan_of_sessions(tmp_path, capsys) -> None:
    for name in ("a", "b"):
        take(tmp_path / "day" / name)
    code, told = planned(capsys, str(tmp_path / "day"), str(tmp_path / "day" / "a"), "--workers", "1", "2")
    assert code == 0
    assert [Path(row["session"]).name for row in told["sessions"]] == ["a", "b"]  # each once
    size = Size.of(Session.open(tmp_path / "day" / "a"))
    assert (size.instants, size.depth_streams, size.color_streams, size.people) == (90, 3, 3, 1)
    each = sum(expected(stage, size).seconds for stage in STAGES)
    one, two = told["workers"]
    assert one["seconds"] == pytest.approx(2 * each)
    assert two["seconds"] == pytest.approx(each)  # two equal sessions on two workers
    assert [row["stage"] for row in told["stages"]] == list(STAGES)
    (disk,) = told["disks"]
    assert disk["needed_bytes"] == sum(row["disk_bytes"] for row in told["stages"])


def test_frames_stages_and_cameras_are_those_asked_for(tmp_path, capsys) -> None:
    take(tmp_path / "a")
    whole = planned(capsys, str(tmp_path / "a"))[1]
    few = planned(capsys, str(tmp_path / "a"), "--frames", "0:30", "--until", "clouds", "--without", "kinect_001")[1]
    assert [row["stage"] for row in few["stages"]] == list(STAGES[: STAGES.index("clouds") + 1])
    cost = {row["stage"]: row["core_s"] for row in whole["stages"]}
    assert few["stages"][-1]["core_s"] < cost["clouds"] / 3


def test_what_is_no_session_is_a_row_and_the_others_are_planned(tmp_path, capsys) -> None:
    take(tmp_path / "a")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "session.toml").write_text("id = [")
    code, told = planned(capsys, *(str(tmp_path / name) for name in ("a", "missing", "broken")))
    assert code == 1
    troubles = [row["trouble"] for row in told["sessions"]]
    assert troubles[0] == ""
    assert "there is no session at" in troubles[1]
    assert "session.toml" in troubles[2]


def test_a_disk_that_is_too_small_is_said(tmp_path, capsys, monkeypatch) -> None:
    take(tmp_path / "a")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 10**6, 10**6))
    assert main(["plan", str(tmp_path / "a")]) == 0
    words = capsys.readouterr().err
    assert "1.0 MB free" in words
    assert "too little; free some" in words


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "nothing to plan"),
        (["x", "--workers", "0"], "--workers 0: at least one"),
        (["--sequences", "0"], "must be at least 1"),
        (["--sequences", "5", "--shared-folder", "0"], "must be above 0"),
        (["x", "--picture", "a.png"], "give --sequences"),
    ],
)
def test_what_cannot_be_planned_is_a_sentence(words, sentence, capsys) -> None:
    assert main(["plan", *words]) == 1
    assert sentence in capsys.readouterr().err


def test_finished_sessions_correct_the_table(tmp_path) -> None:
    sessions = [take(tmp_path / name) for name in ("a", "b", "c")]
    size = Size.of(sessions[0], frames=(0, 30))
    usual = expected("clouds", size).seconds
    for session in sessions:
        done(session, "clouds", 2 * usual, workers=1)
        done(session, "masks", 50 * expected("masks", size).seconds, workers=None)  # over several processes: no word
    model = refined(shipped(), sessions)
    assert set(model.factors) == {"clouds"}
    assert model.factors["clouds"] == pytest.approx(2 ** (3 / 4))  # three sessions against the table's one voice
    assert model.expected("clouds", size).seconds == pytest.approx(usual * 2 ** (3 / 4))
    relieved = take(tmp_path / "ahead")
    done(relieved, "clouds", 0.3 * usual, workers=1)  # most clouds waited in the cache
    assert refined(shipped(), [relieved]).factors == {}
    done(relieved, "masks", 0.3 * expected("masks", size).seconds)  # no: the machine is so fast
    assert set(refined(shipped(), [relieved]).factors) == {"clouds", "masks"}
    sessions[0].path("clouds", "manifest.json").write_text("{")
    assert refined(shipped(), sessions[:1]).factors == {}
    done(sessions[1], "clouds", 1e5 * usual, workers=1)
    assert refined(shipped(), sessions[1:2]).factors["clouds"] == pytest.approx(10**0.5)  # held up, not slow
