"""Phones that filmed the board beside the rig: where each of their frames was taken, in the rig's world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from calibration.board_view import BoardTake
from calibration.phone.place_all import PlacedPhones, place_phones
from calibration.rig import RigCalibration, Verdict
from capture.session import Session

FOLDER = "phones"
SEARCHED = 5
"""Every so many-th frame of a phone is searched for the board: twelve a second."""


def with_phones(
    session: Session,
    take: BoardTake,
    calibration: RigCalibration,
    output: Path,
    report: Callable[[str, int, int], None],
) -> tuple[tuple[Verdict, ...], dict[str, Any]]:
    """Writes `phones/NAME.npz` for each phone of the session; verdicts, and figures by phone.

    A phone that cannot be placed is named with the reason, and the others go on.
    """
    placed = place_phones(session, take, calibration.cameras, every=SEARCHED, on_progress=report)
    placed.write(output / FOLDER)
    if not placed.placements and not placed.unplaced:
        return (Verdict(subject="rig", good=False, text="no phone with poses of its own is in this take"),), {}
    return placed.verdicts, {name: _figures(placed, name) for name in placed.placements}


def _figures(placed: PlacedPhones, name: str) -> dict[str, Any]:
    placement = placed.placements[name]
    figures = {
        "frames": len(placement.path),
        "views": len(placement.frames),
        "views_used": int(placement.used.sum()),
        "sigma_mm": 1000 * float(np.median(placement.sigma_m)),
        "drift_mm": 1000 * float(placement.drift_m.max()),
        "time_offset_ms": 1000 * placement.time_offset_s,
    }
    if name in placed.lidar:
        figures["depth_less_board_mm"] = 1000 * placed.lidar[name].bias_m
    return figures
