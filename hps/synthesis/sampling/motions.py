"""A motion for each actor of a scene, made of the split's clips alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from body.motion.clip import MotionClip
from body.motion.library import MotionLibrary
from body.motion.self_penetration import PenetrationCheck
from body.parameters import BodyParameters
from capture.virtual.people import Body, put_in_ring
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.scenes.bodies_file import ARRAYS
from hps.synthesis.scenes.rows import Split

ROOM_M: Final[dict[str, float | None]] = {"single": None, "group": 0.9, "crowd": 0.65}
"""Each stays within this of its spot; with 0.65 m five people find room in a circle of 1.8 m."""
PRIOR: Final = "pose_prior"
"""Source of motions between poses that nobody made: the prior of all training clips."""
TRIES: Final = 4
"""Motions that are drawn until one goes clear of the body that does it. The library clears the mean body alone: with
that 9 % of a data set's people went into themselves by more than 1 cm; of 40 people two did, and none after a repair
on their own bodies, which takes 31 ms of CPU a person."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ActorMotion:
    """What one actor does, before it is put in its place."""

    sources: str
    """The source clips' names, sorted, joined by +."""
    recipe: str
    parameters: BodyParameters

    @property
    def arrays(self) -> dict[str, Float[np.ndarray, "frames columns"]]:
        """As they are stored."""
        return {name: np.asarray(getattr(self.parameters, name), np.float64) for name in ARRAYS}


def draw_motion(
    rng: np.random.Generator, config: SynthesisConfig, library: MotionLibrary, split: Split, kind: str, body: Body
) -> ActorMotion:
    """A motion for one body in a scene of a kind, with limbs turned out of that body.

    Raises BodyError when the library has none that fits.
    """
    seconds = max(config.frames - 1, 1) / config.rate_hz
    clip = _clear_of_itself(
        PenetrationCheck(body.model), lambda: library.draw(rng, split, seconds, config.rate_hz, within_m=ROOM_M[kind])
    )
    parameters = put_in_ring(clip, body.model, np.zeros(0))[slice(0, config.frames)]
    recipe = str(clip.description.get("recipe", "clip"))
    names = sorted(set(clips_of(clip.description)))
    return ActorMotion(sources="+".join(names) or PRIOR, recipe=recipe, parameters=parameters)


def _clear_of_itself(check: PenetrationCheck, draw: Callable[[], MotionClip]) -> MotionClip:
    """A motion whose limbs stay out of the body of `check`; of TRIES that do not, the shallowest."""
    best: tuple[float, MotionClip] | None = None
    for _ in range(TRIES):
        clip, report = check.repaired(draw())
        depth_m = float(report.after_m.max())
        if best is None or depth_m < best[0]:
            best = depth_m, clip
        if depth_m == 0:
            break
    assert best is not None
    return best[1]


def clips_of(description: Any) -> list[str]:
    """All clips that a description names, however deep."""
    if isinstance(description, Mapping):
        own = [str(description["clip"])] if "clip" in description else []
        return own + [name for value in description.values() for name in clips_of(value)]
    if isinstance(description, list | tuple):
        return [name for value in description for name in clips_of(value)]
    return []
