"""Denoising and fusing the depth images of one instant, against the usual recipe of Open3D in the same run.

Usage: python scripts/benchmarks/benchmark_clouds.py SESSION [--instant 2] [--repeats 7]

SESSION has masks; of a simulated one the errors are printed too. Both start from the same masked depth images, on one
core, without colours; times are of the CPU, the least of the repeats. The recipe: points of all views, statistical
outlier removal (20 neighbours, 2 deviations), one point for each voxel of 5 mm, normals from 30 neighbours.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from importlib import import_module  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from capture.session import Session  # noqa: E402
from capture.virtual.true_frames import true_instants  # noqa: E402
from capture.virtual.truth import Truth  # noqa: E402
from geometry.depth import depth_to_points  # noqa: E402
from geometry.rays import RayScene  # noqa: E402
from geometry.rigid import transform  # noqa: E402
from humanrig.evaluation.world import true_world  # noqa: E402
from humanrig.stages.cloud_instants import CloudMaker  # noqa: E402
from registration.clouds.fusion import CloudConfig, fuse  # noqa: E402
from registration.clouds.views import DepthView  # noqa: E402

NEIGHBOURS, DEVIATIONS, VOXEL_M, NORMAL_NEIGHBOURS = 20, 2.0, 0.005, 30


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("session", type=Path)
    parser.add_argument("--instant", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    session = Session.open(arguments.session)
    streams = tuple(s for s in session.of_kind("depth") if s in session.cameras())
    views = CloudMaker(session, streams, CloudConfig(), Path()).views(arguments.instant)[0]
    ours, ours_ms = _timed(lambda: fuse(views)[0].points, arguments.repeats)
    peer, peer_ms = _timed(lambda: open3d_recipe(views), max(1, arguments.repeats // 3))
    print(f"{len(views)} views, {sum(int((v.mask & (v.depth_m > 0)).sum()) for v in views)} pixels of people\n")
    print("| | CPU ms | against ours | points | mean mm | p99.9 mm |")
    print("|---|---|---|---|---|---|")
    for name, points, ms in (("humanrig", ours, ours_ms), ("Open3D recipe", peer, peer_ms)):
        found = _errors(session, arguments.instant, points)
        print(f"| {name} | {ms:.0f} | {ms / ours_ms:.1f} | {len(points)} | {found} |")


def open3d_recipe(views: Sequence[DepthView]) -> np.ndarray:
    """Points of the cloud that the usual steps make of the same images."""
    o3d: Any = import_module("open3d")
    points = []
    for view in views:
        p = depth_to_points(view.depth_m, view.camera)[view.mask]
        points.append(transform(view.camera.T_world_camera, p[np.isfinite(p[:, 2])]))
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(np.concatenate(points)))
    cloud, _ = cloud.remove_statistical_outlier(NEIGHBOURS, DEVIATIONS)
    cloud = cloud.voxel_down_sample(VOXEL_M)
    cloud.estimate_normals(o3d.geometry.KDTreeSearchParamKNN(NORMAL_NEIGHBOURS))
    return np.asarray(cloud.points)


def _timed(work: Callable[[], np.ndarray], repeats: int) -> tuple[np.ndarray, float]:
    """The result and the least CPU time, after one run that compiles."""
    result, best = work(), np.inf
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return result, 1e3 * best


def _errors(session: Session, instant: int, points: np.ndarray) -> str:
    if not session.path("truth", "scene.json").exists():
        return "– | –"
    truth = Truth.open(session)
    T = true_world(truth.cameras(), session.cameras()).T_truth_world
    row = int(true_instants(session)[instant])
    surfaces = [RayScene.of(truth.mesh(row, person=person)) for person in truth.people]
    mm = 1e3 * np.min([s.closest(transform(T, points)).distance for s in surfaces], 0)
    return f"{mm.mean():.2f} | {np.percentile(mm, 99.9):.1f}"


if __name__ == "__main__":
    main()
