"""Whether a method knows which of its bodies fail, and how many fail among those that it would use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from hps.benchmark.points.report.figures import figure
from hps.benchmark.points.runner.error_table import ErrorTable
from hps.benchmark.points.runner.measures import FAILURE
from hps.metrics.calibration.confidence import brier_score, confidence_bins, failure_auroc
from hps.points.estimate import USABLE


def confidence_of(
    tables: Sequence[ErrorTable], subjects: Int64[np.ndarray, "clouds"], known: Bool[np.ndarray, "clouds"]
) -> dict[str, Any] | None:
    """Of all runs together; None from a method that states no confidence in any body whose error is known.

    known: clouds whose true body is known. Refused clouds are in the share that is used, which they lower, and in
    nothing else.
    """
    confidence = np.concatenate([table.confidence for table in tables])
    failure = np.concatenate([table.errors[FAILURE] for table in tables])
    there = np.isfinite(confidence) & np.isfinite(failure)
    if not there.any():
        return None
    failed, stated = failure[there] > 0, confidence[there]
    bins = confidence_bins(stated, failed)
    used = there & (np.nan_to_num(confidence, nan=0.0) >= USABLE)
    return {
        "bodies": int(there.sum()),
        "failures": int(failed.sum()),
        "auroc": failure_auroc(stated, failed),
        "ece": bins.ece,
        "brier": brier_score(stated, failed),
        "used_from": USABLE,
        "used": int(used.sum()),
        "used_share": float(used.sum() / (known.sum() * len(tables))),
        "used_failure": figure([failure], np.tile(subjects, len(tables)), used),
        "bins": {
            "stated": bins.stated.tolist(), "true": bins.true.tolist(), "count": [int(n) for n in bins.count],
        },
    }  # fmt: skip
