"""From signs to the probability that a body is right, and the sentence that says what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.points.estimate import USABLE
from hps.points.judging.confidence import Verdict
from hps.rgb.judging.signs import RgbSigns


@dataclass(frozen=True, kw_only=True, slots=True)
class RgbJudge:
    """A logistic function of what speaks against a body."""

    offset: float
    weights: dict[str, float]
    """Of each feature, not below 0."""
    usual: dict[str, float]
    """Median of each feature over good bodies."""

    def confidence(self, features: Float[np.ndarray, "features"]) -> float:
        """Probability that the joints, about the pelvis, are less than GOOD_MM off in the mean."""
        logit = self.offset - sum(self.weights[name] * float(value) for name, value in zip(FEATURES, features))
        return float(1 / (1 + np.exp(-np.clip(logit, -50, 50))))

    def __call__(self, signs: RgbSigns) -> Verdict:
        """The verdict on one body."""
        against = features_of(signs)
        confidence = self.confidence(np.array([against[name] for name in FEATURES]))
        if confidence >= USABLE:
            return Verdict(confidence=confidence, reason="")
        cost = {name: self.weights[name] * (value - self.usual[name]) for name, value in against.items()}
        order = sorted(cost, key=lambda name: -cost[name])
        said = [SENTENCES[order[0]](signs)]
        if cost[order[1]] > 0.5 * cost[order[0]] > 0:
            said.append(SENTENCES[order[1]](signs))
        return Verdict(confidence=confidence, reason="no trustworthy body: " + ", and ".join(said))


GOOD_MM: Final = 150.0
"""Mean error of the joints about the pelvis from which on a body is no good: an arm or a leg in another place."""


def features_of(signs: RgbSigns) -> dict[str, float]:
    """What speaks against a body, each larger the worse; lengths on a logarithmic scale."""
    return {
        "score": 1 - signs.score,
        "hidden": 1 - signs.seen,
        "residual": float(np.log(max(signs.residual, 1.0))),
        "sigma": float(np.log(max(signs.sigma_mm, 10.0) / 50)),
        "disagreement": float(np.log(max(signs.disagreement_mm, 10.0) / 50)),
        "shape": max(0.0, signs.shape - 1.0),
    }


def feature_rows(signs: list[RgbSigns]) -> Float[np.ndarray, "people features"]:
    """The features of many people, in the order of FEATURES."""
    return np.array([[features_of(one)[name] for name in FEATURES] for one in signs]).reshape(-1, len(FEATURES))


SENTENCES: Final = {
    "score": lambda s: f"the detector believes only to {100 * s.score:.0f} % that this is a person",
    "hidden": lambda s: f"{100 * (1 - s.seen):.0f} % of the person is hidden or outside the picture ({_unseen(s)})",
    "residual": lambda s: f"no body has its keypoints where they were seen, they are {s.residual:.0f} sigmas off",
    "sigma": lambda s: f"the pose is uncertain by {s.sigma_mm:.0f} mm",
    "disagreement": lambda s: (
        f"no body stands as the keypoints were lifted, the two differ by {s.disagreement_mm:.0f} mm"
    ),
    "shape": lambda s: f"the body would be {s.shape:.1f} standard deviations from the mean shape",
}
"""What is said of a feature that speaks against a body."""
FEATURES: Final = tuple(SENTENCES)

DEFAULT: Final = RgbJudge(
    offset=4.227,
    weights={"score": 4.0, "hidden": 1.341, "residual": 1.137, "sigma": 3.509, "disagreement": 0.42, "shape": 7.145},
    usual={"score": 0.0, "hidden": 0.251, "residual": 1.158, "sigma": 0.277, "disagreement": -0.448, "shape": 0.0},
)
"""Of 500 people of the lifting benchmark's validation scenes with the detector's errors, and of keypoints of nobody
(scripts/calibrate_rgb.py): on those held out it takes 84 % of the good bodies, 41 % of the bad ones, and nobody of the
nobodies. The detector's score is not simulated: its weight is assumed."""


def _unseen(signs: RgbSigns) -> str:
    return "not seen: " + " and ".join(signs.unseen) if signs.unseen else "parts of every limb are seen"
