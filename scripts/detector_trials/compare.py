"""The detector's errors on people whom the error model was not fitted to, beside what the model draws for them."""

from __future__ import annotations

import numpy as np
import torch

from detector_trials.renders import SeenInRenders
from hps.rgb.detector_error.model import DetectorErrorModel
from hps.rgb.detector_error.samples import DetectorSamples, joined, mixed_up, samples_of, unmixed
from hps.rgb.detector_error.table import SIDE_ON, ErrorTable
from hps.rgb.detector_error.table_fit import KIND_OF, KINDS, pulled_over
from hps.rgb.lifting_batch import LiftingBatch

DRAWS = 10
"""Times that the model draws for the same people."""


def compared(found: SeenInRenders, which: np.ndarray, table: ErrorTable, g: torch.Generator) -> str:
    """Markdown tables of measured and drawn errors of the people `which`."""
    measured = found.samples.rows(which)
    drawn = drawn_samples(found.truth.rows(torch.tensor(np.flatnonzero(which))), table, g)
    lines = [
        "| keypoint | measured: median, 90 % px | confidence | drawn: median, 90 % px | confidence |",
        "|---|---|---|---|---|",
    ]
    for number, kind in enumerate(KINDS):
        at = np.equal(KIND_OF, number)
        lines.append(f"| {kind} | {_told(measured, at)} | {_told(drawn, at)} |")
    everything = np.ones(len(KIND_OF), bool)
    lines.append(f"| all | {_told(measured, everything)} | {_told(drawn, everything)} |")
    lines += ["", "| confidence | measured: share, median px | drawn: share, median px |", "|---|---|---|"]
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        lines.append(
            f"| {low:g} to {high:.3g} | {_of_confidence(measured, low, high)} | {_of_confidence(drawn, low, high)} |"
        )
    lines += ["", "| view | measured: upper, lower mixed up, pulled over % | drawn |", "|---|---|---|"]
    for name, low, high in (("front", SIDE_ON, 1.01), ("side", -SIDE_ON, SIDE_ON), ("back", -1.01, -SIDE_ON)):
        lines.append(f"| {name} | {_mixed(measured, low, high)} | {_mixed(drawn, low, high)} |")
    return "\n".join(lines)


def drawn_samples(truth: LiftingBatch, table: ErrorTable, g: torch.Generator) -> DetectorSamples:
    """What the model says of the people, drawn several times."""
    model, nobody = DetectorErrorModel(table), np.full(len(truth), "")
    return joined([samples_of(truth, model.apply(truth, g).keypoints, nobody) for _ in range(DRAWS)])


def _told(samples: DetectorSamples, columns: np.ndarray) -> str:
    error = np.linalg.norm(samples.error[:, columns], axis=-1)
    known = np.isfinite(error)
    confidence = samples.confidence[:, columns][known]
    return (
        f"{np.median(error[known]):.1f}, {np.quantile(error[known], 0.9):.1f} | "
        f"{np.quantile(confidence, 0.25):.2f} {np.median(confidence):.2f} {np.quantile(confidence, 0.75):.2f}"
    )


def _of_confidence(samples: DetectorSamples, low: float, high: float) -> str:
    error = np.linalg.norm(samples.error, axis=-1)
    known = np.isfinite(error)
    mine = known & (samples.confidence >= low) & (samples.confidence < high)
    middle = f"{np.median(error[mine]):.1f}" if mine.any() else "–"
    return f"{100 * mine.sum() / known.sum():.0f} %, {middle}"


def _mixed(samples: DetectorSamples, low: float, high: float) -> str:
    mine = samples.rows((samples.facing >= low) & (samples.facing < high))
    swapped, told = mixed_up(mine)
    pulled, can = pulled_over(mine, unmixed(mine, swapped))
    upper, lower = (100 * swapped[:, c].sum() / max(told[:, c].sum(), 1) for c in range(2))
    return f"{upper:.1f}, {lower:.1f}, {100 * pulled.sum() / max(can.sum(), 1):.1f} ({len(mine)})"
