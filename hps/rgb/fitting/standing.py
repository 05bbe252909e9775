"""People of a still camera's clip on their floor: the plane that their soles agree on, and depths that it corrects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import solveh_banded

from body.joints import JOINT_INDEX
from hps.errors import HpsError
from hps.points.fitting.body import FitBody
from hps.points.fitting.skin import posed_skin
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.sequence import SmoothBodies
from registration.fit import robust

FEET: Final = tuple(JOINT_INDEX[name] for name in ("left_ankle", "right_ankle", "left_foot", "right_foot"))
SOLE_SIGMA_M: Final = 0.03
"""Standard deviation of the lowest point of a body that stands from the floor: errors of knees and ankles."""
KERNEL: Final = 2.5
"""Of Geman-McClure's cost, in standard deviations: a foot that is higher was in the air."""
UPRIGHT_SIGMA: Final = 0.15
"""Radians between the people's mean upward direction and the floor's normal: people lean into their walk."""
ACCELERATION: Final = 3.0
"""Standard deviation, m/s², of the acceleration of what depths are wrong by: they drift, and do not jump."""
LASTING_S: Final = 0.5
"""Frames nearer than this err alike: the same pose is lifted to the same wrong depth."""
ROUNDS: Final = 20
LEAST_FRAMES: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Standing:
    """A clip on its floor."""

    motion: SmoothBodies
    """Moved along the camera's rays to the pelvises; poses and shapes as before."""
    up: Float[np.ndarray, "3"]
    """Unit normal of the floor, away from it, in the camera's frame."""
    offset_m: float
    """Height of the camera over the floor: that of a point p is up @ p + offset_m."""
    height_m: Float[np.ndarray, "frames"]
    """Of the lowest point of each body's feet over the floor; NaN where there is no body."""
    stands: Bool[np.ndarray, "frames"]
    """Frames whose feet were taken to touch the floor."""
    moved_m: Float[np.ndarray, "frames"]
    """How far each was moved along its ray."""


def stand_on_floor(body: FitBody, motion: SmoothBodies, time_s: Float[np.ndarray, "frames"]) -> Standing:
    """The bodies of one person in the frame of a camera that does not move, brought onto one plane with their feet.

    One picture tells depth worst; soles on a floor tell it: 20 mm of height seen from 15° above are 80 mm of depth. The
    plane is found with the soles, so it need not be known beforehand. Nothing is said of which way is up but by the
    people: who lies or hangs in all frames is not helped, nor feet that slide along the floor. Raises HpsError for a
    clip of fewer than 5 frames with a body, or of several people.
    """
    which = np.flatnonzero(motion.known)
    if len(which) < LEAST_FRAMES:
        raise HpsError(f"{len(which)} frames with a body do not tell where the floor is; give {LEAST_FRAMES} or more")
    if len(set(motion.person[which].tolist())) > 1:
        raise HpsError("the clip shows several people; bring each onto the floor by itself")
    soles, upright = _soles(body, motion, which)
    pelvis = _pelvises(body, motion, which)
    rays = pelvis / np.linalg.norm(pelvis, axis=1, keepdims=True)
    covariance = motion.covariance[which][:, -3:, -3:]
    depth_sigma = np.sqrt(np.maximum(np.einsum("ti,tij,tj->t", rays, covariance, rays), 1e-8))
    time = np.asarray(time_s, np.float64)[which]
    share = min(1.0, float(np.median(np.diff(time))) / LASTING_S)
    up, offset = _plane(soles, rays, depth_sigma, upright, share)
    height = (soles @ up).min(1) + offset
    moved, stands = _moved(height, rays @ up, depth_sigma / np.sqrt(share), time)
    transl = motion.transl.copy()
    transl[which] += moved[:, None] * rays
    out = {"height_m": np.full(len(motion.known), np.nan), "moved_m": np.zeros(len(motion.known))}
    out["height_m"][which], out["moved_m"][which] = height + moved * (rays @ up), moved
    touching = np.zeros(len(motion.known), bool)
    touching[which] = stands
    return Standing(motion=replace(motion, transl=transl), up=up, offset_m=offset, stands=touching, **out)


def _states(motion: SmoothBodies, which: np.ndarray, body: FitBody) -> BodyStates:
    shape = np.concatenate([motion.betas[which], motion.child[which, None]], 1)[:, : body.coefficients]
    return BodyStates(rotations=motion.rotations[which], transl=motion.transl[which], coefficients=shape)


def _soles(body: FitBody, motion: SmoothBodies, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of the feet's skin, and the mean direction from the feet to the head."""
    states = _states(motion, which, body)
    frames = frames_of(states, body.points)
    part = np.asarray(body.model.weights).argmax(1)[body.skin_vertices]
    soles = posed_skin(body, states, frames).vertices[:, np.isin(part, FEET)]
    upright = (frames.joints[:, JOINT_INDEX["head"]] - soles.mean(1)).mean(0)
    return soles, upright / np.linalg.norm(upright)


def _pelvises(body: FitBody, motion: SmoothBodies, which: np.ndarray) -> Float[np.ndarray, "some 3"]:
    return frames_of(_states(motion, which, body), body.points).joints[:, 0]


def _plane(
    soles: Float[np.ndarray, "some points 3"],
    rays: Float[np.ndarray, "some 3"],
    depth_sigma: Float[np.ndarray, "some"],
    upright: Float[np.ndarray, "3"],
    share: float,
) -> tuple[Float[np.ndarray, "3"], float]:
    """Normal and offset of the plane on which the lowest points lie, feet in the air weighed down.

    share: of each frame that says something of its own.
    """
    up = upright
    offset = -float(np.median((soles @ up).min(1)))
    across = np.linalg.svd(upright[None])[2][1:]
    for _ in range(ROUNDS):
        lowest = soles[np.arange(len(soles)), (soles @ up).argmin(1)]
        variance = SOLE_SIGMA_M**2 + (rays @ up * depth_sigma) ** 2
        weight = robust.weight((lowest @ up + offset) ** 2 / variance, KERNEL) / variance
        J = np.concatenate([lowest @ across.T, np.ones((len(lowest), 1))], 1)
        weight = share * weight
        A = (weight[:, None] * J).T @ J + np.diag([1 / UPRIGHT_SIGMA**2] * 2 + [0.0])
        tilt = np.linalg.solve(A, -(weight[:, None] * J).T @ (lowest @ upright))
        normal = upright + tilt[:2] @ across
        length = float(np.linalg.norm(normal))
        up, offset = normal / length, float(tilt[2]) / length
    return up, offset


def _moved(
    height: Float[np.ndarray, "some"],
    rise: Float[np.ndarray, "some"],
    depth_sigma: Float[np.ndarray, "some"],
    time_s: Float[np.ndarray, "some"],
) -> tuple[Float[np.ndarray, "some"], Bool[np.ndarray, "some"]]:
    """How far along their rays bodies move, smoothly, for their feet to be on the floor; rise: of a ray, per metre."""
    T = len(height)
    moved = np.zeros(T)
    weight = np.zeros(T)
    for _ in range(ROUNDS):
        left = (height + rise * moved) / SOLE_SIGMA_M
        weight = robust.weight(left**2, KERNEL)
        bands = np.zeros((3, T))
        bands[0] = 1 / depth_sigma**2 + weight * (rise / SOLE_SIGMA_M) ** 2
        _add_smoothness(bands, time_s)
        moved = solveh_banded(bands, -weight * rise * height / SOLE_SIGMA_M**2, lower=True)
    return moved, weight > 0.25


def _add_smoothness(bands: Float[np.ndarray, "3 some"], time_s: Float[np.ndarray, "some"]) -> None:
    """Second differences, in the lower bands of a symmetric matrix."""
    for t in range(1, len(time_s) - 1):
        before, after = time_s[t] - time_s[t - 1], time_s[t + 1] - time_s[t]
        row = 2 / (before + after) * np.array([1 / before, -1 / before - 1 / after, 1 / after])
        for i in range(3):
            for k in range(i + 1):
                bands[i - k, t - 1 + k] += row[i] * row[k] / ACCELERATION**2
