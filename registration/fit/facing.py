"""Whether a whole clip was labelled the wrong way round: left for right, and so front for back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registration.fit.clip_keypoints import ClipKeypoints
from registration.fit.energy import Energy, Piece
from registration.fit.piece_fit import first_state
from registration.fit.solver import minimise
from registration.fit.swaps import exchanged
from registration.fit.term import Term

TRIED_FRAMES = 4
STEPS = 8
"""Towards the landmarks."""
GAIN = 20.0
"""Energy of a frame that the other way round must save. On simulated takes the wrong way costs 38 to 75 more; 25 ms a
tried frame. Clouds are not asked: a few steps towards a surface do not settle, and once an energy that had not settled
turned a clip round whose keypoints were right."""
TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


@dataclass(frozen=True, kw_only=True, slots=True)
class Facing:
    """The energies of a few frames of a clip, a frame, as labelled and with left and right exchanged throughout."""

    labelled: float
    exchanged: float

    @property
    def wrong(self) -> bool:
        """Whether the sides are exchanged beyond doubt. Noses, toes, knees and elbows say so."""
        return self.exchanged < self.labelled - GAIN


def facing(energy: Energy, keypoints: ClipKeypoints) -> Facing | None:
    """Both ways of a clip; None where no frame has a whole trunk, of which nothing is said."""
    trunk = [list(keypoints.names).index(name) for name in TRUNK if name in keypoints.names]
    seen = np.flatnonzero(np.isfinite(keypoints.p_world[:, trunk]).all((1, 2)))
    if len(trunk) < len(TRUNK) or not len(seen):
        return None
    some = seen[np.unique(np.linspace(0, len(seen) - 1, min(TRIED_FRAMES, len(seen))).astype(int))]
    few, every = keypoints[some], np.ones(len(some), bool)
    labelled, other = (_energy(energy, k) / len(some) for k in (few, exchanged(few, every)))
    return Facing(labelled=labelled, exchanged=other)


def _energy(energy: Energy, keypoints: ClipKeypoints) -> float:
    """The least energy of some frames that is found from their own start."""
    piece = Piece(keypoints=keypoints, cloud=None, smooth=False)
    terms: dict[str, Term] = {"keypoints": energy.points(piece), **energy.priors(piece)}
    start = first_state(energy, piece, None)
    _, system = minimise(start, lambda s: energy.equations(s, terms), STEPS, energy.config.tolerance)
    return system.cost
