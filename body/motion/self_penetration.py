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
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.posed_skin import posed_skin
from body.motion.skeleton import joint_transforms
from body.motion.skin_depth import Balls, deepest_point

CONTACT_M: Final = 0.012
"""Skin and flesh give way that much where people touch themselves. Assumed."""
_TRUNK: Final = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_ROUNDS: Final = 8
_LARGEST_STEP_RAD: Final = 0.25
_SMOOTH_SECONDS: Final = 0.12
_ONWARDS: Final = 2.0
"""A leg that has to pass the other one turns by more than its depth asks. Assumed."""
_HIPS: Final = frozenset({JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]})


def _in_the_way() -> Mapping[int, tuple[int, frozenset[int]]]:
    """For each moving part: the joint that is turned to get it out, and the parts that are in its way."""
    found: dict[str, tuple[str, set[str]]] = {}
    legs = {f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle")}
    for side, other in (("left", "right"), ("right", "left")):
        shoulder, hip = f"{side}_shoulder", f"{side}_hip"
        other_arm = {f"{other}_{part}" for part in ("shoulder", "elbow", "wrist")}
        other_leg = {f"{other}_{part}" for part in ("hip", "knee", "ankle")}
        for limb in ("elbow", "wrist"):
            found[f"{side}_{limb}"] = shoulder, {*_TRUNK, *legs, *other_arm}
        found[shoulder] = shoulder, {"pelvis", "spine1", "spine2", "head"}
        found[hip] = hip, other_leg
        for limb in ("knee", "ankle"):
            found[f"{side}_{limb}"] = hip, {*other_leg, "pelvis", "spine3", "head"}
    return {
        JOINT_INDEX[part]: (JOINT_INDEX[turned], frozenset(JOINT_INDEX[name] for name in others))
        for part, (turned, others) in found.items()
    }


_IN_THE_WAY: Final = _in_the_way()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PenetrationReport:
    """Depth of the deepest point of each frame, metres, beyond skin contact."""

    before_m: Float[np.ndarray, "frames"]
    after_m: Float[np.ndarray, "frames"]

    @property
    def remaining(self) -> float:
        """Share of frames that still penetrate by more than skin contact."""
        return float((self.after_m > 0).mean())


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Found:
    """The deepest point of one part in each frame, the pelvis at the origin."""

    depth_m: Float[np.ndarray, "frames"]
    """Beyond contact."""
    p: Float[np.ndarray, "frames 3"]
    way_out: Float[np.ndarray, "frames 3"]


class PenetrationCheck:
    """Self-penetration of one body shape."""

    def __init__(self, model: BodyModel, betas: Float[np.ndarray, "shapes"] | None = None) -> None:
        """Raises BodyError for betas that the model lacks."""
        self._skin = posed_skin(model, betas)
        self._allowed = {part: np.isin(np.arange(24), list(others)) for part, (_, others) in _IN_THE_WAY.items()}
        self._rim = {part: np.any(self._skin.borders[:, ~allowed], axis=1) for part, allowed in self._allowed.items()}

    def depth(self, rotations: Float[np.ndarray, "frames 24 3"]) -> Float[np.ndarray, "frames"]:
        """Deepest penetration of each frame beyond skin contact, metres.

        Arms and legs against trunk, head and each other; parts that share a joint are not tried, nor are armpits and
        the crotch.
        """
        Rs, joints = joint_transforms(rotations, self._skin.joints)
        return np.max([found.depth_m for found in self._deepest(Rs, joints).values()], axis=0)

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
            sofar = np.zeros_like(rotations)
            for _ in range(_ROUNDS):
                turn = self._way_out(rotations, sofar)
                if not turn:
                    break
                rotations = rotations.copy()
                for joint, vectors in turn.items():
                    smooth = _spread(vectors, clip.rate_hz)
                    sofar[:, joint] += smooth
                    moved = Rotation.from_rotvec(smooth) * Rotation.from_rotvec(rotations[:, joint])
                    turned = (smooth**2).sum(-1) > 1e-18
                    rotations[:, joint] = np.where(turned[:, None], moved.as_rotvec(), rotations[:, joint])
                touched = sorted(turn)
                rotations[:, touched] = limits.clamped(rotations)[:, touched]
            after = self.depth(rotations)
        report = PenetrationReport(before_m=before, after_m=after)
        description = {**clip.description, "penetrating": round(report.remaining, 4)}
        return replace(clip, rotations=rotations, description=description), report

    def _way_out(self, rotations: np.ndarray, before: np.ndarray) -> Mapping[int, np.ndarray]:
        """For each joint that should turn: a small rotation of each frame, in its parent's axes.

        before: turns of earlier rounds. A leg that left to one side keeps to it: of crossed legs the thighs are out
        on one side and the shins on the other.
        """
        Rs, joints = joint_transforms(rotations, self._skin.joints)
        total: dict[int, np.ndarray] = {}
        for moving, found in self._deepest(Rs, joints).items():
            if not found.depth_m.any():
                continue
            turned = _IN_THE_WAY[moving][0]
            axis = np.cross(found.p - joints[:, turned], found.way_out)
            reach = np.maximum((axis**2).sum(-1), 0.1**2)
            vector = axis * ((found.depth_m + 0.002 * (found.depth_m > 0)) / reach)[:, None]
            length = np.linalg.norm(vector, axis=-1, keepdims=True)
            vector *= np.minimum(1.0, _LARGEST_STEP_RAD / np.maximum(length, 1e-9))
            R_parent = Rs[:, PARENTS[turned]]
            local: np.ndarray = (R_parent.transpose(0, 2, 1) @ vector[..., None])[..., 0]
            sofar = total[turned] if turned in total else np.zeros_like(local)
            larger = (local**2).sum(-1) > (sofar**2).sum(-1)
            total[turned] = np.where(larger[:, None], local, sofar)
        for joint in _HIPS & total.keys():
            turn = total[joint]
            went = before[:, joint]
            length = np.linalg.norm(turn, axis=-1, keepdims=True)
            onwards = _ONWARDS * length * went / np.maximum(np.linalg.norm(went, axis=-1, keepdims=True), 1e-12)
            total[joint] = np.where((turn * went).sum(-1, keepdims=True) < 0, onwards, turn)
        return total

    def _deepest(self, Rs: np.ndarray, joints: np.ndarray) -> Mapping[int, _Found]:
        """By moving part."""
        skin, normals = self._skin.at(Rs, joints)
        balls = Balls.around(skin, self._skin.starts)
        frames = np.arange(len(Rs))
        every = {}
        for part in _IN_THE_WAY:
            probes = self._skin.probes[part]
            allowed, rim = self._allowed[part][self._skin.parts], self._rim[part]
            depth, which, at = deepest_point(skin[:, probes], skin, normals, self._skin.starts, allowed, rim, balls)
            p = skin[frames, probes[which]]
            every[part] = _Found(depth_m=np.maximum(depth - CONTACT_M, 0.0), p=p, way_out=normals[frames, at])
        return every


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
