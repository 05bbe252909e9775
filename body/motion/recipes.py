"""How new motions are made from the clips of a library."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

from body.errors import BodyError
from body.motion.blend import cross_fade, named
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.mean_body import mean_body
from body.motion.mirror import mirrored
from body.motion.pose_walk import pose_walk
from body.motion.recombine import recombined
from body.motion.resample import lengthen, resample
from body.motion.retiming import change_speed, random_pace, warp_time
from body.motion.still_joints import with_still_joints_moved

if TYPE_CHECKING:
    from body.motion.library import MotionLibrary

Recipe = Literal["clip", "sequence", "limbs", "poses"]

SHARE: Final[dict[str, float]] = {"clip": 0.25, "sequence": 0.25, "limbs": 0.3, "poses": 0.2}
"""How often each recipe is drawn; poses only for training, since the prior has seen those clips alone."""
SPEED_SIGMA: Final = 0.15
"""Standard deviation of the logarithm of a drawn clip's speed: 95 % lie between 0.75 and 1.33."""
PACE_SIGMA: Final = 0.12
FADE_SECONDS: Final = (0.3, 0.6)
_PARTS: Final = ("upper", "upper", "arms", "left_arm", "right_arm")


def draw_recipe(
    library: MotionLibrary,
    rng: np.random.Generator,
    split: str,
    seconds: float,
    rate_hz: float,
    recipe: str | None,
) -> MotionClip:
    """As `MotionLibrary.draw`, which checks the arguments."""
    if recipe is None:
        names = [name for name in SHARE if name != "poses" or split == "train"]
        shares = np.array([SHARE[name] for name in names])
        recipe = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    if recipe == "clip":
        clip = _varied(library, rng, split, seconds, rate_hz)
    elif recipe == "sequence":
        clip = _within_limits(_sequence(library, rng, split, seconds, rate_hz))
    elif recipe == "limbs":
        clip = _within_limits(_limbs(library, rng, split, seconds, rate_hz))
    elif recipe == "poses":
        if split != "train":
            raise BodyError(f"recipe 'poses' comes from training clips, not {split}; ask for split 'train'")
        clip = pose_walk(library.pose_prior(), rng, seconds, rate_hz, mean_body())
    else:
        raise BodyError(f"there is no recipe {recipe!r}; the recipes are: {', '.join(get_args(Recipe))}")
    frames = round(seconds * rate_hz) + 1
    clip = with_still_joints_moved(clip, rng)
    return replace(
        clip,
        rotations=clip.rotations[:frames],
        root_positions=clip.root_positions[:frames],
        loops=False,
        description={"recipe": recipe, **clip.description},
    )


def _varied(
    library: MotionLibrary,
    rng: np.random.Generator,
    split: str,
    seconds: float,
    rate_hz: float,
    anywhere: bool = False,
) -> MotionClip:
    """A clip of the split, perhaps mirrored, at another pace, from a random start, exactly long enough.

    anywhere: also clips on boxes, whose arms and trunk serve while their feet do not.
    """
    names = library.names(split, None if anywhere else False) or library.names(split)
    weights = np.sqrt([max(library.clip(name).seconds, 0.1) for name in names])
    clip = library.clip(names[int(rng.choice(len(names), p=weights / weights.sum()))])
    clip = replace(clip, description={"clip": clip.name})
    if rng.random() < 0.5:
        clip = mirrored(clip)
    clip = change_speed(clip, float(np.exp(SPEED_SIGMA * rng.normal())))
    slack = clip.seconds - seconds
    start_s = float(rng.uniform(0.0, max(slack, 0.4 * clip.seconds)))
    clip = resample(lengthen(clip, seconds + start_s), rate_hz, None)
    first = int(start_s * rate_hz)
    frames = min(round(seconds * rate_hz) + 1, len(clip) - first)
    clip = replace(
        clip,
        rotations=clip.rotations[first : first + frames],
        root_positions=clip.root_positions[first : first + frames],
        description={**clip.description, "start_s": round(first / rate_hz, 3)},
    )
    if clip.seconds > 0:
        clip = warp_time(clip, *random_pace(rng, clip.seconds, PACE_SIGMA))
    return _exactly(clip, seconds)


def _sequence(
    library: MotionLibrary, rng: np.random.Generator, split: str, seconds: float, rate_hz: float
) -> MotionClip:
    clip: MotionClip | None = None
    parts: list[dict[str, object]] = []
    while clip is None or clip.seconds < seconds:
        fade = float(rng.uniform(*FADE_SECONDS))
        piece = _varied(library, rng, split, float(rng.uniform(1.2, 3.0)), rate_hz)
        parts.append(named(piece))
        clip = piece if clip is None else cross_fade(clip, piece, fade)
    names = "+".join(str(part["clip"]) for part in parts)
    return replace(clip, name=names, description={"parts": parts})


def _limbs(library: MotionLibrary, rng: np.random.Generator, split: str, seconds: float, rate_hz: float) -> MotionClip:
    base = _varied(library, rng, split, seconds, rate_hz)
    donor = _varied(library, rng, split, seconds, rate_hz, anywhere=True)
    return recombined(base, donor, _PARTS[int(rng.integers(len(_PARTS)))])


def _within_limits(clip: MotionClip) -> MotionClip:
    return replace(clip, rotations=human_limits().clamped(clip.rotations))


def _exactly(clip: MotionClip, seconds: float) -> MotionClip:
    """Cut or held to the frames that `seconds` need."""
    frames = round(seconds * clip.rate_hz) + 1
    order = np.minimum(np.arange(frames), len(clip) - 1)
    return replace(clip, rotations=clip.rotations[order], root_positions=clip.root_positions[order], loops=False)
