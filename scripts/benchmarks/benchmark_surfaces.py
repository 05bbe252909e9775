"""The free surface of one instant, against the usual ways to make one with Open3D, in the same run.

Usage: python scripts/benchmarks/benchmark_surfaces.py SESSION... [--instant 4] [--repeats 3]

Each SESSION is a simulated one with bodies. All start from the same corrected depth images or the same fused cloud, on
one core; times are of the CPU, the least of the repeats, down to 20,000 faces. The recipes: a TSDF of the masked depth
images (5 mm, truncation 20 mm), and Poisson of the fused cloud at depth 9 with the largest piece kept, both simplified
by quadrics. Errors are those of the parts that depth cameras see.
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

import numpy as np  # noqa: E402
from usual_poisson import decimated, usual_poisson  # noqa: E402

from capture.session import Session  # noqa: E402
from capture.virtual.truth import Truth  # noqa: E402
from geometry.mesh import TriangleMesh  # noqa: E402
from geometry.rigid import transform  # noqa: E402
from humanrig.evaluation.world import true_world  # noqa: E402
from humanrig.results import Results  # noqa: E402
from humanrig.stages.cloud_instants import CloudMaker  # noqa: E402
from registration.clouds.fusion import CloudConfig  # noqa: E402
from registration.clouds.views import DepthView  # noqa: E402
from texture.surfaces.comparison import compare_surfaces  # noqa: E402
from texture.surfaces.free import FreeConfig, free_surface  # noqa: E402
from texture.surfaces.topology import topology  # noqa: E402

FACES, VOXEL_M, FARTHEST_M = 20_000, 0.005, 4.0


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sessions", type=Path, nargs="+")
    parser.add_argument("--instant", type=int, default=4, help="place among the instants with a body")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print("| take | method | CPU s | chamfer/2 mm | F@5 mm | hidden mm | closed | pieces | handles |")
    print("|---|---|---|---|---|---|---|---|---|")
    for folder in arguments.sessions:
        _compare(folder, arguments.instant, arguments.repeats)


def _compare(folder: Path, place: int, repeats: int) -> None:
    session = Session.open(folder)
    results, truth = Results(session), Truth.open(session)
    instant = results.instants[min(place, len(results.instants) - 1)]
    T = true_world(truth.cameras(), session.cameras()).T_truth_world
    streams = tuple(s for s in session.of_kind("depth") if s in session.cameras())
    views = CloudMaker(session, streams, CloudConfig(), Path()).views(instant)[0]
    cloud = results.cloud(instant)
    assert cloud is not None, f"{folder} has no cloud at instant {instant}"
    row = results.instants.index(instant)
    posed = results.model.pose(results.parameters[np.array([row])]).vertices[0]
    body = TriangleMesh(vertices=posed, faces=results.model.faces)
    poisson = FreeConfig(method="poisson", faces=FACES)
    ways: dict[str, Callable[[], TriangleMesh]] = {
        "tsdf": lambda: free_surface(cloud, body, FreeConfig(faces=FACES), views).mesh,
        "tsdf without depth images": lambda: free_surface(cloud, body, FreeConfig(faces=FACES)).mesh,
        "poisson": lambda: free_surface(cloud, body, poisson, views).mesh,
        "Open3D TSDF of the depth images": lambda: open3d_tsdf(views),
        "Open3D Poisson 9 of the cloud": lambda: usual_poisson(cloud, FACES),
    }
    cameras = [camera for name, camera in truth.cameras().items() if name.endswith("/depth")]
    for name, way in ways.items():
        mesh, seconds = _timed(way, repeats)
        moved = TriangleMesh(vertices=transform(T, mesh.vertices), faces=mesh.faces)
        errors = compare_surfaces(moved, truth.mesh(instant), cameras, np.random.default_rng(0))
        shape = topology(mesh)
        print(
            f"| {folder.name} | {name} | {seconds:.2f} | {errors.chamfer_mm:.2f} | {errors.f_5mm:.4f} | "
            f"{errors.hidden_mm:.1f} | {'yes' if shape.closed else 'no'} | {shape.components} | "
            f"{shape.handles if shape.closed else '–'} |",
            flush=True,
        )


def open3d_tsdf(views: Sequence[DepthView]) -> TriangleMesh:
    """The usual fusion: the masked images into a block grid, triangles of all that has a weight."""
    o3d: Any = import_module("open3d")
    core, f32 = o3d.core, o3d.core.float32
    grid = o3d.t.geometry.VoxelBlockGrid(("tsdf", "weight"), (f32, f32), ((1), (1)), VOXEL_M, 8, 20_000)
    for view in views:
        image = o3d.t.geometry.Image(core.Tensor(pinhole_depth(view)[..., None]))
        K, T = core.Tensor(view.camera.K), core.Tensor(view.camera.T_camera_world)
        blocks = grid.compute_unique_block_coordinates(image, K, T, 1.0, FARTHEST_M, 4.0)
        grid.integrate(blocks, image, K, T, 1.0, FARTHEST_M, 4.0)
    return decimated(grid.extract_triangle_mesh(1.0).to_legacy(), FACES)


def pinhole_depth(view: DepthView) -> np.ndarray:
    """The masked depth without lens distortion, which Open3D's fusion does not know; 0 where missing."""
    camera, (height, width) = view.camera, view.depth_m.shape
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    rays = np.stack(
        [(u - camera.K[0, 2]) / camera.K[0, 0], (v - camera.K[1, 2]) / camera.K[1, 1], np.ones(u.shape)], -1
    )
    column, row = np.rint(np.nan_to_num(camera.project_camera(rays), nan=-1)).astype(int).transpose(2, 0, 1)
    inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    depth = np.zeros((height, width), np.float32)
    masked = np.where(view.mask & np.isfinite(view.depth_m), view.depth_m, 0)
    depth[inside] = masked[row[inside], column[inside]]
    return depth


def _timed(work: Callable[[], TriangleMesh], repeats: int) -> tuple[TriangleMesh, float]:
    """The result and the least CPU time, after one run that compiles."""
    made, best = work(), float("inf")
    for _ in range(repeats):
        start = time.process_time()
        made = work()
        best = min(best, time.process_time() - start)
    return made, best


if __name__ == "__main__":
    main()
