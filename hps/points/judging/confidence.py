"""From signs to the probability that a body is right, and the sentence that says what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.points.estimate import USABLE
from hps.points.judging.signs import Signs
from hps.points.weights_file import WeightsInfo

KEY: Final = "confidence"
"""Under which the description of weights holds what was found on validation data."""
TALLEST_M: Final = 2.2
"""Clouds of people reach no farther, arms up and at an angle included; what is beyond counts against them."""
LATER: Final = frozenset({"turned", "on_head"})
"""Features that calibrations of older weights do not know; they count for nothing there."""
MANY_POINTS: Final = 512.0
"""More points than this make nothing surer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """On one body."""

    confidence: float
    """Probability that its skin is less than 150 mm off in the mean."""
    reason: str
    """What speaks against it; empty where the confidence is at least 0.5."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """A logistic function of what speaks against a body, found on validation data (scripts/calibrate_points.py)."""

    offset: float
    weights: dict[str, float]
    """Of each feature, not below 0."""
    usual: dict[str, float]
    """Median of each feature over good bodies."""

    @classmethod
    def of(cls, info: WeightsInfo | None) -> Judge:
        """What was found for these weights; the package's own where they say nothing. Raises HpsError when damaged."""
        found = None if info is None else info.calibration.get(KEY)
        return DEFAULT if found is None else cls.read(found)

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Judge:
        """The judge that `described` described.

        A feature of LATER that it does not have gets weight 0. Raises HpsError when something else lacks.
        """
        try:
            known = [name for name in FEATURES if name not in LATER or name in found["weights"]]
            zero = dict.fromkeys(FEATURES, 0.0)
            weights = zero | {name: float(found["weights"][name]) for name in known}
            usual = zero | {name: float(found["usual"][name]) for name in known}
            return cls(offset=float(found["offset"]), weights=weights, usual=usual)
        except (KeyError, TypeError, ValueError) as error:
            raise HpsError(
                f"the weights' calibration of confidence is damaged ({error}); calibrate them again"
            ) from None

    def described(self) -> dict[str, Any]:
        """As numbers with names."""
        return {"offset": self.offset, "weights": self.weights, "usual": self.usual}

    def confidence(self, features: Float[np.ndarray, "features"]) -> float:
        """Of one body, from its row of `feature_rows`."""
        logit = self.offset - sum(self.weights[name] * float(value) for name, value in zip(FEATURES, features))
        return float(1 / (1 + np.exp(-np.clip(logit, -50, 50))))

    def __call__(self, signs: Signs) -> Verdict:
        """The verdict on one body."""
        against = features_of(signs)
        confidence = self.confidence(feature_rows([signs])[0])
        if confidence >= USABLE:
            return Verdict(confidence=confidence, reason="")
        cost = {name: self.weights[name] * (value - self.usual[name]) for name, value in against.items()}
        worst = max(cost, key=lambda name: cost[name])
        second = sorted(cost, key=lambda name: -cost[name])[1]
        said = [SENTENCES[worst](signs)]
        if cost[second] > 0.5 * cost[worst]:
            said.append(SENTENCES[second](signs))
        return Verdict(confidence=confidence, reason="no trustworthy body: " + ", and ".join(said))


def features_of(signs: Signs) -> dict[str, float]:
    """What speaks against a body, each larger the worse; lengths on a logarithmic scale."""
    return {
        "sigma": float(np.log(max(signs.sigma_mm, 1.0) / 30)),
        "disagreement": float(np.log(max(signs.disagreement_mm, 1.0) / 30)),
        "residual": float(np.log(max(signs.residual_mm, 1.0) / 15)),
        "unexplained": max(0.0, 1 - signs.explained - signs.outliers),
        "outliers": signs.outliers,
        "beside": signs.unexplained_m,
        "uncovered": 1 - signs.covered,
        "turned": signs.turned_deg / 30,
        "on_head": signs.on_head,
        "shape": signs.shape,
        "too_large": max(0.0, signs.extent_m - TALLEST_M),
        "few": float(np.log(MANY_POINTS / min(signs.points, MANY_POINTS))),
    }


def feature_rows(signs: list[Signs]) -> Float[np.ndarray, "clouds features"]:
    """The features of many clouds, in the order of FEATURES."""
    return np.array([[features_of(one)[name] for name in FEATURES] for one in signs]).reshape(-1, len(FEATURES))


SENTENCES: Final = {
    "sigma": lambda s: f"the landmarks are uncertain by {s.sigma_mm:.0f} mm",
    "disagreement": lambda s: (
        f"no body has its landmarks where they were seen, they are {s.disagreement_mm:.0f} mm off"
    ),
    "residual": lambda s: f"half of the points lie more than {s.residual_mm:.0f} mm from the body",
    "unexplained": lambda s: f"{100 * (1 - s.explained - s.outliers):.0f} % of the points do not lie on the body",
    "outliers": lambda s: f"{100 * s.outliers:.0f} % of the points look like something else than a person",
    "beside": lambda s: (
        f"{100 * (1 - s.explained - s.outliers):.0f} % of the points lie beside the body; is there a second person, or "
        "a thing?"
    ),
    "uncovered": lambda s: f"{100 * (1 - s.covered):.0f} % of the body's skin that faces the camera has no points",
    "turned": lambda s: f"the points make another surface than a body's, by {s.turned_deg:.0f} degrees",
    "on_head": lambda s: "the body would stand on its head; is another direction up?",
    "shape": lambda s: f"the body would be {s.shape:.1f} standard deviations from the mean shape",
    "too_large": lambda s: f"the cloud is {s.extent_m:.1f} m long, longer than a person",
    "few": lambda s: f"there are only {s.points:.0f} points",
}
"""What is said of a feature that speaks against a body."""
FEATURES: Final = tuple(SENTENCES)

DEFAULT: Final = Judge(
    offset=6.0,
    weights={
        "sigma": 2.0, "disagreement": 1.0, "residual": 1.5, "unexplained": 4.0, "outliers": 4.0, "beside": 4.0,
        "uncovered": 3.0, "turned": 1.0, "on_head": 6.0, "shape": 1.0, "too_large": 8.0, "few": 0.5,
    },
    usual=dict.fromkeys(FEATURES, 0.0),
)  # fmt: skip
"""For networks that were not calibrated."""
