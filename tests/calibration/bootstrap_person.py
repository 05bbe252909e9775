"""A walking stick figure before a ring of cameras, and what a detector would make of it: for the bootstrap's tests."""

import numpy as np

from calibration.bootstrap.keypoints import Keypoints
from geometry.camera import Camera
from geometry.rigid import look_at

HEIGHT_M = 1.8
_JOINTS = (
    "nose left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip "
    "right_hip left_knee right_knee left_ankle right_ankle left_heel right_heel left_foot_index right_foot_index"
)
NAMES = _JOINTS.split()
# forward, to the left, up; parts of the stature (Drillis and Contini), standing
REST = {
    "nose": (0.06, 0, 0.92), "ear": (0, 0.04, 0.93), "shoulder": (0, 0.115, 0.818), "elbow": (0.02, 0.14, 0.63),
    "wrist": (0.06, 0.15, 0.485), "hip": (0, 0.06, 0.53), "knee": (0.01, 0.06, 0.285), "ankle": (0, 0.06, 0.039),
    "heel": (-0.03, 0.06, 0.014), "foot_index": (0.1, 0.06, 0.014),
}  # fmt: skip


def walk(instants, rng):
    """(instants, joints, 3): through a circle of 1 m, with swinging arms and legs."""
    t = np.linspace(0, 12, instants)
    heading = 0.8 * t
    p = np.zeros((instants, len(NAMES), 3))
    for n, name in enumerate(NAMES):
        side = -1.0 if "right" in name else 1.0
        forward, left, up = REST[name.removeprefix("left_").removeprefix("right_")]
        local = np.tile(np.array([forward, side * left, up]) * HEIGHT_M, (instants, 1))
        phase = 4 * t + (np.pi if side < 0 else 0)
        if any(word in name for word in ("elbow", "wrist")):
            _swing(local, 0.818 * HEIGHT_M, 0.9 * np.sin(phase) + 0.3)
        if any(word in name for word in ("knee", "ankle", "heel", "foot")):
            _swing(local, 0.53 * HEIGHT_M, 0.35 * np.sin(phase + np.pi))
        c, s = np.cos(heading), np.sin(heading)
        p[:, n, 0] = c * local[:, 0] - s * local[:, 1] + 0.9 * np.sin(heading)
        p[:, n, 1] = s * local[:, 0] + c * local[:, 1] - 0.9 * np.cos(heading)
        p[:, n, 2] = local[:, 2]
    p[..., 2] -= p[..., 2].min(1, keepdims=True) - 0.025  # the lower foot stands on the floor
    return p


def _swing(local, pivot, angle):
    """Turns points about an axis to the left at a height."""
    x, z = local[:, 0].copy(), local[:, 2] - pivot
    local[:, 0] = np.cos(angle) * x - np.sin(angle) * z
    local[:, 2] = np.sin(angle) * x + np.cos(angle) * z + pivot


def ring(count, rng, roll=0.0):
    """Cameras of 1280x720 on a ring of 3 m, 1.2 to 2.2 m high, with a lens that distorts."""
    cameras = {}
    for n in range(count):
        angle = 2 * np.pi * n / count + rng.uniform(-0.2, 0.2)
        eye = np.array([3 * np.cos(angle), 3 * np.sin(angle), rng.uniform(1.2, 2.2)])
        T = look_at(eye, np.array([*rng.uniform(-0.2, 0.2, 2), 0.9]))
        name = f"cam{n}/color"
        cameras[name] = Camera(
            name=name,
            K=np.array([[620.0, 0, 642], [0, 620, 355], [0, 0, 1]]),
            width=1280,
            height=720,
            distortion=np.array([0.08, -0.05, 0.0005, -0.0003, 0.01, 0, 0, 0]),
            T_world_camera=T,
        )
    return cameras


def detect(p_world, cameras, rng, *, noise_px=2.0, wrong=0.05, bias_px=0.0, flipped=()):
    """Keypoints with noise, a share of wrong ones, a bias of each joint in each camera, and cameras that for a third
    of the time take left for right."""
    T, J = p_world.shape[:2]
    q = np.stack([camera.project(p_world) for camera in cameras.values()], 1)
    q = q + noise_px * rng.standard_normal(q.shape) + bias_px * rng.standard_normal((1, *q.shape[1:]))
    bad = rng.uniform(size=q.shape[:-1]) < wrong
    q[bad] += rng.uniform(-80, 80, (int(bad.sum()), 2))
    keypoints = Keypoints(names=tuple(NAMES), cameras=tuple(cameras), q=q, confidence=np.ones((T, len(cameras), J)))
    for name in flipped:
        c = list(cameras).index(name)
        q[: T // 3, c] = q[: T // 3, c][:, keypoints.mirror]
    return keypoints


def errors(solved, true):
    """Degrees and millimetres of each camera's place in the solved world's own axes, and the ratio of sizes.

    The worlds are laid over each other by a rigid motion without scale: rotations' mean, then centres' mean.
    """
    names = list(solved)
    R_s = np.stack([solved[name].T_world_camera[:3, :3] for name in names])
    R_t = np.stack([true[name].T_world_camera[:3, :3] for name in names])
    u, _, vt = np.linalg.svd(np.einsum("nij,nkj->ik", R_t, R_s))
    turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    c_s = np.stack([solved[name].center for name in names]) @ turn.T
    c_t = np.stack([true[name].center for name in names])
    c_s, c_t = c_s - c_s.mean(0), c_t - c_t.mean(0)
    size = float((c_s * c_t).sum() / (c_s**2).sum())
    trace = np.trace(np.swapaxes(turn @ R_s, 1, 2) @ R_t, axis1=1, axis2=2)
    return np.rad2deg(np.arccos(np.clip((trace - 1) / 2, -1, 1))), 1000 * np.linalg.norm(size * c_s - c_t, axis=1), size
