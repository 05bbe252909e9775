"""How a hand carries a flat thing through a ring of cameras: shown to each in turn, tilted, high and low."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation, Slerp

from capture.errors import CaptureError
from geometry.camera import Camera
from geometry.rigid import look_at, rigid, transform

HEIGHTS_M = (0.3, 1.8)
"""Of the thing's middle."""
MAX_TILT, MAX_ROLL = np.deg2rad(45.0), np.deg2rad(25.0)
"""From facing a camera, and about the line of sight."""
DISTANCES = (0.45, 1.25)
"""From the camera, as parts of its distance from the ring's centre."""
SIDEWAYS = 0.25
"""Deviation to the side, as a part of that distance."""
CLEARANCE_M = 0.03
"""Above the floor."""
EDGE_PX = 12
SPEED_MS, TURN_RAD_S, SHORTEST_S = 0.45, np.deg2rad(40.0), 0.8
"""Mean speed and turn between two poses, and the least time between them: slow, as one carries a board."""
TREMOR_M, TREMOR_RAD = 0.0008, np.deg2rad(0.2)
"""Deviation of a hand's tremor, assumed."""
TREMOR_HZ = (1.0, 6.0)
TRIES = 400


def points_of_view(cameras: Sequence[Camera]) -> list[Camera]:
    """The cameras of a ring in the order in which one walks past them. Raises CaptureError without any."""
    if not cameras:
        raise CaptureError("nobody to show the board to; give at least one camera")
    centre = np.mean([camera.center for camera in cameras], 0)
    return sorted(cameras, key=lambda c: float(np.arctan2(*(c.center - centre)[1::-1])))


def carry(
    cameras: Sequence[Camera],
    corners: Float[np.ndarray, "corners 3"],
    middle: Float[np.ndarray, "3"],
    vertices: Float[np.ndarray, "vertices 3"],
    times: Float[np.ndarray, "frames"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "frames 4 4"]:
    """T_world_thing at times (seconds) of a thing shown to the cameras one after another, and again.

    In its own frame the thing's shown side lies at z = 0 and is seen from -z, with y down. At each pose the camera
    whose turn it is sees all `corners`; no vertex comes nearer to the floor than CLEARANCE_M. Raises CaptureError when
    a camera cannot see the thing anywhere inside the ring.
    """
    moments, poses = [0.0], [_shown(cameras[0], corners, middle, vertices, rng)]
    while moments[-1] < times[-1] or len(poses) < 3:
        pose = _shown(cameras[len(poses) % len(cameras)], corners, middle, vertices, rng)
        turn = Rotation.from_matrix(poses[-1][:3, :3].T @ pose[:3, :3]).magnitude()
        way = np.linalg.norm(transform(pose, middle) - transform(poses[-1], middle))
        moments.append(moments[-1] + max(SHORTEST_S, float(way) / SPEED_MS, float(turn) / TURN_RAD_S))
        poses.append(pose)
    p_middle = PchipInterpolator(moments, [transform(pose, middle) for pose in poses])(times)
    turns = Slerp(moments, Rotation.from_matrix([pose[:3, :3] for pose in poses]))(_eased(np.array(moments), times))
    shake = _tremor(times, rng)
    R = (turns * Rotation.from_rotvec(TREMOR_RAD * shake[:, :3])).as_matrix()
    t = p_middle + TREMOR_M * shake[:, 3:] - R @ middle
    T = rigid(R, t)
    lowest = np.array([transform(pose, vertices)[:, 2].min() for pose in T])
    T[:, 2, 3] += np.maximum(CLEARANCE_M - lowest, 0)
    return T


def _shown(
    camera: Camera, corners: np.ndarray, middle: np.ndarray, vertices: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """A pose in which the camera sees the thing."""
    eye = camera.center
    ring_m = float(np.linalg.norm(eye[:2]))
    inward = np.append(-eye[:2] / ring_m, 0)
    for _ in range(TRIES):
        away, aside = ring_m * rng.uniform(*DISTANCES), ring_m * SIDEWAYS * rng.standard_normal()
        p = eye + away * inward + aside * np.array([-inward[1], inward[0], 0])
        p[2] = rng.uniform(*HEIGHTS_M)
        direction = rng.uniform(0, 2 * np.pi)
        tilt = MAX_TILT * np.sqrt(rng.uniform()) * np.array([np.cos(direction), np.sin(direction), 0])
        roll = Rotation.from_rotvec([0, 0, rng.uniform(-MAX_ROLL, MAX_ROLL)])
        R = look_at(eye, p)[:3, :3] @ (Rotation.from_rotvec(tilt) * roll).as_matrix()
        T = rigid(R, p - R @ middle)
        q = camera.project(transform(T, corners))
        inside = (q > EDGE_PX) & (q < np.array([camera.width, camera.height]) - EDGE_PX)
        if inside.all() and transform(T, vertices)[:, 2].min() > CLEARANCE_M:
            return T
    raise CaptureError(
        f"camera '{camera.name}' cannot see a board of {2 * middle[0]:.2f} x {2 * middle[1]:.2f} m anywhere inside the "
        "ring; make the board smaller or the ring larger"
    )


def _eased(moments: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Times that stand still at the moments, so that turns start and end softly."""
    index = np.clip(np.searchsorted(moments, times, side="right") - 1, 0, len(moments) - 2)
    start, length = moments[index], np.diff(moments)[index]
    part = np.clip((times - start) / length, 0, 1)
    return start + length * part**2 * (3 - 2 * part)


def _tremor(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(frames, 6) smooth noise of deviation 1: a sum of five sines each."""
    count = 5
    hertz, phase = rng.uniform(*TREMOR_HZ, (count, 6)), rng.uniform(0, 2 * np.pi, (count, 6))
    return np.sin(2 * np.pi * hertz * times[:, None, None] + phase).sum(1) * np.sqrt(2 / count)
