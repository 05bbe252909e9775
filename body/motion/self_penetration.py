"""Find limbs that go through the body, and move them out by turning shoulders and hips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from body.joints import JOINT_INDEX, PARENTS
from body.model import BodyModel
from body.motion.body_parts import BodyPart, body_parts
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.skeleton import joint_transforms

CONTACT_M: Final = 0.012
"""Skin and flesh give way that much where people touch themselves. Assumed."""
_TRUNK: Final = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_ROUNDS: Final = 8
_LARGEST_STEP_RAD: Final = 0.25
_SMOOTH_SECONDS: Final = 0.12


def _pairs() -> tuple[tuple[int, int, int], ...]:
    """(moving part, part that is in its way, joint that is turned to get it out)."""
    found: list[tuple[str, str, str]] = []
    for side, other in (("left", "right"), ("right", "left")):
        shoulder, hip = f"{side}_shoulder", f"{side}_hip"
        legs = [f"{s}_{part}" for s in ("left", "right") for part in ("hip", "knee", "ankle")]
        for limb in ("elbow", "wrist"):
            found += [(f"{side}_{limb}", part, shoulder) for part in (*_TRUNK, *legs)]
            found += [(f"{side}_{limb}", f"{other}_{part}", shoulder) for part in ("shoulder", "elbow", "wrist")]
        found += [(shoulder, part, shoulder) for part in ("pelvis", "spine1", "spine2", "head")]
        for limb in ("hip", "knee", "ankle"):
            found += [(f"{side}_{limb}", f"{other}_{part}", hip) for part in ("hip", "knee", "ankle")]
        found += [(f"{side}_{limb}", part, hip) for limb in ("knee", "ankle") for part in ("pelvis", "spine3", "head")]
    return tuple((JOINT_INDEX[a], JOINT_INDEX[b], JOINT_INDEX[c]) for a, b, c in found)


_PAIRS: Final = _pairs()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PenetrationReport:
    """Depth of the deepest point of each frame, metres, beyond skin contact."""

    before_m: Float[np.ndarray, "frames"]
    after_m: Float[np.ndarray, "frames"]

    @property
    def remaining(self) -> float:
        """Share of frames that still penetrate by more than skin contact."""
        return float((self.after_m > 0).mean())


class PenetrationCheck:
    """Self-penetration of one body shape."""

    def __init__(self, model: BodyModel, betas: Float[np.ndarray, "shapes"] | None = None) -> None:
        """Raises BodyError for betas that the model lacks."""
        self._parts: dict[int, BodyPart] = body_parts(model, betas)
        self._rest = model.rest_joints(betas)

    def depth(self, rotations: Float[np.ndarray, "frames 24 3"]) -> Float[np.ndarray, "frames"]:
        """Deepest penetration of each frame beyond skin contact, metres.

        Arms and legs against trunk, head and each other; parts that share a joint are not tried, nor are armpits and
        the crotch.
        """
        deepest = np.zeros(len(rotations))
        Rs, joints = joint_transforms(rotations, self._rest)
        for moving, blocking, _ in _PAIRS:
            depth, _, _ = self._deepest(Rs, joints, moving, blocking)
            deepest = np.maximum(deepest, depth)
        return deepest

    def repaired(self, clip: MotionClip) -> tuple[MotionClip, PenetrationReport]:
        """The clip with arms and legs turned out of the body, smoothly over time and within human limits.

        What is deeper than a turn of shoulder or hip can mend stays; the report says so, and `description` has the
        share of frames under `penetrating`.
        """
        limits = human_limits()
        rotations = clip.rotations
        before = self.depth(rotations)
        after = before
        if before.any():
            for _ in range(_ROUNDS):
                turn = self._way_out(rotations)
                if not turn:
                    break
                rotations = rotations.copy()
                for joint, vectors in turn.items():
                    smooth = _spread(vectors, clip.rate_hz)
                    moved = Rotation.from_rotvec(smooth) * Rotation.from_rotvec(rotations[:, joint])
                    turned = (smooth**2).sum(-1) > 1e-18
                    rotations[:, joint] = np.where(turned[:, None], moved.as_rotvec(), rotations[:, joint])
                touched = sorted(turn)
                rotations[:, touched] = limits.clamped(rotations)[:, touched]
            after = self.depth(rotations)
        report = PenetrationReport(before_m=before, after_m=after)
        description = {**clip.description, "penetrating": round(report.remaining, 4)}
        return replace(clip, rotations=rotations, description=description), report

    def _way_out(self, rotations: np.ndarray) -> Mapping[int, np.ndarray]:
        """For each joint that should turn: a small rotation of each frame, in its parent's axes."""
        Rs, joints = joint_transforms(rotations, self._rest)
        total: dict[int, np.ndarray] = {}
        for moving, blocking, turned in _PAIRS:
            depth, point, outward = self._deepest(Rs, joints, moving, blocking)
            if not depth.any():
                continue
            lever = point - joints[:, turned]
            axis = np.cross(lever, outward)
            reach = np.maximum((axis**2).sum(-1), 0.1**2)
            vector = axis * ((depth + 0.002 * (depth > 0)) / reach)[:, None]
            length = np.linalg.norm(vector, axis=-1, keepdims=True)
            vector *= np.minimum(1.0, _LARGEST_STEP_RAD / np.maximum(length, 1e-9))
            R_parent = Rs[:, PARENTS[turned]]
            local: np.ndarray = (R_parent.transpose(0, 2, 1) @ vector[..., None])[..., 0]
            sofar = total[turned] if turned in total else np.zeros_like(local)
            larger = (local**2).sum(-1) > (sofar**2).sum(-1)
            total[turned] = np.where(larger[:, None], local, sofar)
        return total

    def _deepest(
        self, Rs: np.ndarray, joints: np.ndarray, moving: int, blocking: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Depth beyond contact of each frame's deepest probe, its position, and the way out; pelvis at the origin."""
        frames = len(Rs)
        depth, point, outward = np.zeros(frames), np.zeros((frames, 3)), np.zeros((frames, 3))
        if moving not in self._parts or blocking not in self._parts:
            return depth, point, outward
        part, other = self._parts[moving], self._parts[blocking]
        reach = np.linalg.norm(part.points, axis=-1).max() + np.linalg.norm(other.points, axis=-1).max()
        close = np.flatnonzero(((joints[:, moving] - joints[:, blocking]) ** 2).sum(-1) < reach**2)
        if not len(close):
            return depth, point, outward
        p_world = part.probes @ Rs[close, moving].transpose(0, 2, 1) + joints[close, moving][:, None]
        p_other = (p_world - joints[close, blocking][:, None]) @ Rs[close, blocking]
        deep, normal = other.depth(p_other.reshape(-1, 3))
        deep = deep.reshape(len(close), -1)
        worst = deep.argmax(1)
        rows = np.arange(len(close))
        depth[close] = np.maximum(deep[rows, worst] - CONTACT_M, 0.0)
        point[close] = p_world[rows, worst]
        chosen = normal.reshape(len(close), -1, 3)[rows, worst]
        outward[close] = np.einsum("fij,fj->fi", Rs[close, blocking], chosen)
        return depth, point, outward


def _spread(vectors: np.ndarray, rate_hz: float) -> np.ndarray:
    """The turns, spread over their neighbours in time so that the limb makes way in time and without a jerk."""
    if len(vectors) < 3:
        return vectors
    sigma = _SMOOTH_SECONDS * rate_hz
    length = np.linalg.norm(vectors, axis=-1)
    wide = maximum_filter1d(length, 2 * max(1, round(sigma)) + 1, mode="nearest")
    wide = gaussian_filter1d(wide, sigma, mode="nearest")
    way = gaussian_filter1d(vectors, sigma, axis=0, mode="nearest")
    way /= np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-12)
    return way * wide[:, None]
