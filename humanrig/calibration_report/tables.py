"""The tables of the page as rows of words and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.bundle.problem import INTRINSICS, intrinsics_of
from calibration.rig import RigCalibration
from calibration.rig_solve.result import RigSolve
from geometry.camera import Camera

GOOD, DOUBTFUL, UNSOLVED = "good", "doubtful", "not solved"
MARKS = {GOOD: "✓", DOUBTFUL: "!", UNSOLVED: "✗"}


def camera_rows(solve: RigSolve) -> list[dict[str, Any]]:
    """A row for each camera, the worst first within solved and unsolved: its state, figures, and verdict in words."""
    verdicts: dict[str, list[dict[str, Any]]] = {}
    for one in solve.verdicts:
        verdicts.setdefault(one.subject, []).append({"good": one.good, "text": one.text})
    rows = []
    for name, reason in solve.unsolved.items():
        words = [{"good": False, "text": reason}]
        rows.append({"name": name, "state": UNSOLVED, "mark": MARKS[UNSOLVED], "words": words} | _figures(None, None))
    solved = sorted(solve.cameras, key=lambda name: -_sortable(solve.quality[name].body_sigma_mm))
    for name in solved:
        words = verdicts.get(name, [])
        state = GOOD if all(one["good"] for one in words) else DOUBTFUL
        figures = _figures(solve.quality[name], solve.held_out.cross_mm.get(name))
        rows.append({"name": name, "state": state, "mark": MARKS[state], "words": words} | figures)
    return rows


def other_verdicts(solve: RigSolve) -> list[dict[str, Any]]:
    """Verdicts on the rig and on devices."""
    cameras = {*solve.cameras, *solve.unsolved}
    return [{"subject": v.subject, "good": v.good, "text": v.text} for v in solve.verdicts if v.subject not in cameras]


def moved_rows(solve: RigSolve) -> list[dict[str, str]]:
    """Cameras that were pushed in mid-session."""
    return [
        {
            "name": one.camera,
            "when": f"instant {one.instant}" + ("" if one.time_us is None else f", {one.time_us / 1e6:.1f} s"),
            "how": f"{one.shift_mm:.1f} mm and {one.turn_deg:.2f}°",
            "kept": f"the place {one.kept} it",
        }
        for one in solve.moved
    ]


def lens_rows(solve: RigSolve, known: Mapping[str, Camera] | None) -> list[dict[str, str]]:
    """Focal length and principal point of each camera with their sigmas, and what changed against the factory's."""
    rows = []
    for name, camera in solve.calibration.cameras.items():
        values = intrinsics_of(camera)
        covariance = solve.solution.intrinsics_covariance.get(name)
        sigma = np.full(len(INTRINSICS), np.nan) if covariance is None else np.sqrt(np.diag(covariance))
        row = {
            "name": name,
            "size": f"{camera.width}x{camera.height}",
            "focal": f"{values[:2].mean():.2f} {_plus_minus(float(sigma[:2].max()), 2)}",
            "center": f"{values[2]:.2f}, {values[3]:.2f} {_plus_minus(float(sigma[2:4].max()), 2)}",
            "moved_focal": "",
            "moved_center": "",
        }
        if known and name in known:
            before = intrinsics_of(known[name].resized(camera.width, camera.height))
            row["moved_focal"] = f"{100 * (values[:2] / before[:2] - 1).mean():+.3f} %"
            row["moved_center"] = f"{values[2] - before[2]:+.2f}, {values[3] - before[3]:+.2f}"
        rows.append(row)
    return rows


def depth_rows(calibration: RigCalibration) -> list[dict[str, str]]:
    """What is taken off the distances of each depth camera."""
    rows = []
    for name, one in calibration.depth_corrections.items():
        slow = f"up to {1000 * max(map(abs, one.slow_m)):.1f} mm" if one.slow_m else ""
        rows.append(
            {
                "name": name,
                "bias": f"{1000 * one.bias_m:+.2f}",
                "scale": f"{1000 * one.scale:+.2f}",
                "slow": slow,
                "sigma": f"{1000 * one.sigma_m:.2f}" if np.isfinite(one.sigma_m) else "",
            }
        )
    return rows


def color_rows(calibration: RigCalibration) -> list[dict[str, str]]:
    """Exposure and white balance of each colour camera against the rig's."""
    rows = []
    for name, one in calibration.color_corrections.items():
        gains = np.diag(one.matrix)
        across = np.abs(one.matrix - np.diag(gains)).max()
        rows.append(
            {
                "name": name,
                "gains": ", ".join(f"{gain:.3f}" for gain in gains),
                "across": f"{across:.3f}",
                "rms": f"{one.rms:.4f}" if np.isfinite(one.rms) else "",
            }
        )
    return rows


def pair_matrix(solve: RigSolve) -> dict[str, Any]:
    """How many boards each two cameras saw together; `shade` is 0 … 1 of the largest."""
    boards = solve.graph.boards
    off = boards - np.diag(np.diag(boards))
    most = max(int(off.max(initial=0)), 1)
    names = list(solve.graph.cameras)
    rows = []
    for i, name in enumerate(names):
        cells = [
            {"count": int(boards[i, j]), "own": i == j, "shade": round(float(np.sqrt(off[i, j] / most)), 3)}
            for j in range(len(names))
        ]
        rows.append({"name": name, "cells": cells})
    return {"names": names, "rows": rows}


def _figures(quality: Any, cross_mm: float | None) -> dict[str, str]:
    if quality is None:
        return dict.fromkeys(("sigma_mm", "sigma_deg", "body_mm", "cross_mm", "views", "rms_px", "weakest"), "")
    weakest = f"{quality.weakest} ({quality.weakest_boards})" if quality.weakest else ""
    return {
        "sigma_mm": _number(quality.sigma_mm, 2),
        "sigma_deg": _number(quality.sigma_deg, 3),
        "body_mm": _number(quality.body_sigma_mm, 2),
        "cross_mm": "" if cross_mm is None else _number(cross_mm, 2),
        "views": str(quality.views),
        "rms_px": _number(quality.rms_px, 3),
        "weakest": weakest,
    }


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else ""


def _plus_minus(sigma: float, digits: int) -> str:
    return "(held)" if sigma == 0 else f"± {sigma:.{digits}f}" if np.isfinite(sigma) else ""


def _sortable(value: float) -> float:
    return value if np.isfinite(value) else float("inf")
