"""The same motion done slower, faster, or with uneven haste."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from body.errors import BodyError
from body.motion.clip import MotionClip
from body.motion.resample import interpolate

_KNOT_SECONDS: Final = 0.8
"""Distance of the times between which the pace changes: about one step or stroke. Assumed."""


def change_speed(clip: MotionClip, factor: float) -> MotionClip:
    """The clip done `factor` times as fast; its frames stay, their rate changes.

    A flight (a jump) done at another speed is not what gravity would do; factors near 1 (0.75 to 1.3) pass for a
    person of other size or mood. Raises BodyError for a factor that is not positive.
    """
    if not factor > 0:
        raise BodyError(f"cannot do motion clip {clip.name!r} {factor} times as fast; give a factor above 0")
    speed = float(clip.description.get("speed", 1.0)) * factor
    return replace(clip, rate_hz=clip.rate_hz * factor, description={**clip.description, "speed": round(speed, 4)})


def random_pace(
    rng: np.random.Generator, seconds: float, strength: float
) -> tuple[Float[np.ndarray, "knots"], Float[np.ndarray, "knots"]]:
    """A random hurry: times of the new clip and the times of the old one that are shown then, both from 0 to `seconds`.

    The pace between two knots is drawn log-normally with standard deviation `strength` (0.2: mostly 0.8 to 1.2).
    """
    knots = max(2, round(seconds / _KNOT_SECONDS) + 1)
    old = np.linspace(0.0, seconds, knots)
    spent = np.diff(old) * np.exp(-strength * rng.normal(size=knots - 1))
    new = np.concatenate([[0.0], np.cumsum(spent)])
    return new * (seconds / new[-1]) if new[-1] > 0 else old, old


def warp_time(clip: MotionClip, new: Float[np.ndarray, "knots"], old: Float[np.ndarray, "knots"]) -> MotionClip:
    """The clip that shows at `new` seconds what the clip has at `old` seconds, smoothly and never backwards.

    Both run from 0 and increase strictly; the result lasts `new[-1]` at the clip's rate. Raises BodyError otherwise,
    and when `old` goes past the clip's end.
    """
    new, old = np.asarray(new, np.float64), np.asarray(old, np.float64)
    if new.shape != old.shape or len(new) < 2 or new[0] or old[0] or min(np.diff(new).min(), np.diff(old).min()) <= 0:
        raise BodyError(f"motion clip {clip.name!r}: times of a warp must start at 0 and increase, both alike")
    if old[-1] > clip.seconds + 1e-6:
        raise BodyError(
            f"motion clip {clip.name!r} lasts {clip.seconds:.2f} s, the warp asks for {old[-1]:.2f} s; lengthen it"
        )
    times = np.arange(int(new[-1] * clip.rate_hz + 1e-6) + 1) / clip.rate_hz
    asked = np.asarray(PchipInterpolator(new, old)(np.minimum(times, new[-1])))
    seconds = np.arange(len(clip)) / clip.rate_hz
    rotations, positions = interpolate(seconds, clip.rotations, clip.root_positions, np.clip(asked, 0.0, seconds[-1]))
    description = {**clip.description, "warped": True}
    return replace(clip, rotations=rotations, root_positions=positions, description=description)
