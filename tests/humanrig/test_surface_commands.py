"""What `humanrig mesh` and `humanrig texture` ask of the pipeline, and what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capture.session import Session
from humanrig import pipeline
from humanrig.cli import main

MADE = {
    "surface": "tracked",
    "instants": 2,
    "segments": 1,
    "faces": 700,
    "flagged": 1,
    "without_surface": [],
    "warnings": ["w"],
}
PAINTED = {
    "segments": 1, "size": 512, "cameras": 3, "seen_clip": 0.9, "polish": None, "without_texture": [],
    "warnings": ["w"],
}  # fmt: skip


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[pipeline.Request]:
    """The requests that reach the pipeline, which does nothing, of a session in `tmp_path / "take"`."""
    Session.create(tmp_path / "take", streams=[], origin="virtual")
    requests = []

    def reconstruct(session, request, on_stage):
        requests.append(request)
        figures = {"mesh": MADE, "texture": PAINTED}[request.until]
        return [pipeline.Outcome(stage=request.until, skipped=False, seconds=1.5, figures=figures)]

    monkeypatch.setattr(pipeline, "reconstruct", reconstruct)
    return requests


def test_options_reach_the_stage_mesh(asked, tmp_path, capsys) -> None:
    take = str(tmp_path / "take")
    said = ["--tracked", "--method", "poisson", "--faces", "700", "--workers", "2", "--frames", "0:2", "--again"]
    assert main(["mesh", take, *said, "--option", "mesh.clothes=false", "--without", "k1"]) == 0
    (request,) = asked
    wanted = {"surface": "tracked", "method": "poisson", "faces": 700, "workers": 2, "clothes": False}
    assert request.configs["mesh"] == wanted
    assert (request.until, request.start, request.frames, request.without) == ("mesh", "mesh", (0, 2), {"k1"})
    told = capsys.readouterr()
    assert told.out.startswith("2 instants: tracked in 1 segment, 700 triangles; 1 flagged")
    assert "mesh: warning: w" in told.err
    assert main(["mesh", take, "--tracked", "--surface", "body"]) == 1
    assert "--tracked and --surface body exclude each other" in capsys.readouterr().err
    assert len(asked) == 1


def test_options_reach_the_stage_texture(asked, tmp_path, capsys) -> None:
    take = str(tmp_path / "take")
    assert main(["texture", take, "--size", "512", "--option", "texture.polish=false", "--json"]) == 0
    (request,) = asked
    assert request.configs["texture"] == {"size": 512, "polish": False}
    assert (request.until, request.start, request.frames, request.without) == ("texture", None, None, set())
    assert json.loads(capsys.readouterr().out) == {"seconds": 1.5, **PAINTED, "skipped": False}
    assert main(["texture", take]) == 0
    assert asked[-1].configs["texture"] == {}
    assert "1 texture of 512 from 3 cameras, 90 % of the surface seen" in capsys.readouterr().out
