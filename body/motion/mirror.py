"""The same motion done by a mirrored person."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from body.joints import MIRROR
from body.motion.clip import MotionClip

_AXIAL: Final = np.array([1.0, -1.0, -1.0])
"""A reflection x -> -x keeps a rotation's part about x and reverses those about y and z."""
_POLAR: Final = np.array([-1.0, 1.0, 1.0])


def mirrored(clip: MotionClip) -> MotionClip:
    """The clip reflected at the plane x = 0: left and right change places, the path bends the other way.

    Mirroring twice gives the clip again. The name is kept, `description` says `mirrored`.
    """
    return replace(
        clip,
        rotations=clip.rotations[:, list(MIRROR)] * _AXIAL,
        root_positions=clip.root_positions * _POLAR,
        root_to_hips=clip.root_to_hips * _POLAR,
        description={**clip.description, "mirrored": not clip.description.get("mirrored", False)},
    )
