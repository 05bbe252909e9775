"""Phones that filmed the board beside the rig: where each of their frames was taken, in the rig's world."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from calibration.board_view import BoardTake
from calibration.errors import CalibrationError
from calibration.phone.board_path import board_path
from calibration.phone.phone_path import phone_path
from calibration.phone.place import place_phone
from calibration.phone.placement_files import write_placement
from calibration.phone.session_phone import check_lidar, phone_views, phones_of
from calibration.rig import RigCalibration, Verdict
from capture.session import Session

FOLDER = "phones"
SEARCHED = 5
"""Every so many-th frame of a phone is searched for the board: twelve a second."""


def place_phones(
    session: Session,
    take: BoardTake,
    calibration: RigCalibration,
    output: Path,
    report: Callable[[str, int, int], None],
) -> tuple[tuple[Verdict, ...], dict[str, Any]]:
    """Writes `phones/NAME.npz` for each phone of the session; verdicts, and figures by phone.

    A phone that cannot be placed is named with the reason, and the others go on.
    """
    verdicts: list[Verdict] = []
    figures: dict[str, Any] = {}
    phones = phones_of(session)
    if not phones:
        return (Verdict(subject="rig", good=False, text="no phone with poses of its own is in this take"),), {}
    for name in phones:
        try:
            where = board_path(take, calibration.cameras, tuple(phones))
            path = phone_path(session, name)
            views = phone_views(session, path, take.board, SEARCHED, partial(report, name))
            placement = place_phone(path, views, take.board, where)
        except CalibrationError as error:
            verdicts.append(Verdict(subject=name, good=False, text=f"not placed: {error}"))
            continue
        write_placement(output / FOLDER / f"{name}.npz", placement)
        verdicts += placement.verdicts
        figures[name] = {
            "frames": len(path),
            "views": len(placement.frames),
            "views_used": int(placement.used.sum()),
            "sigma_mm": 1000 * float(np.median(placement.sigma_m)),
            "drift_mm": 1000 * float(placement.drift_m.max()),
            "time_offset_ms": 1000 * placement.time_offset_s,
        }
        if f"{name}/depth" in session.streams:
            check = check_lidar(session, path, views, take.board)
            verdicts.append(check.verdict(name))
            figures[name]["depth_less_board_mm"] = 1000 * check.bias_m
    return tuple(verdicts), figures
