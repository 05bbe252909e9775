"""What a position error means: which joints, from where, relative to what, after which alignment, with what given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Alignment = Literal["none", "rigid", "similarity"]
Given = Literal["betas", "transl"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """One way to measure joint positions; printed by its name beside every number."""

    name: str
    joints: tuple[int, ...]
    """Of the source, in the order of the paper."""
    regressor: str = ""
    """Empty: SMPL's 24 joints. Else the name of a (joints, vertices) matrix that the user supplies, applied to the
    posed vertices of both bodies."""
    root: tuple[int, ...] = ()
    """Joints of the source whose mean is subtracted on both sides; none: as the sensor sees them."""
    alignment: Alignment = "none"
    """Least squares over these joints for each frame, after the root."""
    given: tuple[Given, ...] = ()
    """What the estimate is handed from the truth before it is posed. Anything here makes a number incomparable."""
    flipped_translation: bool = False
    """Whether the translation's error is added with the wrong sign (LiveHPS)."""
    regressed_estimate: bool = False
    """Whether the estimate's joints are found in its posed vertices by the model's joint regressor and the true ones
    by posing, so that a perfect estimate has an error (LiDAR-HMR)."""
    validity: str = ""
    """Name of the flag that a frame must have to count, such as `over_18_parts`; empty: every frame counts."""
    truth_body: str = "the same as the estimate's"
    """Body model of the truth where the paper takes another one."""
    unit: Literal["mm", "cm", "m"] = "mm"
    """Of the published tables; what we measure is always millimetres."""
    says: str
    """One sentence on what it measures."""
    source: str
    """Paper or code that defines it."""

    @property
    def comparable(self) -> bool:
        """Whether the number is an error of the estimate alone."""
        return not (self.given or self.flipped_translation or self.regressed_estimate or self.validity)

    def __str__(self) -> str:
        """The name."""
        return self.name
