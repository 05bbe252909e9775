"""Makes the takes of cases.py: a board take for each rig, which calibrates it, and the people's takes linked to it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from capture.session import Session
from humanrig.calibrating.links import link_calibration
from humanrig.simulation import simulate_session
from registration_trials.cases import CASES, Case

RATE_HZ = 30.0
RIG = {"cameras": 10, "factory_error": 1.0, "placed": False}


def board_take(folder: Path, rig: int) -> Path:
    """The calibrated board take of a rig; made when it is missing (some 20 minutes on two cores)."""
    from humanrig.cli import main

    path = folder / f"board_{rig}"
    if not path.exists():
        options = {**RIG, "scenario": "board", "seconds": 40.0, "rate_hz": 10.0, "infrared": True, "seed": rig}
        simulate_session(path, **options)
    if not (path / "rig_calibration").exists() and main(["calibrate", str(path)]):
        raise SystemExit(f"{path} was not calibrated")
    return path


def take(folder: Path, case: Case, workers: int | None = None) -> Path:
    """The folder of a case's take, which is made when it is missing and linked to the calibration of its rig."""
    path = folder / case.name
    if not path.exists():
        who: dict[str, object] = {"subjects": case.subjects, "people": len(case.subjects)}
        clothes = {"outfit": "dressed", "wardrobe": case.wardrobe} if case.wardrobe else {"outfit": "minimal"}
        options = {
            **RIG,
            **(who if case.subjects else {"exact_model": True}),
            **clothes,
            "clip": case.clip,
            "seed": case.rig,
            "seconds": case.instants / RATE_HZ,
            "rate_hz": RATE_HZ,
        }
        simulate_session(path, workers=workers, **options)
    session = Session.open(path)
    if "calibration_from" not in session.info.links:
        link_calibration(session, Session.open(board_take(folder, case.rig)))
    return path


def takes(folder: Path, cases: Iterable[Case] = CASES, workers: int | None = None) -> list[Path]:
    """The folders of several cases."""
    return [take(folder, case, workers) for case in cases]
