"""The points of a body that a keypoint detector sees, and how well its idea of them agrees with the body's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from body.joints import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS
from body.model import BodyModel
from body.skinning import Skinning
from registration.errors import RegistrationError
from registration.fit.jacobian import blended, derivative_rows
from registration.fit.state import FRAME_SIZE, FitState, Frames
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Landmarks:
    """Detector keypoints as points of a body, with the offset of each as an unknown."""

    names: tuple[str, ...]
    index: Int64[np.ndarray, "landmarks"]
    """Where each is among the detector's keypoints."""
    joint: Int64[np.ndarray, "landmarks"]
    """SMPL joint that it is, or -1 for a point of the skin."""
    skinning: Skinning
    """Of the vertices of the skin points."""
    on_skin: Int64[np.ndarray, "skin"]
    """Landmarks that are vertices, in the order of `skinning`."""
    weights: Float[Tensor, "landmarks 24"]
    directions: Float[Tensor, "landmarks 3 shapes"]
    jitter_m: Float[Tensor, "landmarks"]
    offset_m: Float[Tensor, "landmarks 3"]
    """Expected offsets."""
    offset_sigma_m: Float[Tensor, "landmarks"]

    @classmethod
    def of(cls, model: BodyModel, names: Sequence[str], d_rest: Float[Tensor, "24 3 shapes"]) -> Landmarks:
        """The keypoints that the body has. Raises RegistrationError when shoulders or hips are not among them."""
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
        vertices = np.array(list(skin.values()), np.int64)
        shapes = d_rest.shape[2]
        weights = torch.zeros(len(known), JOINT_COUNT, dtype=torch.float64)
        weights[range(len(joints)), [_carrier(joint) for joint in joints.values()]] = 1
        weights[len(joints) :] = torch.tensor(model.weights[vertices], dtype=torch.float64)
        skin_directions = torch.tensor(model.shapedirs[vertices][..., :shapes], dtype=torch.float64)
        agreement = torch.tensor([AGREEMENT_MM[_kind(n)] for n in known], dtype=torch.float64) / 1000
        return cls(
            names=tuple(known),
            index=np.array([list(names).index(n) for n in known], np.int64),
            joint=np.array([*joints.values(), *[-1] * len(skin)], np.int64),
            skinning=Skinning(model, torch.float64, vertex_subset=vertices),
            on_skin=np.arange(len(joints), len(known), dtype=np.int64),
            weights=weights,
            directions=torch.cat([d_rest[list(joints.values())], skin_directions]),
            jitter_m=agreement[:, 0],
            offset_m=torch.tensor([_expected_offset(n) for n in known], dtype=torch.float64),
            offset_sigma_m=agreement[:, 1],
        )

    def __len__(self) -> int:
        return len(self.names)

    def rest(self, state: FitState, frames: Frames, skin: Float[Tensor, "frames skin 3"]) -> Tensor:
        """(frames, landmarks, 3) rest points with offsets; `skin` are the rest vertices of the skin points."""
        of_joints = (frames.R.transpose(2, 3) @ (frames.joints - frames.t)[..., None])[..., 0]
        joints = of_joints[:, self.joint[self.joint >= 0]]
        return torch.cat([joints, skin], 1) + state.offsets

    def positions(self, frames: Frames, rest: Float[Tensor, "frames landmarks 3"]) -> Tensor:
        """(frames, landmarks, 3) in the world."""
        R = blended(frames, self.weights[None])
        return (R @ rest[..., None])[..., 0] + torch.einsum("nk,tki->tni", self.weights, frames.t)

    def rows(self, frames: Frames, rest: Float[Tensor, "frames landmarks 3"]) -> Tensor:
        """(frames, landmarks, 3, unknowns): derivative of each position in the frame's and all shared unknowns."""
        T, N = rest.shape[:2]
        axes = torch.eye(3, dtype=torch.float64).expand(T, N, 3, 3)
        body = derivative_rows(frames, rest, self.weights[None], self.directions[None], axes)
        R = blended(frames, self.weights[None])
        offsets = torch.zeros(T, N, 3, N, 3, dtype=torch.float64)
        offsets[:, range(N), :, range(N)] = R.transpose(0, 1)
        return torch.cat([body, offsets.flatten(3)], -1)

    @property
    def shared(self) -> int:
        """Number of shared unknowns: betas and offsets."""
        return self.directions.shape[2] + 3 * len(self)


def shared_rows(rows: Tensor, shapes: int) -> Tensor:
    """The part of `Landmarks.rows` that belongs to a frame's unknowns and the betas."""
    return rows[..., : FRAME_SIZE + shapes]


def _carrier(joint: int) -> int:
    """The joint whose frame an offset turns with: hips and shoulders turn with the trunk, not the limb."""
    name = JOINT_NAMES[joint]
    return PARENTS[joint] if name.endswith(("hip", "shoulder")) else joint


def _kind(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")


def _expected_offset(name: str) -> tuple[float, float, float]:
    x, y, z = EXPECTED_OFFSET_MM.get(_kind(name), (0, 0, 0))
    return (-1e-3 * x if name.startswith("right") else 1e-3 * x, 1e-3 * y, 1e-3 * z)
