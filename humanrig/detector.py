"""The 2D detector that the program uses: BlazePose with the weights from the cache, or from the package index."""

from __future__ import annotations

from collections.abc import Callable

from humanrig import wheel_assets
from registration.detector import Detector


def default_detector(on_progress: Callable[[int, int], None] | None = None) -> Detector:
    """BlazePose with its full landmark network; weights are fetched on first use.

    Raises HumanrigError when they cannot be fetched.
    """
    from registration.blazepose import BlazePose

    return BlazePose(*wheel_assets.blazepose_weights(on_progress=on_progress))
