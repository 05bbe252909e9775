"""From signs to the probability that a body is right, and the sentence that says what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.points.estimate import USABLE
from hps.points.judging.confidence import Verdict
from hps.rgb.judging.signs import PERSON_CROP_PX, RgbSigns


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
        "outside": signs.outside,
        "residual": float(np.log(max(signs.residual, 1.0))),
        "sigma": float(np.log(max(signs.sigma_mm, 10.0) / 50)),
        "disagreement": float(np.log(max(signs.disagreement_mm, 10.0) / 50)),
        "shape": max(0.0, signs.shape - 1.0),
        "small": float(np.log(1 / min(max(signs.small, 0.05), 1.0))),
    }


def feature_rows(signs: list[RgbSigns]) -> Float[np.ndarray, "people features"]:
    """The features of many people, in the order of FEATURES."""
    return np.array([[features_of(one)[name] for name in FEATURES] for one in signs]).reshape(-1, len(FEATURES))


SENTENCES: Final = {
    "score": lambda s: f"the detector believes only to {100 * s.score:.0f} % that this is a person",
    "hidden": lambda s: f"most of the person is hidden or outside the picture ({_unseen(s)})",
    "outside": lambda s: f"{100 * s.outside:.0f} % of the person lies outside the picture ({_unseen(s)})",
    "residual": lambda s: f"no body has its keypoints where they were seen, they are {s.residual:.0f} sigmas off",
    "sigma": lambda s: f"the pose is uncertain by {s.sigma_mm:.0f} mm",
    "disagreement": lambda s: (
        f"no body stands as the keypoints were lifted, the two differ by {s.disagreement_mm:.0f} mm"
    ),
    "shape": lambda s: f"the body would be {s.shape:.1f} standard deviations from the mean shape",
    "small": lambda s: f"the person is only {PERSON_CROP_PX * s.small:.0f} pixels large in the picture",
}
"""What is said of a feature that speaks against a body."""
FEATURES: Final = tuple(SENTENCES)

DEFAULT: Final = RgbJudge(
    offset=5.0,
    weights={
        "score": 4.0, "hidden": 8.0, "outside": 2.0, "residual": 2.0, "sigma": 1.5, "disagreement": 1.0, "shape": 1.5,
        "small": 1.0,
    },
    usual=dict.fromkeys(FEATURES, 0.0),
)  # fmt: skip
"""Where nothing was calibrated."""


def _unseen(signs: RgbSigns) -> str:
    return "not seen: " + " and ".join(signs.unseen) if signs.unseen else "parts of every limb are seen"
