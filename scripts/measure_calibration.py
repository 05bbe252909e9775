"""How near to the truth a rig is solved from board corners, over seeds, and whether the predicted sigma is right.

Usage: python scripts/measure_calibration.py [--seeds 20] [--sigma-px 0.15] [--peers] ...
       python scripts/measure_calibration.py --rendered SESSION ... [--peers]
Corners are the virtual rig's own, with noise; colour and depth cameras of ten Kinects whose factory calibrations are
off. With `--rendered` they are what `humanrig calibrate` found in the images of simulated board takes; what is left of
the depth errors is told too. `--peers` solves the same corners with cv2.calibrateMultiview, aniposelib and caliscope
(extra `peers`).
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import numpy as np  # noqa: E402
import tyro  # noqa: E402
from calibration_trials.corner_takes import CornerTake, corner_take  # noqa: E402
from calibration_trials.rendered_takes import (  # noqa: E402
    DISTANCES_M,
    depth_errors_mm,
    placed_errors_mm,
    rendered_take,
)
from calibration_trials.score import Score, pooled, score  # noqa: E402

from calibration.intrinsics.factory import factory_prior  # noqa: E402
from calibration.rig_solve.options import RigSolveOptions  # noqa: E402
from calibration.rig_solve.solve import solve_rig  # noqa: E402


def main(
    seeds: int = 20,
    first_seed: int = 0,
    cameras: int = 10,
    instants: int = 180,
    sigma_px: float = 0.15,
    shift_px: float = 0.0,
    factory_error: float = 1.0,
    hold_out_every: int = 0,
    peers: bool = False,
    rendered: tuple[Path, ...] = (),
) -> None:
    """Prints one Markdown row for each seed or session (and solver), and what all of them together say."""
    print("| seed | solver | CPU s | views | colour mm mean, max | colour deg max | depth mm mean, max | sigma mm |")
    print("|---|---|---|---|---|---|---|---|")
    scores: list[Score] = []
    for seed in rendered or range(first_seed, first_seed + seeds):
        if isinstance(seed, Path):
            given = rendered_take(seed)
        else:
            given = corner_take(
                seed, cameras=cameras, instants=instants, sigma_px=sigma_px, shift_px=shift_px,
                factory_error=factory_error,
            )  # fmt: skip
        start = time.process_time()
        solved = _solve(given, hold_out_every)
        scores.append(solved)
        _print(seed, "humanrig", time.process_time() - start, given, solved)
        if peers:
            from calibration_trials.peers import PEERS

            for name, solve in PEERS.items():
                start = time.process_time()
                try:
                    other = score(solve(given), given.truth, given.color)
                except Exception as error:  # another's program may fail in any way; the row says so
                    print(f"| {seed} | {name} | failed: {type(error).__name__}: {str(error)[:100]} |", flush=True)
                    continue
                _print(seed, name, time.process_time() - start, given, other)
    for kind in ("color", "depth"):
        own = [one.of(kind) for one in scores]
        centers, angles = np.concatenate([o.center_mm for o in own]), np.concatenate([o.rotation_deg for o in own])
        ratio = pooled(own)
        print(
            f"\n{kind}, {len(scores)} takes: centres {centers.mean():.3f} mm mean, {centers.max():.3f} max; rotation "
            f"{angles.mean():.4f} deg mean, {angles.max():.4f} max; squared error over predicted variance "
            f"{ratio[0]:.2f} of centres, {ratio[1]:.2f} of rotations"
        )

    if rendered:
        _print_depth(rendered)


def _print_depth(rendered: Sequence[Path]) -> None:
    errors = [one for folder in rendered for one in depth_errors_mm(folder).values()]
    if errors:
        left, before = np.abs(np.array(errors)).transpose(1, 0, 2)
        at = ", ".join(f"{z:g}" for z in DISTANCES_M)
        print(
            f"\ndepth errors of {len(errors)} cameras at {at} m, mm: before rms {_rms(before)}, max {_most(before)}; "
            f"corrected rms {_rms(left)}, max {_most(left)}"
        )
        placed = np.abs([one for folder in rendered for one in placed_errors_mm(folder).values()])
        print(
            f"\na point at 2 m along the axis, the camera's place included, mm: rms {_rms(placed[:, None])}, "
            f"max {_most(placed[:, None])}, {(placed <= 0.5).sum()} of {len(placed)} within 0.5"
        )


def _rms(errors: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in np.sqrt((errors**2).mean(0)))


def _most(errors: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in errors.max(0))


def _solve(given: CornerTake, hold_out_every: int) -> Score:
    priors = {name: factory_prior(camera, "azure-kinect") for name, camera in given.factory.items()}
    options = RigSolveOptions(hold_out_every=hold_out_every)
    solve = solve_rig(given.take, given.factory, pairs=given.pairs, priors=priors, options=options)
    return score(solve.calibration.cameras, given.truth, given.color, solve.solution.covariance)


def _print(seed: int | Path, solver: str, seconds: float, given: CornerTake, solved: Score) -> None:
    color, depth = solved.of("color"), solved.of("depth")
    far = f"{depth.center_mm.mean():.3f}, {depth.center_mm.max():.3f}" if len(depth.names) else "–"
    sigma = "–" if np.isnan(color.predicted_mm).any() else f"{np.sqrt((color.predicted_mm**2).mean()):.3f}"
    of = seed.name if isinstance(seed, Path) else seed
    print(
        f"| {of} | {solver} | {seconds:.1f} | {len(given.take.views)} | {color.center_mm.mean():.3f}, "
        f"{color.center_mm.max():.3f} | {color.rotation_deg.max():.4f} | {far} | {sigma} |",
        flush=True,
    )


if __name__ == "__main__":
    tyro.cli(main)
