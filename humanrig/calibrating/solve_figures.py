"""A solved rig as plain figures: what the manifest, the terminal and `--json` show of it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from calibration.board_view import BoardTake
from calibration.rig_solve.result import RigSolve


def solve_figures(solve: RigSolve, take: BoardTake) -> dict[str, Any]:
    """Fit for JSON: a figure that is not known is None."""
    return plain(
        {
            "board": take.board.values(),
            "views": len(take.views),
            "instants": len(take.instants),
            "instants_used": len(solve.take_used.instants),
            "rms_px": solve.solution.rms_px,
            "sigma_scale": solve.solution.sigma_scale,
            "converged": solve.solution.converged,
            "cameras": {name: _camera(solve, take, name) for name in solve.calibration.cameras},
            "unsolved": dict(solve.unsolved),
            "moved": [
                {key: value for key, value in _fields(moved).items() if key != "T_world_camera_other"}
                for moved in solve.moved
            ],
            "held_out": asdict(solve.held_out),
            "views_left_out": dict(solve.views_left_out),
            "corners_left_out": solve.corners_left_out,
        }
    )


def plain(value: Any) -> Any:
    """The same with None for numbers that JSON does not have, and lists for tuples."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _camera(solve: RigSolve, take: BoardTake, name: str) -> dict[str, Any]:
    known = _fields(solve.quality[name]) if name in solve.quality else {}
    cross_mm = solve.held_out.cross_mm.get(name, float("nan"))
    return {"found": len(take.of_camera(name)), **known, "cross_mm": cross_mm}


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
