"""Measures the estimator of pictures with depth on simulated people: against either alone, and under four controls.

python scripts/measure_rgbd.py FOLDER makes the sets of scripts/rgbd_trials/simulated.py in FOLDER (some 3 minutes of
one processor, once) and prints the tables of docs/estimate_rgbd.md. --split validation is what choices are made on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rgbd_trials.simulated import SETS, SimulatedFrame, frames_of

from hps.metrics import mpjpe_mm, pa_mpjpe_mm, translation_error_mm
from hps.metrics.subject_bootstrap import Interval, mean_interval
from hps.rgbd.estimator import RgbdEstimate, RgbdEstimator
from hps.rgbd.loading import load
from hps.rgbd.view import RgbdView
from humanrig.stages.keypoints import make_detector
from humanrig.synthesis.picture_progress import picture_progress
from humanrig.synthesis.synthesis import synthesize_dataset

SHIFT_M = 0.2


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--split", choices=["validation", "test"], default="test")
    words = parser.parse_args()
    torch.set_num_threads(1)
    for name in words.sets:
        folder = words.folder / name
        synthesize_dataset(
            folder, dict(SETS[name]), workers=1, report=False, bar=picture_progress, on_said=lambda said: print(said)
        )
        measure(name, frames_of(folder, words.split, make_detector), load())


def measure(name: str, frames: Sequence[SimulatedFrame], estimator: RgbdEstimator) -> None:
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
    print("| | MPJPE | PA-MPJPE | root | median MPJPE | median root | trusted | their MPJPE |")
    print("|---|---|---|---|---|---|---|---|")
    for row, found in rows.items():
        print(f"| {row} | {_row(found, truth, subjects)} |")
    gain = _errors(rows["both"], truth) - _errors(rows["depth alone"], truth)
    print(f"\nBoth less depth alone, the same pictures: {_told(mean_interval(gain, subjects))} mm MPJPE\n")
    best = np.nanmin([np.nanmean(_errors(rows[row], truth)) for row in ("depth alone", "picture alone")])
    print("| control | told | both used | depth alone | picture alone | MPJPE | less the best alone |")
    print("|---|---|---|---|---|---|---|")
    for control, found in (("right", rows["both"]), *_controls(estimator, views)):
        error = float(np.nanmean(_errors(found, truth)))
        used = [sum(one.used == kind for one in found) for kind in ("both", "depth", "picture")]
        told = sum(bool(one.note) for one in found)
        print(f"| {control} | {told} | {used[0]} | {used[1]} | {used[2]} | {error:.1f} | {error - best:+.1f} |")
    print(f"\nmilliseconds a view: {_milliseconds(rows['both'])}")


def _controls(
    estimator: RgbdEstimator, views: Sequence[RgbdView]
) -> list[tuple[str, list[RgbdEstimate]]]:  # fmt: skip
    half = len(views) // 2
    shuffled = [replace(view, keypoints=views[(n + half) % len(views)].keypoints) for n, view in enumerate(views)]
    found = [("picture of another scene", estimator.estimate_many(shuffled))]
    for words, axis, sign in (
        ("depth 0.2 m to the right", 0, 1), ("depth 0.2 m higher", 1, -1), ("depth 0.2 m farther", 2, 1),
        ("depth 0.2 m nearer", 2, -1),
    ):  # fmt: skip
        T = np.eye(4)
        T[axis, 3] = sign * SHIFT_M
        found.append((words, estimator.estimate_many([view.with_depth_moved(T) for view in views])))
    found.append(("no depth", estimator.estimate_many([view.without_depth() for view in views])))
    found.append(("no picture", estimator.estimate_many([view.without_picture() for view in views])))
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
    return " | ".join([*cells, f"{np.nanmean(error[sure]):.1f}" if sure.any() else "–"])


def _errors(found: Sequence[RgbdEstimate], truth: np.ndarray) -> np.ndarray:
    return mpjpe_mm(np.concatenate([one.estimate.joints for one in found]), truth, root=0)


def _told(interval: Interval) -> str:
    return f"{interval.value:.1f} ({interval.low:.1f} to {interval.high:.1f})"


def _milliseconds(found: Sequence[RgbdEstimate]) -> str:
    spent = found[0].estimate.milliseconds
    return ", ".join(f"{name} {value:.0f}" for name, value in spent.items())


if __name__ == "__main__":
    main()
