"""Memory and processor time of every stage along a take, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from scripts.endurance.flatness import StageRecord

SMOOTH = 15
"""Steps over which time is averaged."""


def draw(records: Sequence[StageRecord], path: Path) -> None:
    """Writes a PNG: above memory, below time for each step, against the share of the stage that is done."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 7), sharex=True, constrained_layout=True)
    for record in (r for r in records if len(r.done) > 2 * SMOOTH):
        done = np.arange(len(record.done)) / len(record.done) * 100
        above.plot(done, record.rss_mb, label=record.stage, lw=1.4)
        cpu, steps = np.array(record.cpu_s), np.array(record.done)
        each = np.diff(cpu)[np.diff(steps) == 1]
        if len(each) > 2 * SMOOTH:
            smooth = np.convolve(1000 * each, np.ones(SMOOTH) / SMOOTH, "valid")
            below.plot(np.linspace(0, 100, len(smooth)), smooth, label=record.stage, lw=1.4)
    above.set_ylabel("memory held, MB")
    above.set_ylim(bottom=0)
    below.set_yscale("log")
    below.set_ylabel("processor time a step, ms")
    below.set_xlabel("share of the stage, %")
    above.legend(ncols=5, fontsize=8, loc="upper left")
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
