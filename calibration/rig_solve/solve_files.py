"""A rig solve on disk: its cameras as every reader takes them, its numbers, and what is said of it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from calibration.board_view import BoardTake
from calibration.boards.take_files import read_take, write_take
from calibration.bundle.problem import BundleSolution
from calibration.calibration_files import rig_of, write_rig
from calibration.errors import CalibrationError
from calibration.pose_covariance import PoseCovariance
from calibration.rig_solve.pair_graph import PairGraph, PairTie
from calibration.rig_solve.result import CameraQuality, HeldOut, MovedCamera, RigSolve
from calibration.timing.exposure_timing import ExposureTiming
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_camera_file, write_cameras
from geometry.npz_files import DAMAGED, read_npz
from geometry.told_values import json_of

SCHEMA = 1
CAMERAS, LENSES = "solved_cameras.json", "adjusted_cameras.json"
USED, HELD, ARRAYS, WORDS = "used_views.npz", "held_views.npz", "solve.npz", "solve.json"


def write_solve(folder: Path | str, solve: RigSolve) -> None:
    """Writes the calibration, the adjusted cameras, both parts of the take, arrays and words, a file each. The words
    come last: a folder with them is whole."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WORDS).unlink(missing_ok=True)
    solution = solve.solution
    write_rig(folder / CAMERAS, solve.calibration, is_upright=False)
    write_cameras(folder / LENSES, solution.cameras, source="the adjustment", is_upright=False)
    instants = sorted(solution.T_world_board)
    write_take(folder / USED, solve.take_used)
    write_take(folder / HELD, solve.take_held)
    joint = solution.joint_covariance
    arrays = {
        "residuals": np.concatenate([np.zeros((0, 2)), *solution.residuals]),
        "weights": np.concatenate([np.zeros(0), *solution.weights]),
        "instants": np.array(instants, np.int64),
        "T_world_board": np.array([solution.T_world_board[i] for i in instants]).reshape(-1, 4, 4),
        "covariance_cameras": np.array(solution.covariance.cameras, dtype=str),
        "covariance": solution.covariance.matrix,
        "intrinsics_covariance": np.array([solution.intrinsics_covariance[n] for n in solution.cameras]),
        "joint_covariance": np.zeros((0, 0)) if joint is None else joint,
        "volume_middle": solve.volume_middle,
        "T_a_b": np.array([tie.T_a_b for tie in solve.graph.ties]).reshape(-1, 4, 4),
        "T_moved": np.array([one.T_world_camera_other for one in solve.moved]).reshape(-1, 4, 4),
    }
    _replace(folder / ARRAYS, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    words = {
        "schema": SCHEMA,
        "gauge": solution.covariance.gauge,
        "solution": {
            field.name: getattr(solution, field.name)
            for field in fields(solution)
            if isinstance(getattr(solution, field.name), bool | int | float)
        },
        "held_out": asdict(solve.held_out),
        "quality": {name: asdict(one) for name, one in solve.quality.items()},
        "graph": {"cameras": solve.graph.cameras, "views": dict(solve.graph.views)},
        "ties": [[tie.a, tie.b, tie.boards, tie.agreeing] for tie in solve.graph.ties],
        "moved": [
            {f.name: getattr(one, f.name) for f in fields(one) if f.name != "T_world_camera_other"}
            for one in solve.moved
        ],
        "unsolved": dict(solve.unsolved),
        "views_left_out": dict(solve.views_left_out),
        "corners_left_out": solve.corners_left_out,
        "timings": {name: asdict(timing) for name, timing in solve.timings.items()},
    }
    _replace(folder / WORDS, lambda file: file.write(json.dumps(_words(words), indent=1, allow_nan=False).encode()))


def read_solve(folder: Path | str) -> RigSolve:
    """A solve that `write_solve` wrote. Raises CalibrationError where it is missing, cut off or of another version."""
    folder = Path(folder)
    if not (folder / WORDS).is_file():
        raise CalibrationError(f"{folder}: no rig solve here (no {WORDS}); calibrate the rig first")
    try:
        words = json_of((folder / WORDS).read_text(encoding="utf-8"))
        if words["schema"] != SCHEMA:
            raise CalibrationError(
                f"{folder / WORDS}: schema {words['schema']}, this version reads {SCHEMA}; calibrate again"
            )
        return _solve(folder, words, read_npz(folder / ARRAYS))
    except DAMAGED as error:
        raise CalibrationError(f"{folder}: the rig solve is damaged ({error}); calibrate again") from error


def _solve(folder: Path, words: dict[str, Any], arrays: dict[str, np.ndarray]) -> RigSolve:
    calibration = rig_of(read_camera_file(folder / CAMERAS), str(folder / CAMERAS))
    used = read_take(folder / USED)
    ties = zip(words["ties"], arrays["T_a_b"], strict=True)
    moved = zip(words["moved"], arrays["T_moved"], strict=True)
    quality = {name: CameraQuality(**_numbers(one)) for name, one in words["quality"].items()}
    held_out = _numbers(words["held_out"])
    return RigSolve(
        calibration=calibration,
        solution=_solution(words, arrays, dict(read_camera_file(folder / LENSES).cameras), used),
        take_used=used,
        take_held=read_take(folder / HELD),
        held_out=HeldOut(**{**held_out, "instants": tuple(held_out["instants"])}),
        graph=PairGraph(
            cameras=tuple(words["graph"]["cameras"]),
            views=words["graph"]["views"],
            ties=tuple(PairTie(a=a, b=b, boards=n, agreeing=m, T_a_b=T) for (a, b, n, m), T in ties),
        ),
        quality=quality,
        volume_middle=arrays["volume_middle"],
        verdicts=calibration.verdicts,
        unsolved=words["unsolved"],
        moved=tuple(MovedCamera(**one, T_world_camera_other=T) for one, T in moved),
        views_left_out=words["views_left_out"],
        corners_left_out=words["corners_left_out"],
        timings={name: ExposureTiming(**_numbers(one)) for name, one in words["timings"].items()},
    )


def _solution(
    words: dict[str, Any], arrays: dict[str, np.ndarray], cameras: dict[str, Camera], used: BoardTake
) -> BundleSolution:
    ends = np.cumsum([len(view.ids) for view in used.views])
    if len(arrays["residuals"]) != (ends[-1] if len(ends) else 0):
        raise ValueError(f"{len(arrays['residuals'])} residuals of other views")
    joint = arrays["joint_covariance"]
    return BundleSolution(
        cameras=cameras,
        T_world_board={int(i): T for i, T in zip(arrays["instants"], arrays["T_world_board"], strict=True)},
        covariance=PoseCovariance(
            cameras=tuple(map(str, arrays["covariance_cameras"])), matrix=arrays["covariance"], gauge=words["gauge"]
        ),
        intrinsics_covariance=dict(zip(cameras, arrays["intrinsics_covariance"], strict=True)),
        residuals=tuple(np.split(arrays["residuals"], ends[:-1])),
        weights=tuple(np.split(arrays["weights"], ends[:-1])),
        joint_covariance=joint if joint.size else None,
        **_numbers(words["solution"]),
    )


def _words(value: Any) -> Any:
    """With words for what is not finite: JSON has no name for it."""
    if isinstance(value, dict):
        return {key: _words(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_words(one) for one in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    """With numbers for these words."""
    return {key: float(value) if value in ("nan", "inf", "-inf") else value for key, value in values.items()}


def _replace(path: Path, write: Any) -> None:
    """Writes so that a reader finds the old file or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
