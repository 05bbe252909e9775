"""The measured error model as numbers, and their file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from geometry.told_values import json_of
from hps.errors import HpsError

Seen = Literal["clear", "hidden"]
View = Literal["front", "side", "back"]
MEASURED: Final = Path(__file__).parent / "measured.json"
LEVELS: Final = tuple(n / 10 for n in range(11))
"""At which quantiles of confidence are kept."""
KNOTS: Final = (0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
"""Confidences at which the scale of errors is kept, those of `registration.keypoints.confidence`."""
SIDE_ON: Final = 0.5
"""People whose chest looks within 60 degrees to or from the camera are seen from before or behind."""
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "face": ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    "trunk": ("left_shoulder", "right_shoulder", "left_hip", "right_hip"),
    "left_arm": ("left_elbow", "left_wrist", "left_index", "left_pinky", "left_thumb"),
    "right_arm": ("right_elbow", "right_wrist", "right_index", "right_pinky", "right_thumb"),
    "left_leg": ("left_knee", "left_ankle", "left_heel", "left_foot_index"),
    "right_leg": ("right_knee", "right_ankle", "right_heel", "right_foot_index"),
}
"""Keypoints that are good or bad together; each belongs to one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorTable:
    """Kinds are keypoints without their side."""

    confidence: dict[Seen, dict[str, tuple[float, ...]]]
    """Kind → quantiles at LEVELS."""
    confidence_shared: tuple[float, float]
    """Correlation of the confidences, as normal scores, of two keypoints of a person, and of two of a group."""
    scale_px: tuple[float, ...]
    """Scale of an error along an axis at KNOTS, in pixels of the detector's crop."""
    kind_factor: dict[str, float]
    """Kind → its errors over those of the mean keypoint of the same confidence."""
    tail: float
    """Degrees of freedom of Student's t that the errors over their scale follow, the keypoints of a group together."""
    shared: dict[str, float]
    """Group without its side → correlation of the errors of its keypoints along an axis."""
    mixed: dict[View, dict[str, float]]
    """View → how often left and right are mixed up of `whole` people, of their `upper` or of their `lower` part."""
    pulled: dict[Seen, float]
    """How often a keypoint alone lies on its partner of the other side."""
    size_ratio: tuple[float, float]
    """Mean and standard deviation of the logarithm of the detector's pixel size over that of the true box."""
    about: dict[str, Any]
    """What it was measured on."""


def write_table(path: Path, table: ErrorTable) -> None:
    """As JSON."""
    path.write_text(json.dumps(asdict(table), indent=1) + "\n")


@lru_cache(maxsize=4)
def read_table(path: Path = MEASURED) -> ErrorTable:
    """The measured table, or that of a file. Raises HpsError when it is none."""
    try:
        told = json_of(path.read_text())
        told["confidence"] = {
            seen: {kind: tuple(values) for kind, values in kinds.items()} for seen, kinds in told["confidence"].items()
        }
        told |= {name: tuple(told[name]) for name in ("scale_px", "size_ratio", "confidence_shared")}
        return ErrorTable(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HpsError(
            f"{path} is no table of a detector's errors ({error}); run scripts/measure_detector.py"
        ) from None
