"""Bodies that something else found, such as an estimator of single clouds: where a fit starts without keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from registration.errors import RegistrationError
from registration.fit.posing import PosedClip
from registration.fit.rotations import logarithm
from registration.fit.state import FRAME_SIZE, FitState
from registration.fit.system import NormalEquations

TRUNK: Final = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
"""Landmarks without which a frame's body has no closed form."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyStart:
    """A body for some frames of a clip, each a Gaussian. Metres and radians, world."""

    rotations: Float[np.ndarray, "frames 24 3 3"]
    """Relative to the parent, the root first; not read where the frame is not known."""
    transl: Float[np.ndarray, "frames 3"]
    betas: Float[np.ndarray, "shapes"]
    child: float
    covariance: Float[np.ndarray, "frames 75 75"]
    """Of small turns of the joints about their parents' axes, and of the translation."""
    known: Bool[np.ndarray, "frames"]
    words: tuple[str, ...]
    """What is told of each frame that starts so, by whoever found it."""

    def __post_init__(self) -> None:
        """Raises RegistrationError for a known frame with values that are no numbers."""
        for name in ("rotations", "transl", "covariance"):
            good = np.isfinite(getattr(self, name)).reshape(len(self.known), -1).all(1) | ~self.known
            if not good.all():
                raise RegistrationError(
                    f"the start of frame {int(np.flatnonzero(~good)[0])} has {name} that are no numbers; leave it out"
                )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.known)

    def __getitem__(self, frames: slice | np.ndarray) -> BodyStart:
        """Some of the frames."""
        which = np.arange(len(self))[frames]
        arrays = {name: getattr(self, name)[which] for name in ("rotations", "transl", "covariance", "known")}
        return replace(self, **arrays, words=tuple(self.words[t] for t in which))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StartTerm:
    """The start's own Gaussian: it holds what neither points nor keypoints speak of."""

    start: BodyStart

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the distances of the frames that have a start."""
        which = np.flatnonzero(self.start.known)
        if not len(which):
            return
        state = body.state
        turn = logarithm(self.start.rotations[which] @ state.rotations[which].swapaxes(-1, -2))
        apart = np.concatenate([turn.reshape(len(which), -1), self.start.transl[which] - state.transl[which]], 1)
        information = np.linalg.inv(self.start.covariance[which])
        force = np.matvec(information, apart)
        system.A[which] += information
        system.b[which] += force
        assert apart.shape[1] == FRAME_SIZE
        system.cost += float(0.5 * (apart * force).sum())


def without_trunk(names: Sequence[str], p_world: Float[np.ndarray, "frames landmarks 3"]) -> Bool[np.ndarray, "frames"]:
    """Frames whose landmarks do not say where the trunk is."""
    index = [list(names).index(name) for name in TRUNK if name in names]
    if len(index) < len(TRUNK):
        return np.ones(len(p_world), bool)
    return ~np.asarray(np.isfinite(p_world[:, index]).all((1, 2)))


def started(
    state: FitState | None,
    start: BodyStart,
    blind: Bool[np.ndarray, "frames"],
    shapes: int,
    landmarks: int,
) -> FitState:
    """The state in which frames without a trunk begin as `start` has them.

    state: from the landmarks; None where no frame has a trunk, and the shape is the start's too. Frames that have
    neither stand as the nearest frame that has. Raises RegistrationError when there is neither in any frame.
    """
    told = start.known & blind
    if state is None:
        if not told.any():
            raise RegistrationError(
                f"none of {len(start)} instants shows both shoulders and both hips, and no body was found in the "
                "points; check keypoints and clouds, or use instants in which the whole person is in the picture"
            )
        betas = np.zeros(shapes)
        few = start.betas[:shapes]
        betas[: len(few)] = few
        state = FitState(
            rotations=np.tile(np.eye(3), (len(start), 24, 1, 1)),
            transl=np.zeros((len(start), 3)),
            betas=betas,
            offsets=np.zeros((landmarks, 3)),
            child=start.child,
        )
    rotations, transl = state.rotations.copy(), state.transl.copy()
    rotations[told], transl[told] = start.rotations[told], start.transl[told]
    placed = np.flatnonzero(told | ~blind)
    for t in np.flatnonzero(blind & ~told):
        nearest = placed[np.abs(placed - t).argmin()]
        rotations[t], transl[t] = rotations[nearest], transl[nearest]
    return replace(state, rotations=rotations, transl=transl)
