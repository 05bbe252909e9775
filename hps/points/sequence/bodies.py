"""Bodies of one clip, frame by frame: what single clouds say, before anything is known of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hps.errors import HpsError
from hps.points.unknowns import TURNS


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrameBodies:
    """One body a frame, each with its own shape. Metres, radians and seconds, all in one frame, such as the world.

    The unknowns of `covariance` are small turns of the 24 joints about the frame's axes, the coefficients of the shape
    (betas, and the child factor where it is among them), and the translation.
    """

    rotations: Float[np.ndarray, "frames 24 3 3"]
    """Relative to the parent, the root first."""
    betas: Float[np.ndarray, "frames shapes"]
    child: Float[np.ndarray, "frames"]
    transl: Float[np.ndarray, "frames 3"]
    covariance: Float[np.ndarray, "frames unknowns unknowns"]
    time_s: Float[np.ndarray, "frames"]
    """Rising."""
    seen: Bool[np.ndarray, "frames"]
    """Whether the frame says anything; the other values of a frame that was not seen are not read."""
    spread: float = 1.0
    """What standard deviations were multiplied by after the fit, those of the priors among them."""

    def __post_init__(self) -> None:
        """Raises HpsError for times that do not rise, unknowns that nobody knows, and values that are no numbers."""
        if (np.diff(self.time_s) <= 0).any():
            at = int(np.flatnonzero(np.diff(self.time_s) <= 0)[0])
            raise HpsError(
                f"frame {at + 1} is at {self.time_s[at + 1]:.3f} s, not after frame {at} at {self.time_s[at]:.3f} s; "
                "sort the frames by time"
            )
        extra = self.covariance.shape[1] - TURNS - self.betas.shape[1] - 3
        if extra not in (0, 1):
            raise HpsError(
                f"a covariance of {self.covariance.shape[1]} unknowns does not fit {self.betas.shape[1]} betas; there "
                f"are {TURNS} turns, the betas, the child factor or not, and 3 of the translation"
            )
        for name in ("rotations", "betas", "child", "transl", "covariance"):
            good = np.isfinite(getattr(self, name)).reshape(len(self), -1).all(1) | ~self.seen
            if not good.all():
                raise HpsError(
                    f"frame {int(np.flatnonzero(~good)[0])} has {name} that are no numbers; say that it was not seen"
                )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.transl)

    @property
    def knows_child(self) -> bool:
        """Whether the child factor is among the unknowns of the covariance."""
        return self.covariance.shape[1] == TURNS + self.betas.shape[1] + 4

    @property
    def coefficients(self) -> Float[np.ndarray, "frames coefficients"]:
        """The shape's unknowns."""
        return np.concatenate([self.betas, self.child[:, None]], 1) if self.knows_child else self.betas

    def rows(self, which: np.ndarray | slice) -> FrameBodies:
        """Some of the frames, in the order of time."""
        names = ("rotations", "betas", "child", "transl", "covariance", "time_s", "seen")
        some: dict[str, Any] = {name: getattr(self, name)[which] for name in names}
        return replace(self, **some)

    @classmethod
    def of(
        cls, fitted: Any, time_s: Sequence[float] | np.ndarray, seen: Bool[np.ndarray, "frames"] | None = None
    ) -> FrameBodies:
        """Of anything with rotations, betas, child, transl and covariance, arrays or tensors, a row for each frame.

        Such as `hps.points.fitting`'s bodies. seen: by default the frames all of whose values are numbers.
        """
        names = ("rotations", "betas", "child", "transl", "covariance")
        arrays: dict[str, Any] = {name: _array(getattr(fitted, name)) for name in names}
        if seen is None:
            good = [np.isfinite(values).reshape(len(values), -1).all(1) for values in arrays.values()]
            seen = np.logical_and.reduce(good)
        return cls(**arrays, time_s=np.asarray(time_s, np.float64), seen=np.asarray(seen, bool))


def _array(values: Any) -> np.ndarray:
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, np.float64)
