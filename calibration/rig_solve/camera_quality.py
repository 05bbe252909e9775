"""How far each camera of a solved rig can be trusted, and which pair of cameras a further board would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from calibration.bundle.problem import BundleSolution
from calibration.pose_covariance import PoseCovariance
from calibration.rig import device_of
from calibration.rig_solve.body_sigma import body_covariance
from calibration.rig_solve.pair_graph import PairGraph
from calibration.rig_solve.result import CameraQuality
from geometry.camera import Camera

WIDEST_RAD = np.deg2rad(110.0)
"""Between two cameras' directions to the middle of the volume: farther apart they hardly see one side of a board."""


def camera_quality(
    cameras: Mapping[str, Camera],
    covariance: PoseCovariance,
    graph: PairGraph,
    views: Sequence[BoardView],
    solution: BundleSolution,
    middle: Float[np.ndarray, "3"],
) -> dict[str, CameraQuality]:
    """By camera; `covariance` in the gauge `aligned`, `views` in the solution's order."""
    residuals = {name: [np.zeros((0, 2))] for name in cameras}
    for view, residual in zip(views, solution.residuals, strict=True):
        residuals[view.camera].append(residual)
    quality, seen = {}, body_covariance(solution, middle)
    for name, camera in cameras.items():
        px = np.concatenate(residuals[name])
        weakest, boards = _weakest(name, cameras, graph, middle)
        quality[name] = CameraQuality(
            views=len(residuals[name]) - 1,
            corners=len(px),
            rms_px=float(np.sqrt((px**2).mean())) if len(px) else float("nan"),
            sigma_mm=1e3 * covariance.center_sigma_m(name),
            sigma_deg=float(np.rad2deg(covariance.rotation_sigma_rad(name))),
            body_sigma_mm=1e3 * float(np.sqrt(np.trace(seen.get(name, covariance.at_point(camera, middle))))),
            weakest=weakest,
            weakest_boards=boards,
        )
    return quality


def _weakest(name: str, cameras: Mapping[str, Camera], graph: PairGraph, middle: np.ndarray) -> tuple[str, int]:
    """The neighbour with the fewest common boards for how much the two could see together."""
    common = {frozenset((tie.a, tie.b)): tie.boards for tie in graph.ties}
    kind = name.partition("/")[2]
    best, found = 0.0, ("", 0)
    for other, camera in cameras.items():
        if device_of(other) == device_of(name) or other.partition("/")[2] != kind:
            continue
        could = 1 - _between(cameras[name].center - middle, camera.center - middle) / WIDEST_RAD
        boards = common.get(frozenset((name, other)), 0)
        if could / (1 + boards) > best:
            best, found = could / (1 + boards), (other, boards)
    return found


def _between(v: np.ndarray, w: np.ndarray) -> float:
    return float(np.arccos(np.clip(v @ w / max(np.linalg.norm(v) * np.linalg.norm(w), 1e-12), -1, 1)))
