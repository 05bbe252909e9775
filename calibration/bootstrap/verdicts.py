"""What can be said, in words, of a rig that was solved from keypoints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from calibration.bootstrap.metric import Scale
from calibration.bootstrap.start import Start
from calibration.bootstrap.upright import Upright
from calibration.pose_covariance import PoseCovariance
from calibration.rig import Verdict
from geometry.camera import Camera

DOUBTFUL_RAD, DOUBTFUL_PART = float(np.deg2rad(1.0)), 0.03
"""Beyond it a camera is not good for a reconstruction; the part is of its distance to the person."""
LEAST_MOTION_M = 0.5
"""A person who stays within less says little of how cameras stand that look at the same side of it."""


def verdicts_on(
    cameras: tuple[str, ...],
    start: Start,
    poses: PoseCovariance,
    calibrated: Mapping[str, Camera],
    residual_px: Mapping[str, float],
    unsolved: Mapping[str, str],
    scale: Scale,
    turned: Upright,
    p_world: Float[np.ndarray, "instants joints 3"],
) -> tuple[Verdict, ...]:
    """Of each camera, and of the rig as a whole."""
    middle = np.nanmedian(p_world.reshape(-1, 3), 0)
    verdicts = [
        Verdict(subject=name, good=False, text=f"not solved: {reason}; let the person be seen with it by a third")
        for name, reason in unsolved.items()
    ]
    for name in poses.cameras:
        matrix = poses.of(name)
        turn = float(np.sqrt(np.trace(matrix[:3, :3])))
        shift = float(np.sqrt(np.trace(matrix[3:, 3:])))
        away = float(np.linalg.norm(calibrated[name].center - middle))
        good = turn < DOUBTFUL_RAD and shift < DOUBTFUL_PART * away
        text = f"{np.rad2deg(turn):.2f} degrees, {1000 * shift:.0f} mm, {residual_px[name]:.1f} px from the joints"
        if not good:
            weak = _weakest(cameras, start, name)
            text += f", weakly tied{f' to {weak}' if weak else ''}: let the person walk through the whole volume"
        verdicts.append(Verdict(subject=name, good=good, text=text))
    with np.errstate(invalid="ignore"):
        trunk = np.nanmedian(p_world, 1)
    reach = float(np.linalg.norm(np.nanmax(trunk, 0) - np.nanmin(trunk, 0)))
    verdicts.append(
        Verdict(
            subject="rig",
            good=reach >= LEAST_MOTION_M,
            text=f"the person moved over {reach:.1f} m"
            + ("" if reach >= LEAST_MOTION_M else ": a walk through the volume ties the cameras better"),
        )
    )
    verdicts.append(
        Verdict(subject="rig", good=True, text=f"scale from {scale.text}, {100 * scale.sigma:.1f} %; {turned.text}")
    )
    shift = np.median([1000 * poses.center_sigma_m(name) for name in poses.cameras])
    verdicts.append(
        Verdict(
            subject="rig",
            good=False,
            text=f"placed by a person, cameras within {shift:.0f} mm: enough to fit a body to keypoints, too coarse to "
            "fuse clouds and textures; a board gives a millimetre",
        )
    )
    return tuple(verdicts)


def _weakest(cameras: tuple[str, ...], start: Start, name: str) -> str:
    """The camera at the other end of its weakest branch of the tree."""
    c = cameras.index(name)
    strength = {frozenset((pair.a, pair.b)): pair.strength for pair in start.pairs}
    ends = [(strength.get(frozenset(edge), 0.0), edge) for edge in start.tree if c in edge]
    if not ends:
        return ""
    a, b = min(ends)[1]
    return cameras[b if a == c else a]
