"""Every format in one run: what a session allows is written, the rest says why, and a second run goes on."""

import shutil
from dataclasses import replace

import pytest
from export_take import build_take

import humanrig.errors
import humanrig.export_formats as registry
import texture.errors
from body.loading import OPEN_BODY
from capture.session import Session
from humanrig import cli
from humanrig.export.every import export_all, table
from humanrig.export.folder import SOURCE
from humanrig.export_formats import FORMATS, Format

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
FEW = ("amass", "bvh", "mkv")
"""Enough to see all outcomes; each format has its own round trip elsewhere."""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Session:
    return build_take(tmp_path_factory.mktemp("takes") / "take")


@pytest.fixture
def take(built, tmp_path, monkeypatch) -> Session:
    shutil.copytree(built.folder, tmp_path / "take")
    for name in set(FORMATS) - set(FEW):
        monkeypatch.delitem(FORMATS, name)
    monkeypatch.delenv("HUMANRIG_BODY_MODEL", raising=False)
    return Session.open(tmp_path / "take")


def outcomes(made) -> dict[str, str]:
    return {one.format: one.outcome for one in made}


def test_what_cannot_be_made_says_why_and_stops_nothing(take, tmp_path):
    calls = []
    made = export_all(take, tmp_path / "out", on_progress=lambda *call: calls.append(call))
    assert outcomes(made) == {"amass": "written", "bvh": "written", "mkv": "skipped"}
    skipped = next(one for one in made if one.outcome == "skipped")
    assert "no device has what an Azure Kinect's file holds" in skipped.why
    assert not skipped.folder.exists()
    lines = table(made)
    assert len(lines) == 1 + len(FEW)
    assert all(any(line.startswith(name) for line in lines) for name in FEW)
    assert str(tmp_path / "out" / "bvh") in "\n".join(lines)
    assert {name for name, _, _ in calls} == {"amass", "bvh"}


def test_a_second_run_keeps_what_is_there_and_current(take, tmp_path, monkeypatch):
    export_all(take, tmp_path / "out")
    (tmp_path / "out" / "bvh" / "person00.bvh").write_text("cut off")
    again = outcomes(export_all(take, tmp_path / "out"))
    assert again == {"amass": "kept", "bvh": "written", "mkv": "skipped"}
    take.path("body", "person00.npz").touch()
    again = outcomes(export_all(take, tmp_path / "out"))
    assert again == {"amass": "written", "bvh": "written", "mkv": "skipped"}
    forced = outcomes(export_all(take, tmp_path / "out", again=True))
    assert forced == again
    monkeypatch.setitem(FORMATS, "bvh", replace(FORMATS["bvh"], version=FORMATS["bvh"].version + 1))
    assert outcomes(export_all(take, tmp_path / "out")) == {"amass": "kept", "bvh": "written", "mkv": "skipped"}


def test_a_folder_of_somebody_else_is_left_alone(take, tmp_path):
    (tmp_path / "out" / "bvh").mkdir(parents=True)
    (tmp_path / "out" / "bvh" / "mine.txt").write_text("keep me")
    made = export_all(take, tmp_path / "out")
    assert outcomes(made)["bvh"] == "skipped"
    assert "was not made by this export" in next(one.why for one in made if one.format == "bvh")
    assert (tmp_path / "out" / "bvh" / "mine.txt").read_text() == "keep me"


@pytest.mark.parametrize("kind", [OSError, humanrig.errors.DiskError, texture.errors.DiskError])
def test_a_disk_that_refuses_is_a_failure(take, tmp_path, monkeypatch, kind):
    class Full(Format):
        def writer(self):
            def write(*_):
                raise kind(28, "No space left on device")

            return write

    monkeypatch.setitem(FORMATS, "bvh", Full("bvh", "named", "a full disk"))
    made = export_all(take, tmp_path / "out")
    assert outcomes(made) == {"amass": "written", "bvh": "failed", "mkv": "skipped"}
    assert "No space left" in table(made)[2]


def test_the_command(take, capsys, tmp_path):
    assert cli.main(["export", str(take.folder), "--format", "all"]) == 0
    out = capsys.readouterr().out
    assert "amass        written" in out
    assert "mkv          skipped" in out
    assert (take.path("exported", "bvh") / SOURCE).is_file()
    assert cli.main(["export", str(take.folder), "--format", "fbx"]) == 1
    assert "there is no export format 'fbx'; the formats are: " in capsys.readouterr().err
    shutil.rmtree(take.path("body"))
    assert cli.main(["export", str(take.folder), "--format", "all", "--to", str(tmp_path / "none")]) == 1


def test_every_registered_format_has_a_writer():
    """A format is one line in the registry; a line that leads nowhere would only show when somebody asks for it."""
    for name, format in registry.FORMATS.items():
        assert callable(format.writer()), name
        assert format.says, name
