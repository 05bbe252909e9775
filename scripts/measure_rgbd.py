"""Measures the estimator of pictures with depth on simulated people: against either alone, and under four controls.

    python scripts/measure_rgbd.py FOLDER --every 3

makes the sets of scripts/rgbd_trials/simulated.py in FOLDER (some 3 minutes of one processor, once) and prints the
tables of docs/estimate_rgbd.md; the controls take every third picture. --split validation is what choices are made on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from rgbd_trials.coverage import covered_share, joints_apart
from rgbd_trials.simulated import SETS, SimulatedFrame, made

from hps.metrics import mpjpe_mm, pa_mpjpe_mm, translation_error_mm
from hps.metrics.subject_bootstrap import Interval, mean_interval
from hps.rgbd.estimator import RgbdEstimator
from hps.rgbd.found import RgbdEstimate
from hps.rgbd.loading import load
from hps.rgbd.view import RgbdView

SHIFT_M: Final = 0.2
SHIFTS: Final = {
    "depth 0.2 m to the right": (SHIFT_M, 0, 0),
    "depth 0.2 m higher": (0, -SHIFT_M, 0),
    "depth 0.2 m farther away": (0, 0, SHIFT_M),
    "depth 0.2 m nearer": (0, 0, -SHIFT_M),
}


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--split", choices=["validation", "test"], default="test")
    parser.add_argument("--every", type=int, default=1, help="controls take every n-th picture")
    words = parser.parse_args()
    if words.every < 1:
        parser.error(f"--every {words.every}: expected 1 or more")
    torch.set_num_threads(1)
    for name in words.sets:
        if frames := made(words.folder, name, words.split):
            measure(name, frames, load(), words.every)


def measure(name: str, frames: Sequence[SimulatedFrame], estimator: RgbdEstimator, every: int) -> None:
    """Both tables of one set."""
    unseen = [frame for frame in frames if frame.view.keypoints is None]
    frames = [frame for frame in frames if frame.view.keypoints is not None]
    subjects = [frame.subject for frame in frames]
    away = np.median([frame.joints[0, 2] for frame in frames])
    print(f"\n## {name}: {len(frames)} pictures of {len(set(subjects))} people at {away:.1f} m in the median; in "
          f"{len(unseen)} more the detector saw nobody\n")  # fmt: skip
    views = [frame.view for frame in frames]
    truth = np.stack([frame.joints for frame in frames])
    rows = {
        "depth alone": estimator.estimate_many([view.without_picture() for view in views]),
        "picture alone": estimator.estimate_many([view.without_depth() for view in views]),
        "both": estimator.estimate_many(views),
    }
    print("| | MPJPE | PA-MPJPE | root | median MPJPE | median root | trusted | their MPJPE | in the 68 % region |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row, found in rows.items():
        print(f"| {row} | {_row(found, truth, subjects)} |")
    gain = _errors(rows["both"], truth) - _errors(rows["depth alone"], truth)
    print(f"\nBoth less depth alone, the same pictures: {_told(mean_interval(gain, subjects))} mm MPJPE")
    print(f"milliseconds a view: {_milliseconds(rows['both'])}\n")
    some = slice(None, None, every)
    alone = {row: float(np.nanmean(_errors(rows[row][some], truth[some]))) for row in ("depth alone", "picture alone")}
    said = ", ".join(f"{row} {error:.1f} mm" for row, error in alone.items())
    print(f"Controls on {len(views[some])} of these pictures; there {said}:\n", flush=True)
    print("| control | told | both used | depth alone | picture alone | MPJPE | less the best alone |")
    print("|---|---|---|---|---|---|---|")
    controls = {
        "right": rows["both"][some],
        **{control: estimator.estimate_many(own) for control, own in wrong_views(views[some]).items()},
        "no depth": rows["picture alone"][some],
        "no picture": rows["depth alone"][some],
    }
    for control, found in controls.items():
        error = float(np.nanmean(_errors(found, truth[some])))
        used = [sum(one.used == kind for one in found) for kind in ("both", "depth", "picture")]
        told = sum(bool(one.note) for one in found)
        best = min(alone.values())
        print(f"| {control} | {told} | {used[0]} | {used[1]} | {used[2]} | {error:.1f} | {error - best:+.1f} |")


def wrong_views(views: Sequence[RgbdView]) -> dict[str, list[RgbdView]]:
    """The picture of another scene beside each depth, and depth that is moved."""
    half = len(views) // 2
    shuffled = [replace(view, keypoints=views[(n + half) % len(views)].keypoints) for n, view in enumerate(views)]
    found = {"picture of another scene": shuffled}
    for words, shift in SHIFTS.items():
        T = np.eye(4)
        T[:3, 3] = shift
        found[words] = [view.with_depth_moved(T) for view in views]
    return found


def _row(found: Sequence[RgbdEstimate], truth: np.ndarray, subjects: Sequence[str]) -> str:
    joints = np.concatenate([one.estimate.joints for one in found])
    error, root = _errors(found, truth), translation_error_mm(joints[:, 0], truth[:, 0])
    there = np.isfinite(error)
    aligned = np.full(len(error), np.nan)
    aligned[there] = pa_mpjpe_mm(joints[there], truth[there])
    sure = np.array([one.estimate.confidence[0] >= 0.5 for one in found])
    cells = [_told(mean_interval(values, subjects)) for values in (error, aligned, root)]
    cells += [f"{np.nanmedian(error):.1f}", f"{np.nanmedian(root):.1f}", f"{100 * sure.mean():.0f} %"]
    cells.append(f"{np.nanmean(error[sure]):.1f}" if sure.any() else "–")
    return " | ".join([*cells, f"{100 * covered_share(joints_apart(found, truth)):.0f} %"])


def _errors(found: Sequence[RgbdEstimate], truth: np.ndarray) -> np.ndarray:
    return mpjpe_mm(np.concatenate([one.estimate.joints for one in found]), truth, root=0)


def _told(interval: Interval) -> str:
    return f"{interval.value:.1f} ({interval.low:.1f} to {interval.high:.1f})"


def _milliseconds(found: Sequence[RgbdEstimate]) -> str:
    spent = found[0].estimate.milliseconds
    return ", ".join(f"{name} {value:.0f}" for name, value in spent.items())


if __name__ == "__main__":
    main()
