"""A session whose stages all left sound figures, written by hand: what the verdict reads, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from small_rig import small_session

from capture.session import Session
from humanrig import manifest
from humanrig.manifest import Manifest
from humanrig.pipeline import load_stage
from humanrig.trust.evidence import JUDGED
from registration.fit.parts import PART_NAMES

DEVICES, INSTANTS = 5, 20


def judged_session(folder: Path) -> Session:
    """Five Kinects, twenty instants, one person; every stage is done."""
    session = Session.open(small_session(folder, devices=DEVICES, frames=INSTANTS))
    figures = sound_figures(session)
    for name in JUDGED:
        stage = load_stage(name)
        where = session.path(stage.folder)
        where.mkdir(parents=True, exist_ok=True)
        if name == "register":
            np.savez(
                where / "person00.npz", part_names=np.array(PART_NAMES),
                part_residual_mm=np.full((2, 10), 10.0), part_coverage=np.full((2, 10), 0.97),
            )  # fmt: skip
        else:
            (where / "output.bin").write_bytes(name.encode())
        read = {need: _digest(session, need) for need in stage.needs}
        write_stage(session, name, figures[name], inputs=read)
    return session


def write_stage(session: Session, name: str, figures: dict[str, Any], *, inputs: dict[str, str] | None = None) -> None:
    """The manifest of what lies in a stage's folder; the inputs of the former one unless they are given."""
    folder = session.path(load_stage(name).folder)
    read = json.loads((folder / manifest.NAME).read_text())["inputs"] if inputs is None else inputs
    manifest.write(
        Manifest(
            stage=name, code="0/1", inputs=read, config={}, instants=list(range(INSTANTS)), without=[],
            outputs=manifest.hash_outputs(folder), seconds=2.0, started="2026-01-01T00:00:00+00:00", figures=figures,
        ),
        folder,
    )  # fmt: skip


def change(session: Session, stage: str, *path: str | int, value: Any) -> None:
    """Sets one figure of a stage."""
    file = session.path(load_stage(stage).folder, manifest.NAME)
    data = json.loads(file.read_text())
    at = data["figures"]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    file.write_text(json.dumps(data))


def sound_figures(session: Session) -> dict[str, dict[str, Any]]:
    """By stage; what a simulated rig of Kinects gives."""
    color, depth = session.of_kind("color"), session.of_kind("depth")
    stream = {
        "frames": INSTANTS,
        "holes": 0,
        "drops": 0,
        "stalls": [],
        "residual_p95_us": 20.0,
        "residual_max_us": 30.0,
    }
    pixels = {  # of a picture 16 px wide: 80 times as many at 1280
        "reprojection_px": {"median": 0.05, "p95": 0.15},
        "bias_px": [0.01, -0.01],
        "used": 0.99,
        "instants_seen": 20,
    }
    person = {"frames": INSTANTS, "flagged": {}, "keypoint_px_median": 0.05, "surface_mm_mean": 12.0}
    return {
        "sync": {
            "instants": INSTANTS, "complete": INSTANTS, "holes": 0, "drops": 0, "left_out": [], "content": [],
            "streams": [{"stream": name, **stream} for name in session.streams], "warnings": [],
        },
        "calibrate": {"left_out": [], "source": "made up", "warnings": []},
        "masks": {"warnings": []},
        "clouds": {
            "apart_mm": dict.fromkeys(depth, 1.0), "kept": dict.fromkeys(depth, 2000), "empty": [],
            "unconfirmed_percent": dict.fromkeys(depth, 8.0), "warnings": [],
        },
        "keypoints": {
            "cameras": {name: json.loads(json.dumps(pixels)) for name in color},
            "instants": INSTANTS, "instants_lost": 0, "joints_interpolated": 0.0, "joints_lifted": 0.0,
            "sigma_mm": {"median": 8.0}, "warnings": [],
        },
        "register": {"people": {"person00": person}, "model": "open body", "warnings": []},
        "mesh": {
            "cloud_to_surface_mm": 0.8, "unexplained_percent": 0.1, "without_surface": [], "instants": INSTANTS,
            "warnings": [],
        },
        "texture": {
            "seen_clip": 0.97, "seen_instant": 0.9, "polish": {"moved_mm": dict.fromkeys(color, 2.0)}, "warnings": [],
        },
        "export": {},
    }  # fmt: skip


def _digest(session: Session, name: str) -> str:
    done = manifest.read(session.path(load_stage(name).folder))
    assert done is not None
    return done.digest
