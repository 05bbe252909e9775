"""Poses and places that move as people do: smoothing on rotations, with outliers weighed down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from body.joint_orientations import parent_rotations
from hps.points.sequence.bodies import FrameBodies
from hps.points.sequence.config import SequenceConfig
from hps.points.sequence.motion_noise import own_density, process_density
from hps.points.sequence.smoother import Measured, smooth
from hps.points.unknowns import TURNS, pose_covariance, turned
from registration.fit.rotations import exponential, logarithm

GROUPS: Final = (TURNS + 3) // 3
"""Of three unknowns that are believed or not together: the turns of each joint, and the translation."""

NEIGHBOURS: Final = 2
"""Frames before and after that a frame is first held against."""
SPEED: Final = 10.0
"""Of turns and places, rad/s and m/s, that explains why frames differ: a kick's, a sprinter's."""
FREELY: Final = 2.0
"""Times the usual accelerations in the first pass, which shows what this motion's own are. On fits to landmarks that
err by 30 mm, 1 / 2 / 4 leave 14.8 / 14.5 / 14.3 mm MPJPE; with 4 a frame that is lost is followed too far."""
LOST: Final = 0.3
"""First weight below which a joint starts from its neighbours."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trajectory:
    """A smooth motion."""

    rotations: Float[np.ndarray, "frames 24 3 3"]
    transl: Float[np.ndarray, "frames 3"]
    covariance: Float[np.ndarray, "frames 75 75"]
    """Of small turns of the joints about the frame's axes, then of the translation."""
    weight: Float[np.ndarray, "frames 25"]
    """How far each joint of each frame, and its translation, was believed, 0 to 1; 0 where it was not seen."""


def smooth_trajectory(bodies: FrameBodies, config: SequenceConfig) -> Trajectory:
    """The most likely motion given all frames of bodies of one shape, bridging those that were not seen.

    Rotations are smoothed in the tangent space of the motion of the pass before, in each parent's axes, with all
    correlations between joints: a shoulder and its collar err against each other. The part of the errors that lasts
    from frame to frame stays in the covariance. The rest is taken for t-distributed, joint by joint.
    """
    seen = bodies.seen
    R_parent = np.where(seen[:, None, None, None], parent_rotations(bodies.rotations), np.eye(3))
    of_pose = pose_covariance(bodies.covariance)
    told = turned(of_pose, R_parent.swapaxes(-1, -2))
    told = (1 - config.lasting) * told + 1e-10 * np.eye(TURNS + 3)
    usual = process_density(config.motion)
    density = FREELY**2 * usual
    weight = _like_neighbours(bodies, told, config.outlier_freedom)
    R, x = _bridged_rotations(bodies, weight), _bridged(bodies, weight)
    covariance, every = told, np.ones(len(bodies) - 1, bool)
    nearest = _nearest(np.flatnonzero(seen), bodies.time_s)
    for n in range(config.passes):
        measured = Measured(
            places=_apart(bodies.rotations, bodies.transl, R, x, seen),
            covariance=told / np.sqrt(weight[:, :, None] * weight[:, None, :]).repeat(3, 1).repeat(3, 2),
            seen=seen,
            time_s=bodies.time_s,
        )
        last = n == config.passes - 1
        moved = _apart(R[1:], x[1:], R[:-1], x[:-1], every)
        found = smooth(measured, density, moved, with_covariance=last)
        R = exponential(found.places[:, :TURNS].reshape(-1, TURNS // 3, 3)) @ R
        x = x + found.places[:, TURNS:]
        if last:
            assert found.covariance is not None
            covariance = found.covariance
        else:
            weight = _believed(_apart(bodies.rotations, bodies.transl, R, x, seen), told, config.outlier_freedom)
            density = own_density(_apart(R[1:], x[1:], R[:-1], x[:-1], every), bodies.time_s, usual, weight)
    lasting = config.lasting * of_pose[nearest]
    return Trajectory(
        rotations=R,
        transl=x,
        covariance=turned(covariance, parent_rotations(R)) + lasting,
        weight=np.where(seen[:, None], weight, 0.0),
    )


def _apart(
    R: np.ndarray, x: np.ndarray, R_from: np.ndarray, x_from: np.ndarray, known: Bool[np.ndarray, "frames"]
) -> Float[np.ndarray, "frames 75"]:
    """The small turns and the way from one motion to another; 0 where it is not known."""
    turn = logarithm(np.where(known[:, None, None, None], R, R_from) @ R_from.swapaxes(-1, -2))
    way = np.where(known[:, None], x - x_from, 0.0)
    return np.concatenate([turn.reshape(len(R), TURNS), way], 1)


def _believed(
    apart: Float[np.ndarray, "frames 75"], covariance: Float[np.ndarray, "frames 75 75"], freedom: float
) -> Float[np.ndarray, "frames 25"]:
    """Weights of the t-distribution, at most 1 (Lange et al. 1989)."""
    return np.minimum((freedom + 3) / (freedom + _squared(apart, covariance)), 1.0)


def _squared(
    apart: Float[np.ndarray, "frames 75"],
    covariance: Float[np.ndarray, "frames 75 75"],
    motion: float | np.ndarray = 0.0,
) -> Float[np.ndarray, "frames 25"]:
    """Squared length of each group of three in standard deviations; `motion` is a further one."""
    own = np.stack([covariance[:, i : i + 3, i : i + 3] for i in range(0, TURNS + 3, 3)], 1)
    own = own + np.reshape(motion, (-1, 1, 1, 1)) ** 2 * np.eye(3)
    away = apart.reshape(len(apart), GROUPS, 3)
    return (away * np.linalg.solve(own, away[..., None])[..., 0]).sum(-1)


def _like_neighbours(
    bodies: FrameBodies, covariance: Float[np.ndarray, "frames 75 75"], freedom: float
) -> Float[np.ndarray, "frames 25"]:
    """First weights: by the median distance from the frames around, which a frame or two that are lost do not move."""
    which = np.flatnonzero(bodies.seen)
    weight = np.ones((len(bodies), GROUPS))
    if len(which) < 3:
        return weight
    R, x, told, time = bodies.rotations[which], bodies.transl[which], covariance[which], bodies.time_s[which]
    squared = np.full((2 * NEIGHBOURS, len(which), GROUPS), np.nan)
    for k in range(1, min(NEIGHBOURS, len(which) - 1) + 1):
        a, b = slice(None, -k), slice(k, None)
        apart = _apart(R[b], x[b], R[a], x[a], np.ones(len(which) - k, bool))
        own = _squared(apart, told[a] + told[b], SPEED * (time[b] - time[a]))
        squared[2 * k - 2, k:] = squared[2 * k - 1, :-k] = own
    weight[which] = np.minimum((freedom + 3) / (freedom + np.nanmedian(squared, 0)), 1.0)
    return weight


def _bridged_rotations(
    bodies: FrameBodies, weight: Float[np.ndarray, "frames 25"]
) -> Float[np.ndarray, "frames 24 3 3"]:
    """The frames' own, and the shortest turn between neighbours where a joint was not seen or is not believed."""
    out = bodies.rotations.copy()
    for joint in range(out.shape[1]):
        good = _good(bodies, weight[:, joint])
        which = np.flatnonzero(good)
        for t in np.flatnonzero(~good):
            after = min(int(np.searchsorted(which, t)), len(which) - 1)
            a, b = which[max(after - 1, 0)], which[after]
            span = bodies.time_s[b] - bodies.time_s[a]
            share = float(np.clip((bodies.time_s[t] - bodies.time_s[a]) / span, 0, 1)) if span > 0 else 0.0
            turn = logarithm(bodies.rotations[b, joint] @ bodies.rotations[a, joint].T)
            out[t, joint] = exponential(share * turn) @ bodies.rotations[a, joint]
    return out


def _bridged(bodies: FrameBodies, weight: Float[np.ndarray, "frames 25"]) -> Float[np.ndarray, "frames 3"]:
    """The same for the translation."""
    good, time = _good(bodies, weight[:, -1]), bodies.time_s
    straight = np.stack([np.interp(time, time[good], bodies.transl[good, i]) for i in range(3)], 1)
    return np.where(good[:, None], bodies.transl, straight)


def _good(bodies: FrameBodies, weight: Float[np.ndarray, "frames"]) -> Bool[np.ndarray, "frames"]:
    good = bodies.seen & (weight > LOST)
    return good if good.any() else bodies.seen


def _nearest(which: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Of each frame: the one of `which` that is nearest in time."""
    return which[np.abs(time_s[:, None] - time_s[which]).argmin(1)]
