"""The points of a body that a keypoint detector sees, and how well its idea of them agrees with the body's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from body.joints import JOINT_INDEX, JOINT_NAMES, PARENTS, without_side
from body.model import BodyModel
from registration.errors import RegistrationError
from registration.fit.posing import Frames, frames_of
from registration.fit.posing_kernels import skin_clip
from registration.fit.rest import RestBody
from registration.fit.state import FitState
from registration.keypoints.sets import SMPL_JOINT_OF_KEYPOINT, SMPL_VERTEX_OF_KEYPOINT

AGREEMENT_MM: Final = {
    "shoulder": (10, 15),
    "elbow": (8, 5),
    "wrist": (8, 6),
    "hip": (15, 20),
    "knee": (10, 6),
    "ankle": (8, 8),
    "heel": (12, 10),
    "foot_index": (12, 12),
    "nose": (8, 8),
    "eye": (8, 8),
    "ear": (10, 10),
    "index": (20, 20),
    "pinky": (20, 20),
    "thumb": (20, 20),
}
"""Standard deviations per axis: from frame to frame, and of the constant offset that is found for each person. The
offset differs by 5 to 15 mm between simulated clips and sides. Twice these deviations fit a real person's keypoints no
better and lower the overlap with the segmentation from 0.764 to 0.761."""

EXPECTED_OFFSET_MM: Final = {
    "shoulder": (0, 31, 0),
    "elbow": (-13, 0, 13),
    "wrist": (13, -6, 5),
    "hip": (-17, 6, 21),
    "knee": (-6, -4, 0),
    "ankle": (0, 16, 16),
    "nose": (0, 4, -14),
    "eye": (-3, 5, -13),
    "ear": (-22, 9, 20),
    "heel": (-13, 1, 24),
    "foot_index": (0, -2, -29),
    "index": (-83, 16, -26),
    "pinky": (-57, 14, 43),
    "thumb": (-29, 34, -56),
}
"""Where BlazePose's landmark is, seen from the open body's point, in the rest body's axes; of the left side, x is
turned for the right. Means over both sides of three simulated clips (walk, kick, dance; two bodies) fitted with clouds
to 2 mm; the clips differ by 10 mm (hips and feet 15 mm)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Landmarks:
    """Detector keypoints as points of a body, with the offset of each as an unknown."""

    names: tuple[str, ...]
    index: Int64[np.ndarray, "landmarks"]
    """Where each is among the detector's keypoints."""
    joint: Int64[np.ndarray, "landmarks"]
    """SMPL joint that it is, or -1 for a point of the skin."""
    points: RestBody
    """The landmarks as its vertices: joints first, with the joint whose frame their offsets turn with."""
    jitter_m: Float[np.ndarray, "landmarks"]
    offset_m: Float[np.ndarray, "landmarks 3"]
    """Expected offsets."""
    offset_sigma_m: Float[np.ndarray, "landmarks"]

    @classmethod
    def of(cls, model: BodyModel, names: Sequence[str], body: RestBody) -> Landmarks:
        """The keypoints that the body has. Raises RegistrationError when shoulders or hips are not among them.

        body: the whole model with the shape's unknowns.
        """
        joints = {n: JOINT_INDEX[j] for n, j in SMPL_JOINT_OF_KEYPOINT.items() if n in names}
        skin = {
            n: model.keypoint_vertices[v]
            for n, v in SMPL_VERTEX_OF_KEYPOINT.items()
            if n in names and v in model.keypoint_vertices
        }
        missing = [f"{s}_{p}" for p in ("shoulder", "hip") for s in ("left", "right") if f"{s}_{p}" not in joints]
        if missing:
            raise RegistrationError(f"a body cannot be fitted without the keypoints {', '.join(missing)}")
        known = [*joints, *skin]
        agreement = np.array([AGREEMENT_MM[without_side(n)] for n in known]) / 1000
        return cls(
            names=tuple(known),
            index=np.array([list(names).index(n) for n in known], np.int64),
            joint=np.array([*joints.values(), *[-1] * len(skin)], np.int64),
            points=_as_vertices(body, list(joints.values()), list(skin.values())),
            jitter_m=agreement[:, 0],
            offset_m=np.array([_expected_offset(n) for n in known], np.float64),
            offset_sigma_m=agreement[:, 1],
        )

    def __len__(self) -> int:
        return len(self.names)

    def rest(self, state: FitState) -> Float[np.ndarray, "frames landmarks 3"]:
        """Rest points with pose correctives and offsets."""
        at = self.points.shaped(state.coefficients)[None] + state.offsets
        if self.points.posedirs is None:
            return np.repeat(at, len(state), 0)
        features = (state.rotations[:, 1:] - np.eye(3)).reshape(len(state), -1)
        return at + (features @ self.points.posedirs).reshape(len(state), -1, 3)

    def positions(
        self, state: FitState, frames: Frames | None = None, rest: Float[np.ndarray, "frames landmarks 3"] | None = None
    ) -> Float[np.ndarray, "frames landmarks 3"]:
        """In the world; frames and rest where they are known already."""
        frames = frames_of(state, self.points) if frames is None else frames
        rest = self.rest(state) if rest is None else rest
        return skin_clip(rest, frames.R, frames.t, self.points.carriers, self.points.weights)

    @property
    def shared(self) -> int:
        """Number of shared unknowns: coefficients and offsets."""
        return self.points.coefficients + 3 * len(self)


def _as_vertices(body: RestBody, joints: list[int], vertices: list[int]) -> RestBody:
    """Joints and vertices of a body as the vertices of a small one."""
    K = body.carriers.shape[1]
    carriers = np.zeros((len(joints), K), np.int64)
    carriers[:, 0] = [_carrier(joint) for joint in joints]
    weights = np.zeros((len(joints), K))
    weights[:, 0] = 1
    posedirs = None
    if body.posedirs is not None:
        of_skin = body.posedirs.reshape(207, -1, 3)[:, vertices]
        posedirs = np.concatenate([np.zeros((207, len(joints), 3)), of_skin], 1).reshape(207, -1)
    return RestBody(
        template=np.concatenate([body.joints[joints], body.template[vertices]]),
        directions=np.concatenate([body.d_joints[joints], body.directions[vertices]]),
        posedirs=posedirs,
        carriers=np.concatenate([carriers, body.carriers[vertices]]),
        weights=np.concatenate([weights, body.weights[vertices]]),
        joints=body.joints,
        d_joints=body.d_joints,
        faces=np.zeros((0, 3), np.int64),
    )


def _carrier(joint: int) -> int:
    """The joint whose frame an offset turns with: hips and shoulders turn with the trunk, not the limb."""
    name = JOINT_NAMES[joint]
    return PARENTS[joint] if name.endswith(("hip", "shoulder")) else joint


def _expected_offset(name: str) -> tuple[float, float, float]:
    x, y, z = EXPECTED_OFFSET_MM.get(without_side(name), (0, 0, 0))
    return (-1e-3 * x if name.startswith("right") else 1e-3 * x, 1e-3 * y, 1e-3 * z)
