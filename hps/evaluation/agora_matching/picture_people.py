"""All people of one picture, true or predicted, as AGORA's measure looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from hps.errors import HpsError

MATCHED_JOINTS: Final = 24
"""Of the projected joints, by which people are matched, whatever comes after them."""
LARGEST_OCCLUSION: Final = 0.9
"""A true person who is hidden more than this does not count."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PicturePeople:
    """A row for each person. Joints in metres; pixels are of AGORA's pictures of 3840 x 2160."""

    picture: str
    q: Float[np.ndarray, "people projected 2"]
    """Projected joints, pixels; the first 24 count."""
    joints: Float[np.ndarray, "posed joints 3"]
    """24 of SMPL, or 127 of SMPL-X."""
    vertices: Float[np.ndarray, "skinned vertices 3"] | None = None
    is_valid: Bool[np.ndarray, "flagged"] | None = None
    """AGORA's own flag of true people; None: all are."""
    occlusion: Float[np.ndarray, "graded"] | None = None
    """Share of each true person that is hidden; negative or NaN where it is not known. None: nobody is hidden."""
    kid: Bool[np.ndarray, "aged"] | None = None
    """None: nobody is."""

    def __post_init__(self) -> None:
        """Raises HpsError when the counts disagree, or where a joint is not finite: a row without a person."""
        people = len(self.q)
        rows = {"joints": self.joints, "vertices": self.vertices, "valid": self.is_valid, "occlusion": self.occlusion}
        for name, array in {**rows, "kid": self.kid}.items():
            if array is not None and len(array) != people:
                raise HpsError(f"picture {self.picture}: {people} projected people and {len(array)} rows of {name}")
        if people and self.q.shape[1] < MATCHED_JOINTS:
            raise HpsError(
                f"picture {self.picture}: people are matched by {MATCHED_JOINTS} projected joints, there are "
                f"{self.q.shape[1]}; AGORA's files hold them as `joints` or `gt_joints_2d`"
            )
        if not (np.isfinite(self.q[:, :MATCHED_JOINTS]).all() and np.isfinite(self.joints).all()):
            raise HpsError(f"picture {self.picture}: a person has joints that are not finite; leave that person out")

    def __len__(self) -> int:
        """Number of people."""
        return len(self.q)

    @property
    def counts(self) -> Bool[np.ndarray, "people"]:
        """Which true people are to be found: valid, and hidden by a known share of 0.9 at most."""
        valid = np.ones(len(self), bool) if self.is_valid is None else self.is_valid
        if self.occlusion is None:
            return valid
        return valid & (self.occlusion >= 0) & (self.occlusion <= LARGEST_OCCLUSION + 1e-9)

    @property
    def kids(self) -> Bool[np.ndarray, "people"]:
        """Who is a child."""
        return np.zeros(len(self), bool) if self.kid is None else self.kid
