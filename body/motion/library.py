"""The motions a simulated person can do: whole clips by name, and any number of new ones made from them."""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from body.errors import BodyError
from body.motion.climb import FLOOR_FRAMES, IK_VERSION, read_climb
from body.motion.clip import MotionClip
from body.motion.clip_file import read_clip, write_clip
from body.motion.deepmimic import read_deepmimic
from body.motion.mean_body import mean_body
from body.motion.on_the_spot import on_the_spot, room_m
from body.motion.pose_prior import PosePrior, fit_pose_prior
from body.motion.recipes import draw_recipe
from body.motion.resample import cut
from body.motion.self_penetration import PenetrationCheck
from body.motion.splits import Split, check_split, split_of

_ATTEMPTS: Final = 4
"""Draws of one motion before one that still penetrates is given."""

_TRIES_FOR_ROOM: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryEntry:
    """One source clip."""

    name: str
    load: Callable[[], MotionClip]
    """Reads the clip; called once, when it is first asked for."""
    split: Split
    on_boxes: bool = False
    """The person climbs on things that are not there: not for a flat floor as it is, only parts of it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MotionLibrary:
    """Source clips by name, and what can be drawn from them."""

    entries: Mapping[str, LibraryEntry]
    _loaded: dict[str, MotionClip] = field(default_factory=dict, repr=False)
    _priors: list[PosePrior] = field(default_factory=list, repr=False)

    @classmethod
    def of_files(
        cls, deepmimic: Mapping[str, Path], climbs: Mapping[str, Path] | None = None, cache: Path | None = None
    ) -> MotionLibrary:
        """The library of DeepMimic files and climbing takes by clip name; nothing is read yet.

        A take is one entry on boxes, and one more for each stretch on the floor: `climb_0_floor_0`. Reading a take
        needs inverse kinematics, about 5 s; with `cache`, a folder, only once.
        """
        entries = [
            LibraryEntry(name=name, load=lambda path=path: read_deepmimic(path), split=split_of(name))
            for name, path in deepmimic.items()
        ]
        for name, path in (climbs or {}).items():
            take = functools.cache(functools.partial(_climb, path, name, cache))
            entries.append(LibraryEntry(name=name, load=take, split=split_of(name), on_boxes=True))
            entries += [
                LibraryEntry(
                    name=f"{name}_floor_{index}",
                    load=lambda take=take, frames=frames: cut(take(), *frames),
                    split=split_of(name),
                )
                for index, frames in enumerate(FLOOR_FRAMES.get(name, ()))
            ]
        return cls(entries={entry.name: entry for entry in entries})

    @classmethod
    def of_clips(cls, clips: Mapping[str, MotionClip], splits: Mapping[str, Split] | None = None) -> MotionLibrary:
        """The library of clips in memory; `splits` overrides the table of splits.py."""
        entries = {
            name: LibraryEntry(name=name, load=lambda clip=clip: clip, split=(splits or {}).get(name, split_of(name)))
            for name, clip in clips.items()
        }
        return cls(entries=entries)

    def names(self, split: str | None = None, on_boxes: bool | None = None) -> list[str]:
        """Names of all source clips, sorted; only those of a split, only those on boxes or on the floor."""
        if split is not None:
            check_split(split)
        return sorted(
            name
            for name, entry in self.entries.items()
            if split in (None, entry.split) and on_boxes in (None, entry.on_boxes)
        )

    def __iter__(self) -> Iterator[str]:
        """Names of all source clips, sorted."""
        return iter(self.names())

    def clip(self, name: str) -> MotionClip:
        """One source clip as it is. Raises BodyError, with the names there are, for another name."""
        if name not in self.entries:
            near = difflib.get_close_matches(name, self.entries, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise BodyError(f"there is no clip {name!r}; {hint}the clips are: {', '.join(self) or 'none'}")
        if name not in self._loaded:
            self._loaded[name] = replace(self.entries[name].load(), name=name)
        return self._loaded[name]

    def pose_prior(self) -> PosePrior:
        """The prior of the poses of the training clips on the floor; fitted once."""
        if not self._priors:
            self._priors.append(fit_pose_prior([self.clip(name) for name in self.names("train", on_boxes=False)]))
        return self._priors[0]

    def draw(
        self,
        rng: np.random.Generator,
        split: str,
        seconds: float,
        rate_hz: float,
        recipe: str | None = None,
        within_m: float | None = None,
    ) -> MotionClip:
        """A new motion of `seconds` at `rate_hz`, made only from clips of the split.

        recipe: "clip" (one clip, mirrored or not, at another pace), "sequence" (clips that run into each other),
        "limbs" (the upper body or arms of one clip on another), "poses" (from one pose of the prior to the next, only
        for "train"); None draws one. What was done is in
        `MotionClip.description`. Joints of made motions stay within human limits. Limbs that go through the body are
        turned out (self_penetration.py, for the mean open body); a motion for which that fails is drawn anew, and
        `penetrating` in the description is the share of frames that still do.

        within_m: the motion stays on its spot, for people side by side: its travel is taken out, and on the mean body
        no joint gets farther than this from the middle of the pelvis' path; motions that need more room are drawn anew.

        Raises BodyError for an unknown split or recipe, a length or rate that is not positive, a split without clips,
        or when no motion was found that stays within `within_m`.
        """
        check_split(split)
        if not (seconds > 0 and rate_hz > 0):
            raise BodyError(f"cannot draw a motion of {seconds} s at {rate_hz} Hz; give values above 0")
        if not self.names(split):
            raise BodyError(f"the motion library has no clip for {split}; it has: {', '.join(self) or 'none'}")
        check = _penetration_check()
        best: tuple[float, MotionClip] | None = None
        for _ in range(_ATTEMPTS):
            clip, report = check.repaired(self._small_enough(rng, split, seconds, rate_hz, recipe, within_m))
            if best is None or report.remaining < best[0]:
                best = report.remaining, clip
            if best[0] == 0:
                break
        assert best is not None
        return replace(best[1], description={**best[1].description, "split": split})

    def _small_enough(
        self,
        rng: np.random.Generator,
        split: str,
        seconds: float,
        rate_hz: float,
        recipe: str | None,
        within_m: float | None,
    ) -> MotionClip:
        if within_m is None:
            return draw_recipe(self, rng, split, seconds, rate_hz, recipe)
        least = np.inf
        for _ in range(_TRIES_FOR_ROOM):
            clip = on_the_spot(draw_recipe(self, rng, split, seconds, rate_hz, recipe))
            if (room := room_m(clip, mean_body())) <= within_m:
                return clip
            least = min(least, room)
        raise BodyError(
            f"no motion of {seconds} s for {split} stays within {within_m} m: the smallest of {_TRIES_FOR_ROOM} needs "
            f"{least:.2f} m; give more room or a shorter time"
        )


@functools.cache
def _penetration_check() -> PenetrationCheck:
    return PenetrationCheck(mean_body())


def _climb(path: Path, name: str, cache: Path | None) -> MotionClip:
    if cache is None:
        return read_climb(path, name)
    try:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise BodyError(f"climbing take {path} cannot be read: {error.strerror}; check the path") from error
    kept = cache / f"{name}_{digest}_v{IK_VERSION}.npz"
    if kept.is_file():
        return read_clip(kept)
    clip = read_climb(path, name)
    write_clip(kept, clip)
    return clip
