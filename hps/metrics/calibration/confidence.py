"""Whether a stated probability of being right tells failures apart, and whether it is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy.stats import rankdata

from hps.errors import HpsError
from hps.metrics.calibration.expected_gap import expected_gap

CONFIDENCE_BINS: Final = 10
"""Of equal width, as the ECE of Naeini et al. (2015) is commonly taken."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ConfidenceBins:
    """Answers gathered by their confidence; empty bins are left out."""

    stated: Float[np.ndarray, "bins"]
    """Mean confidence."""
    true: Float[np.ndarray, "bins"]
    """Share that did not fail."""
    count: Int64[np.ndarray, "bins"]

    @property
    def ece(self) -> float:
        """Mean distance of true from stated, weighted by the answers in each bin: 0 for an honest method."""
        return expected_gap(self.stated, self.true, self.count)


def confidence_bins(
    confidence: Float[np.ndarray, "answers"], failed: Bool[np.ndarray, "answers"], bins: int = CONFIDENCE_BINS
) -> ConfidenceBins:
    """Bins of equal width from 0 to 1; a confidence on an edge is in the upper bin, 1 in the last.

    Raises HpsError without answers, and for a confidence that is no probability.
    """
    confidence, right = _checked(confidence, failed)
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(which, minlength=bins)
    some = count > 0
    return ConfidenceBins(
        stated=np.bincount(which, confidence, minlength=bins)[some] / count[some],
        true=np.bincount(which, right, minlength=bins)[some] / count[some],
        count=count[some].astype(np.int64),
    )


def failure_auroc(confidence: Float[np.ndarray, "answers"], failed: Bool[np.ndarray, "answers"]) -> float:
    """Probability that a failure has less confidence than an answer that is right, ties counted half.

    The area under the ROC curve: 1 tells all apart, 0.5 is chance. NaN when nothing, or everything, failed. Raises as
    `confidence_bins`.
    """
    confidence, right = _checked(confidence, failed)
    good = int(right.sum())
    bad = len(right) - good
    if not good or not bad:
        return float("nan")
    above = rankdata(confidence)[right > 0].sum() - good * (good + 1) / 2  # Mann and Whitney's U
    return float(above / (good * bad))


def brier_score(confidence: Float[np.ndarray, "answers"], failed: Bool[np.ndarray, "answers"]) -> float:
    """Mean squared distance of the confidence from 1 (right) or 0 (failed); always saying 0.5 scores 0.25.

    Raises as `confidence_bins`.
    """
    confidence, right = _checked(confidence, failed)
    return float(np.mean((confidence - right) ** 2))


def _checked(
    confidence: Float[np.ndarray, "answers"], failed: Bool[np.ndarray, "answers"]
) -> tuple[Float[np.ndarray, "answers"], Float[np.ndarray, "answers"]]:
    """As numbers; right answers are 1, failures 0."""
    confidence, failed = np.asarray(confidence, np.float64), np.asarray(failed, bool)
    if confidence.shape != failed.shape or confidence.ndim != 1 or not len(confidence):
        raise HpsError(f"{confidence.shape} confidences and {failed.shape} answers; give one for each, at least one")
    bad = ~((confidence >= 0) & (confidence <= 1))
    if bad.any():
        raise HpsError(
            f"{int(bad.sum())} of {len(bad)} confidences are not between 0 and 1, such as {confidence[bad][0]}; leave "
            "out answers that state none"
        )
    return confidence, (~failed).astype(np.float64)
