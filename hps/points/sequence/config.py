"""What is believed of clips before they are seen: how people move, and how much frames say together."""

from __future__ import annotations

from dataclasses import dataclass

from registration.shape.prior import BETA_SIGMA, CHILD_SIGMA, ShapePrior


@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceConfig:
    """Choices of the temporal mode; those that were measured say so (docs/point_sequences.md)."""

    beta_sigma: float = BETA_SIGMA
    """Of each beta in the prior that every frame's fit has used: it is counted once for a clip, not once a frame."""
    child_sigma: float = CHILD_SIGMA
    """Of the child factor in it."""
    shape_prior: ShapePrior | None = None
    """That prior where it was another one, of somebody of a known height for one; then the two above are not read."""
    independent_s: float = 0.5
    """Frames nearer than this say the same of the shape: a network errs alike on like poses."""
    longest_gap_s: float = 0.5
    """Frames that were not seen are bridged up to this; longer gaps part the clip."""
    lasting: float = 0.5
    """Share of the variance of a frame's error that its neighbours have too: time cannot take it out."""
    motion: float = 1.0
    """Scales the standard deviations of all accelerations: more follows the frames, less is smoother."""
    passes: int = 3
    """Linearisations of the rotations; each also weighs outliers again."""
    outlier_freedom: float = 6.0
    """Degrees of freedom of the t-distribution that frames' errors are taken for."""
    fastest_m_s: float = 12.0
    """A pelvis that moves faster between two frames is another person's: the fastest sprinters reach this."""
    other_person: float = 60.0
    """Chi-square of two stretches' shapes from which they are two people's (10 betas: 60 is one in 10^8)."""
