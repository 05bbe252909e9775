"""The motion library with every clip that the package index offers, fetched once."""

from __future__ import annotations

from collections.abc import Callable

from body.motion.library import MotionLibrary
from humanrig.wheel_assets import climb_takes, deepmimic_clips
from humanrig.wheel_files import cache_folder


def motion_library(on_progress: Callable[[int, int], None] | None = None, *, climbs: bool = True) -> MotionLibrary:
    """All source clips by name; without `climbs` only DeepMimic's, which saves a download of 102 MB.

    Climbing takes are put on the body's joints when they are first used (5 s each) and kept in the cache. Raises
    HumanrigError when files cannot be fetched.
    """
    return MotionLibrary.of_files(
        deepmimic_clips(on_progress),
        climb_takes(on_progress) if climbs else None,
        cache=cache_folder() / "humanrig-motions",
    )
