"""A clip of one person brought onto the floor that the soles agree on, where the camera stood still."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hps.points.fitting.body import FitBody
from hps.points.sequence import SmoothBodies
from hps.rgb.estimator import RgbClip
from hps.rgb.fitting.standing import Standing, stand_on_floor


def on_floor(body: FitBody, clip: RgbClip, time_s: Float[np.ndarray, "frames"]) -> tuple[RgbClip, Standing]:
    """The clip with its bodies moved along their rays onto their floor, and that floor, in the camera's frame.

    time_s: of all frames of the footage. `Standing`'s arrays are of the clip's frames. Raises HpsError as
    `stand_on_floor` does.
    """
    estimate = clip.clip.estimate
    p, count = estimate.parameters, len(estimate.parameters)
    turns = np.concatenate([p.global_orient, p.body_pose], 1).reshape(-1, 3)
    motion = SmoothBodies(
        rotations=Rotation.from_rotvec(turns).as_matrix().reshape(count, 24, 3, 3),
        betas=np.tile(p.betas, (count, 1)),
        child=np.full(count, p.child),
        transl=p.transl,
        covariance=estimate.parameter_covariance,
        person=np.zeros(count, np.int64),
        known=np.ones(count, bool),
        notes=("",) * count,
    )
    standing = stand_on_floor(body, motion, np.asarray(time_s, np.float64)[clip.clip.frames])
    shift = standing.motion.transl - p.transl
    moved = replace(
        estimate,
        parameters=replace(p, transl=standing.motion.transl),
        joints=estimate.joints + shift[:, None],
        landmarks=estimate.landmarks + shift[:, None],
    )
    return replace(clip, clip=replace(clip.clip, estimate=moved)), standing
