"""Where bodies start whose keypoints were not found: the point estimator looks at the person's clouds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int64

from body.joint_orientations import parent_rotations
from geometry.camera import Camera
from geometry.cloud import PointCloud
from hps.errors import HpsError
from hps.points.estimate import USABLE, BodyEstimate
from hps.points.person_cloud import PersonCloud
from hps.points.sequence import FrameBodies, smooth_bodies
from hps.points.unknowns import TURNS, pose_covariance, turned
from registration.errors import RegistrationError
from registration.fit.clip import ClipKeypoints
from registration.fit.rotations import exponential
from registration.fit.starts import BodyStart, without_trunk

OFF: Final = "off"
"""In place of a network's size: bodies never start from points."""
POINTS: Final = 4096
"""Of each cloud that are handed on; estimators thin further."""
AT_ONCE: Final = 32
"""Clouds in memory: a cloud of ten cameras has 200,000 points."""

Estimate = Callable[[Sequence[PersonCloud]], Sequence[BodyEstimate]]
"""A body for each cloud, in its frame, with a confidence: `hps.points.load().estimate_many`, or another's."""


def load_estimate(size: str, device: str = "cpu") -> Estimate:
    """The point estimator of a size that comes with the program, or of a file of weights, on torch's device.

    Raises HpsError where there are no such weights, or no such device.
    """
    from hps.points import load

    return load(size, device=device).estimate_many


@dataclass(frozen=True, kw_only=True, slots=True)
class PointStart:
    """What came of the question where bodies start."""

    start: BodyStart | None
    """None where every instant has a trunk, or nothing was found."""
    trouble: str = ""
    """Why nothing was found, where something was looked for."""


def point_start(
    keypoints: ClipKeypoints,
    clouds: Sequence[PointCloud | None],
    cameras: Sequence[Camera],
    estimate: Callable[[], Estimate],
) -> PointStart:
    """Bodies for the instants whose keypoints show no trunk, as far as their clouds give any.

    cameras: in the order in which clouds number them. estimate: called once, and only when it is needed. The bodies
    become one person's motion (docs/point_sequences.md) before a fit starts from them. Raises RegistrationError where
    no instant has a trunk and the clouds give no body either, with the reason.
    """
    blind = without_trunk(keypoints.names, keypoints.p_world)
    asked = np.array([t for t in np.flatnonzero(blind).tolist() if clouds[t] is not None], np.int64)
    if not len(asked):
        return PointStart(start=None)
    try:
        bodies, confidence, reasons = _asked(asked, clouds, cameras, estimate(), keypoints.time_us * 1e-6)
        if bodies.seen.any():
            return PointStart(start=_started(bodies, confidence, blind))
        why = f"none of {len(asked)} clouds gives a body; the first: {reasons[int(asked[0])] or 'no reason given'}"
    except HpsError as error:
        why = str(error)
    if blind.all():
        raise RegistrationError(
            f"none of {len(blind)} instants shows both shoulders and both hips, and no body was found in the points: "
            f"{why}"
        )
    return PointStart(start=None, trouble=f"bodies of instants without keypoints do not start from points: {why}")


def _asked(
    asked: Int64[np.ndarray, "some"],
    clouds: Sequence[PointCloud | None],
    cameras: Sequence[Camera],
    estimate: Estimate,
    time_s: Float[np.ndarray, "frames"],
) -> tuple[FrameBodies, Float[np.ndarray, "frames"], dict[int, str]]:
    """What the estimator says of some instants' clouds, how sure it is, and why it is not."""
    centers = np.stack([camera.center for camera in cameras]) if cameras else np.zeros((0, 3))
    found: dict[int, BodyEstimate] = {}
    for first in range(0, len(asked), AT_ONCE):
        some = asked[first : first + AT_ONCE].tolist()
        found |= dict(zip(some, estimate([person_cloud(clouds[t], centers, seed=t) for t in some]), strict=True))
    T = len(time_s)
    unknowns = next(iter(found.values())).parameter_covariance.shape[-1]
    shapes = len(next(iter(found.values())).parameters.betas)
    confidence, seen = np.zeros(T), np.zeros(T, bool)
    rotations, betas = np.full((T, TURNS // 3, 3, 3), np.nan), np.full((T, shapes), np.nan)
    child, transl, covariance = np.full(T, np.nan), np.full((T, 3), np.nan), np.full((T, unknowns, unknowns), np.nan)
    for t, body in found.items():
        p = body.parameters
        rotations[t] = exponential(np.concatenate([p.global_orient[0], p.body_pose[0]]).reshape(-1, 3))
        betas[t], child[t], transl[t] = p.betas, p.child, p.transl[0]
        covariance[t], confidence[t] = body.parameter_covariance[0], body.confidence[0]
        seen[t] = confidence[t] >= USABLE and bool(np.isfinite(transl[t]).all())
    bodies = FrameBodies(
        rotations=rotations, betas=betas, child=child, transl=transl, covariance=covariance, time_s=time_s, seen=seen,
        spread=next(iter(found.values())).spread,
    )  # fmt: skip
    return bodies, confidence, {t: "; ".join(body.reasons) for t, body in found.items()}


def person_cloud(cloud: PointCloud | None, centers: Float[np.ndarray, "cameras 3"], seed: int = 0) -> PersonCloud:
    """Some points of a person's cloud as estimators take them: in the world, whose z is up."""
    assert cloud is not None
    points = np.asarray(cloud.points, np.float64)
    camera = np.full(len(points), -1) if cloud.camera is None else np.asarray(cloud.camera, np.int64)
    if len(centers) and camera.max(initial=-1) < len(centers):
        whole = PersonCloud(points=points, camera=camera, origins=centers, up=np.array([0.0, 0.0, 1.0]))
    else:
        whole = PersonCloud.of_points(points, up=np.array([0.0, 0.0, 1.0]))
    if len(whole) <= POINTS:
        return whole
    return whole.select(np.random.default_rng(seed).choice(len(whole), POINTS, replace=False))


def _started(
    bodies: FrameBodies, confidence: Float[np.ndarray, "frames"], blind: Bool[np.ndarray, "frames"]
) -> BodyStart:
    """The motion through the estimator's bodies as the fit takes it."""
    motion = smooth_bodies(bodies, people=["one"] * len(bodies))
    known = motion.known & blind
    R = np.where(known[:, None, None, None], motion.rotations, np.eye(3))
    of_pose = np.where(known[:, None, None], pose_covariance(motion.covariance), np.eye(TURNS + 3))
    first = int(np.flatnonzero(motion.known)[0])
    return BodyStart(
        rotations=R,
        transl=motion.transl,
        betas=motion.betas[first],
        child=float(motion.child[first]),
        covariance=turned(of_pose, parent_rotations(R).swapaxes(-1, -2)),
        known=known,
        words=tuple(
            f"no trunk in the keypoints, started from its points (confidence {sure:.2f})"
            if sure >= USABLE
            else "no trunk in the keypoints, started from bodies found in the points of its neighbours"
            for sure in confidence
        ),
    )
