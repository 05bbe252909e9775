"""One side of a comparison: the points and turns of one person at the frames that are compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PosedClip:
    """Metres, in the frame that `frame` names. None: not known. NaN rows: no answer at that frame."""

    frame: str
    joints: Float[np.ndarray, "frames 24 3"] | None
    vertices: Float[np.ndarray, "frames vertices 3"] | None = None
    orientations: Float[np.ndarray, "frames 9 3 3"] | None = None
    """Of the pelvis, hips, knees, shoulders and elbows, each in `frame`."""
    feet: Float[np.ndarray, "frames 4 3"] | None = None
    """Big toe and heel, left first."""
    regressed: dict[str, Float[np.ndarray, "frames regressed 3"]] = field(default_factory=dict[str, np.ndarray])
    """Points that the file itself gives under a regressor's name, such as Human3.6M's 17 joints as `h36m17`."""
    placed: bool = True
    """False: the file does not say where the body is, only how it is shaped, posed and turned."""

    def __len__(self) -> int:
        """Number of frames."""
        known = self.joints if self.joints is not None else next(iter(self.regressed.values()))
        return len(known)

    @property
    def answered(self) -> Bool[np.ndarray, "frames"]:
        """Frames where every known position is finite."""
        there = np.ones(len(self), bool)
        for points in (self.joints, *self.regressed.values()):
            if points is not None:
                there &= np.isfinite(points).all((1, 2))
        return there

    def at(self, rows: np.ndarray) -> PosedClip:
        """Some frames: indices or truths."""
        return replace(
            self,
            joints=None if self.joints is None else self.joints[rows],
            vertices=None if self.vertices is None else self.vertices[rows],
            orientations=None if self.orientations is None else self.orientations[rows],
            feet=None if self.feet is None else self.feet[rows],
            regressed={name: points[rows] for name, points in self.regressed.items()},
        )

    def moved(self, Ts: Float[np.ndarray, "frames 4 4"], frame: str) -> PosedClip:
        """In another frame: p_frame = T @ p for each frame of the clip."""
        R, t = Ts[:, :3, :3], Ts[:, None, :3, 3]

        def turn(points: np.ndarray | None) -> np.ndarray | None:
            return None if points is None else points @ np.swapaxes(R, 1, 2) + t

        return replace(
            self,
            frame=frame,
            joints=turn(self.joints),
            vertices=turn(self.vertices),
            orientations=None if self.orientations is None else R[:, None] @ self.orientations,
            feet=turn(self.feet),
            regressed={name: points @ np.swapaxes(R, 1, 2) + t for name, points in self.regressed.items()},
        )
