"""Which way a scan stands and roughly how: an exhaustive search over axes, facings and a grid of A- and T-poses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT, JOINT_INDEX
from body.model import BodyModel
from registration.fit.parts import skin_patches
from registration.fit.posing import PosedClip
from registration.fit.rest import RestBody
from registration.fit.state import FitState
from registration.shape.prior import coefficients_of_height

ARMS_DEG = (0.0, 25.0, 45.0, 60.0, 78.0)
"""Of the arms below the T-pose."""
LEGS_DEG = (0.0, 8.0, 16.0)
"""Of each leg outward."""
FIRST_LOOK = ((0.0, 8.0), (45.0, 8.0), (70.0, 8.0))
"""Arms and legs of the poses that choose axes and facing."""
TRUNCATED_M = 0.15
"""Distances count up to here: a wrong arm must not outvote a right body."""
POINTS, VERTICES = 1200, 700
MOVES = 3
"""Times that the body is moved by the mean offset to the nearest points before it is judged."""
KEPT_FACINGS = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Standing:
    """One way in which a scan may stand: a guess of how it turns into the world, and of the pose."""

    R_world_scan: Float[np.ndarray, "3 3"]
    """Turns the scan so that z is up and the person faces -y, as the rest body in a z-up world does."""
    rotations: Float[np.ndarray, "24 3 3"]
    transl: Float[np.ndarray, "3"]
    """Of the body in the turned scan."""
    distance_m: float
    """Mean truncated distance between scan and body, both ways."""


R_WORLD_BODY = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""From the body's axes (y up, facing +z) to a z-up world in which it faces -y."""


def candidate_ups(
    points: Float[np.ndarray, "points 3"], up: Float[np.ndarray, "3"] | None
) -> list[Float[np.ndarray, "3"]]:
    """The direction that is known; else the file's six axes and the six ends of the principal axes."""
    if up is not None:
        return [up / np.linalg.norm(up)]
    axes = np.concatenate([np.eye(3), np.linalg.svd(points - points.mean(0), full_matrices=False)[2]])
    # along every axis that a standing person may be long in
    length = np.ptp(points @ axes.T, axis=0)
    return [sign * axis for axis, extent in zip(axes, length) if extent > 0.6 * length.max() for sign in (1.0, -1.0)]


def standings(
    model: BodyModel, points: Float[np.ndarray, "points 3"], betas: int, up: Float[np.ndarray, "3"] | None = None
) -> list[Standing]:
    """Ways in which a cleaned scan, in metres, may stand; the likeliest first, then the same one facing the other way.

    up: the direction in the scan's axes, where it is known.
    """
    rng = np.random.default_rng(0)
    some = points[rng.choice(len(points), min(POINTS, len(points)), replace=False)]
    vertices = skin_patches(model, VERTICES).center
    rest = RestBody.of(model, betas, fit_child=model.child_direction is not None)
    posed: dict[tuple[float, float, float], np.ndarray] = {}
    looks: list[tuple[float, np.ndarray, float]] = []

    def at(R: np.ndarray, height: float, arms: float, legs: float) -> tuple[float, np.ndarray]:
        key = (round(height, 2), arms, legs)
        if key not in posed:
            posed[key] = _vertices(rest, coefficients_of_height(model, betas, key[0]), *key[1:])[vertices]
        return _distance(some @ R.T, posed[key])

    for way in candidate_ups(points, up):
        R_up = _turned_up(some, way)
        height = float(np.ptp(points @ way))
        for turn in range(4):
            R = Rotation.from_euler("z", 90 * turn, degrees=True).as_matrix() @ R_up
            looks.append((min(at(R, height, *pose)[0] for pose in FIRST_LOOK), R, height))
    looks.sort(key=lambda look: look[0])
    found = []
    for _, R, height in looks[:KEPT_FACINGS]:
        tried = [(*at(R, height, arms, legs), arms, legs) for arms in ARMS_DEG for legs in LEGS_DEG]
        distance, transl, arms, legs = min(tried, key=lambda one: one[0])
        one = Standing(R_world_scan=R, rotations=pose_of(arms, legs), transl=transl, distance_m=distance)
        found.append((one, arms, legs, height))
    best, arms, legs, height = min(found, key=lambda one: one[0].distance_m)
    half = Rotation.from_euler("z", 180, degrees=True).as_matrix() @ best.R_world_scan
    distance, transl = at(half, height, arms, legs)
    return [best, replace(best, R_world_scan=half, transl=transl, distance_m=distance)]


def _turned_up(points: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Rotation that takes `up` to z and the widest horizontal direction to x."""
    flat = points - np.outer(points @ up, up)
    flat = flat - np.median(flat, axis=0)
    across = np.linalg.svd(flat, full_matrices=False)[2][0]
    across = across - (across @ up) * up
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(up, across), up])


def pose_of(arms_deg: float, legs_deg: float) -> Float[np.ndarray, "24 3 3"]:
    """Rotations of a body that stands in a z-up world with its arms so far below the T-pose and its legs apart."""
    local = np.tile(np.eye(3), (JOINT_COUNT, 1, 1))
    local[0] = R_WORLD_BODY
    for side, sign in (("left", 1.0), ("right", -1.0)):
        # a quarter of the arm's fall is the collar's, as far as collars go
        collar = min(0.25 * arms_deg, 12.0)
        for joint, angle in (("collar", -collar), ("shoulder", -(arms_deg - collar)), ("hip", legs_deg)):
            turn = Rotation.from_euler("z", sign * angle, degrees=True)
            local[JOINT_INDEX[f"{side}_{joint}"]] = turn.as_matrix()
        foot = Rotation.from_euler("z", -sign * legs_deg, degrees=True)
        local[JOINT_INDEX[f"{side}_ankle"]] = foot.as_matrix()
    return local


def _vertices(
    rest: RestBody, coefficients: Float[np.ndarray, "coefficients"], arms_deg: float, legs_deg: float
) -> Float[np.ndarray, "vertices 3"]:
    """All vertices of a shape in a pose of the grid, with a translation of zero."""
    state = FitState(
        rotations=pose_of(arms_deg, legs_deg)[None],
        transl=np.zeros((1, 3)),
        betas=coefficients,
        offsets=np.zeros((0, 3)),
    )
    return PosedClip(state, rest).vertices[0]


def _distance(points: np.ndarray, body: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean truncated distance both ways after the body's soles and middle are moved to the scan's, and that move."""
    move = np.median(points, axis=0) - np.median(body, axis=0)
    move[2] = np.percentile(points[:, 2], 0.5) - body[:, 2].min()
    body = body + move
    tree = KDTree(points)
    for _ in range(MOVES):
        distance, nearest = (np.asarray(a) for a in tree.query(body, distance_upper_bound=TRUNCATED_M))
        near = np.isfinite(distance)
        if near.any():
            step = (points[nearest[near]] - body[near]).mean(0)
            body, move = body + step, move + step
    there = KDTree(body).query(points, distance_upper_bound=TRUNCATED_M)[0]
    back = tree.query(body, distance_upper_bound=TRUNCATED_M)[0]
    mean = np.minimum(there, TRUNCATED_M).mean() + np.minimum(back, TRUNCATED_M).mean()
    return float(mean) / 2, move
