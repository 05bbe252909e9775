"""The stage runner: resume, redo, failure and wrong requests, with stages made for the test."""

import json
from pathlib import Path

import pytest
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.session import Session
from humanrig import manifest, pipeline
from humanrig.errors import HumanrigError
from humanrig.lease import held
from humanrig.pipeline import Request, reconstruct
from humanrig.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    number: int = 1


class Runs:
    """Two stages, `sync` and `masks`, the second reading the first; counts how often each ran."""

    def __init__(self) -> None:
        self.count = {"sync": 0, "masks": 0}
        self.fail = False
        self.meanwhile = lambda: None

    def stage(self, name: str) -> Stage:
        if name not in self.count:
            raise HumanrigError(f"there is no stage '{name}'")
        return Stage(name=name, folder=name, needs=("sync",) if name == "masks" else (), config=Config, run=self.run)

    def run(self, context: StageContext) -> dict:
        name = context.output.name.split(".")[1]
        self.count[name] += 1
        (context.output / "value.txt").write_text(f"{name} {context.config.number}")
        if name == "masks" and self.fail:
            raise HumanrigError("a camera burnt down")
        self.meanwhile()
        context.progress(1, 1)
        return {"number": context.config.number}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr(pipeline, "STAGES", ("sync", "masks"))
    monkeypatch.setattr(pipeline, "load_stage", runs.stage)
    monkeypatch.setattr(pipeline, "instants_of", lambda session, stage, frames: [0, 1])
    return runs


@pytest.fixture
def session(tmp_path: Path) -> Session:
    made = Session.create(tmp_path / "take", streams=[], origin="test")
    (made.folder / "recording").mkdir()
    (made.folder / "recording" / "rig.mcap").write_bytes(b"frames")
    return made


def test_second_run_skips_everything(runs: Runs, session: Session) -> None:
    assert [o.skipped for o in reconstruct(session, Request())] == [False, False]
    assert [o.skipped for o in reconstruct(session, Request())] == [True, True]
    assert runs.count == {"sync": 1, "masks": 1}


def test_manifest_holds_inputs_config_and_outputs(runs: Runs, session: Session) -> None:
    reconstruct(session, Request(configs={"masks": {"number": 5}}))
    written = json.loads((session.folder / "masks" / "manifest.json").read_text())
    assert written["config"] == {"number": 5}
    assert written["figures"] == {"number": 5}
    assert set(written["inputs"]) == {"sync", "session.toml", "recording/rig.mcap"}
    value = session.folder / "masks" / "value.txt"
    assert written["outputs"]["value.txt"] == [value.stat().st_size, manifest.sha256(value)]


@pytest.mark.parametrize("change", ["config", "recording", "session", "output", "truncation", "upstream"])
def test_a_change_redoes_what_depends_on_it(runs: Runs, session: Session, change: str) -> None:
    reconstruct(session, Request())
    configs = {}
    if change == "config":
        configs = {"masks": {"number": 2}}
    elif change == "recording":
        (session.folder / "recording" / "rig.mcap").write_bytes(b"other!")
    elif change == "output":
        (session.folder / "masks" / "value.txt").unlink()
    elif change == "truncation":
        (session.folder / "masks" / "value.txt").write_text("m")
    elif change == "session":
        path = session.folder / "session.toml"
        path.write_text(path.read_text().replace('action = ""', 'action = "walk"'))
    else:
        configs = {"sync": {"number": 2}}
    reconstruct(session, Request(configs=configs))
    assert runs.count["masks"] == 2
    assert runs.count["sync"] == (2 if change in ("recording", "session", "upstream") else 1)


def test_from_redoes_that_stage_and_all_after_it(runs: Runs, session: Session) -> None:
    reconstruct(session, Request())
    reconstruct(session, Request(start="sync"))
    assert runs.count == {"sync": 2, "masks": 2}
    reconstruct(session, Request(start="masks"))
    assert runs.count == {"sync": 2, "masks": 3}


def test_only_runs_one_stage_and_names_what_is_missing(runs: Runs, session: Session) -> None:
    with pytest.raises(HumanrigError, match=r"reads the output of 'sync'.*--only sync"):
        reconstruct(session, Request(only="masks"))
    reconstruct(session, Request(only="sync"))
    assert runs.count == {"sync": 1, "masks": 0}


def test_a_failed_stage_leaves_its_former_result(runs: Runs, session: Session) -> None:
    reconstruct(session, Request())
    before = {p: p.read_bytes() for p in (session.folder / "masks").iterdir()}
    runs.fail = True
    with pytest.raises(HumanrigError, match="burnt down"):
        reconstruct(session, Request(configs={"masks": {"number": 9}}))
    assert {p: p.read_bytes() for p in (session.folder / "masks").iterdir()} == before
    assert not list(session.folder.glob(".*.partial"))


def test_wrong_requests_are_refused_before_anything_runs(runs: Runs, session: Session) -> None:
    for request, text in (
        (Request(only="mask"), "no stage 'mask'"),
        (Request(configs={"masks": {"nmber": 1}}), r"masks\.nmber.*number"),
        (Request(configs={"masks": {"number": "many"}}), r"masks\.number"),
        (Request(without=frozenset({"cam9"})), "cam9"),
        (Request(only="sync", start="masks"), "--only"),
        (Request(only="sync", until="masks"), "--only"),
        (Request(start="masks", until="sync"), "comes after"),
    ):
        with pytest.raises(HumanrigError, match=text):
            reconstruct(session, request)
    assert runs.count == {"sync": 0, "masks": 0}


def test_a_replacement_that_was_killed_halfway_is_undone(runs: Runs, session: Session) -> None:
    reconstruct(session, Request())
    (session.folder / "masks").rename(session.folder / ".masks.old")
    assert [o.skipped for o in reconstruct(session, Request())] == [True, True]
    assert (session.folder / "masks" / "value.txt").is_file()


def test_the_last_stage_can_be_named(runs: Runs, session: Session) -> None:
    assert [o.stage for o in reconstruct(session, Request(until="sync"))] == ["sync"]


def test_two_programs_do_not_work_on_one_session(runs: Runs, session: Session) -> None:
    with held(session.folder), pytest.raises(HumanrigError, match="another humanrig"):
        reconstruct(session, Request())
    assert runs.count["sync"] == 0


def test_a_result_is_left_out_when_another_program_took_the_session_over(runs: Runs, session: Session) -> None:
    reconstruct(session, Request(until="sync"))
    runs.meanwhile = lambda: (session.folder / ".lease").write_text("another's")
    with pytest.raises(HumanrigError, match=r"took .* over"):
        reconstruct(session, Request())
    assert not (session.folder / "masks").exists()
    assert not list(session.folder.glob(".*.partial"))


@pytest.mark.parametrize("text", ["{", "[]", '{"stage": "sync"}', "\x00"])
def test_a_damaged_manifest_says_how_to_go_on(runs: Runs, session: Session, text: str) -> None:
    reconstruct(session, Request())
    (session.folder / "sync" / "manifest.json").write_text(text)
    with pytest.raises(HumanrigError, match=r"delete sync/"):
        reconstruct(session, Request())
