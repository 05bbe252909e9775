"""Bundle adjustment of ten cameras and 180 boards against Ceres, GTSAM and SciPy: time, and whether the minimum is one.

python scripts/benchmarks/benchmark_bundle.py [--boards 180] [--without scipy]; needs the packages of the extra `peers`.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

_root = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_root), str(_root / "scripts"), str(_root / "tests/calibration")]

import numpy as np  # noqa: E402
from bundle_scene import aligned_centers_mm, problem_of, scene  # noqa: E402

from benchmarks import bundle_peers  # noqa: E402
from calibration.bundle.problem import intrinsics_of  # noqa: E402
from calibration.bundle.solve import solve_bundle  # noqa: E402

REPEATS = 3
SIGMA_PX = 0.15


def main() -> None:
    """Prints one Markdown row for each solver; seconds are of the CPU, the least of REPEATS (SciPy: one)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=10)
    parser.add_argument("--boards", type=int, default=180)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", nargs="*", default=[], choices=["ceres", "gtsam", "scipy"])
    arguments = parser.parse_args()
    truth = scene(arguments.cameras, arguments.boards, SIGMA_PX, arguments.seed)
    problem = problem_of(truth)
    vectors = bundle_peers.vectors_of(problem)
    print(f"{len(truth.views)} views, {sum(len(view.q) for view in truth.views)} corners, sigma {SIGMA_PX} px\n")
    print("| solver | CPU s | against ours | steps | cost | mean, max error of centres, mm | apart from ours, mm |")
    print("|---|---|---|---|---|---|---|")
    ours, seconds = _timed(lambda: solve_bundle(problem, robust_px=None), REPEATS)
    x = _vectors(ours, vectors)
    print(
        _row("humanrig", seconds, seconds, ours.iterations, vectors.cost(*x), ours.cameras, ours.cameras, truth),
        flush=True,
    )
    for name in ("ceres", "gtsam", "scipy"):
        if name in arguments.without:
            continue
        solve = getattr(bundle_peers, f"solve_{name}")
        found, other = _timed(lambda solve=solve: solve(vectors), 1 if name == "scipy" else REPEATS)
        rig = vectors.rig(found[0], problem)
        print(_row(name, other, seconds, found[3], vectors.cost(*found[:3]), rig, ours.cameras, truth), flush=True)


def _timed(run, repeats):
    """The last result and the least CPU seconds, after one run that compiles where there are several."""
    if repeats > 1:
        run()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        result = run()
        spent.append(time.process_time() - start)
    return result, min(spent)


def _vectors(solution, vectors):
    """Our solution in the peers' numbers, so that one function judges all."""
    from scipy.spatial.transform import Rotation

    def vector(T):
        return np.concatenate([Rotation.from_matrix(T[:3, :3]).as_rotvec(), T[:3, 3]])

    cameras = np.array([vector(solution.cameras[name].T_camera_world) for name in vectors.names])
    boards = np.array([vector(T) for T in solution.T_world_board.values()])
    lenses = np.array([intrinsics_of(solution.cameras[name])[: bundle_peers.LENS] for name in vectors.names])
    return cameras, boards, lenses


def _row(name, seconds, ours_s, steps, cost, rig, ours, truth) -> str:
    error, apart = aligned_centers_mm(rig, truth.cameras), aligned_centers_mm(rig, ours).max()
    return (
        f"| {name} | {seconds:.3f} | {seconds / ours_s:.1f}x | {steps} | {cost:.4f} | "
        f"{error.mean():.3f}, {error.max():.3f} | {apart:.4f} |"
    )


if __name__ == "__main__":
    main()
