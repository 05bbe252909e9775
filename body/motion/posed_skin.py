"""A thinned skin of the body that moves with the joints, in small cells, and probes on its limbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Float32, Integer

from body.joints import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS
from body.model import BodyModel

_POINTS: Final = 240
"""Most points of a part: about 17 mm apart on a thigh."""
_CELL: Final = 16
"""Most points of a cell."""
_PROBES: Final = {"wrist": 120}
_PROBES_ELSE: Final = 60
"""Points of each part that are tried against other parts; hands go with wrists, and fingers are thin."""
_NEXT: Final = {"shoulder": "elbow", "hip": "knee"}
_FOLD_SHARE: Final = 0.35
"""Share of upper arm and thigh next to the trunk without probes: armpit and crotch are folds, whose skin meets whenever
an arm hangs (with it 100 % of the frames of a walk count as penetrating by up to 52 mm, without it 5 % by 11 mm)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PosedSkin:
    """Points of the skin by part: joints, hands taken to the wrists, toes to the ankles, collars to the chest."""

    points: Float[np.ndarray, "points 3"]
    """In rest, metres."""
    normals: Float[np.ndarray, "points 3"]
    carriers: Integer[np.ndarray, "points 4"]
    """Joints that move a point."""
    shares: Float[np.ndarray, "points 4"]
    """How much each of them does; their sum is 1."""
    correctives: Float32[np.ndarray, "207 coordinates"] | None
    """Displacement of the points, x y z by x y z, for each entry of R - I of joints 1 to 23; metres."""
    joints: Float[np.ndarray, "24 3"]
    starts: Integer[np.ndarray, "bounds"]
    """Cell k, a small patch of one part, has the points `starts[k]:starts[k + 1]`."""
    parts: Integer[np.ndarray, "cells"]
    """Which part each cell is of."""
    borders: Bool[np.ndarray, "points 24"]
    """Parts on which a point borders."""
    probes: dict[int, Integer[np.ndarray, "probes"]]
    """Which points of each part are tried against others."""

    def at(
        self, Rs: Float[np.ndarray, "frames 24 3 3"], joints: Float[np.ndarray, "frames 24 3"]
    ) -> tuple[Float[np.ndarray, "frames points 3"], Float[np.ndarray, "frames points 3"]]:
        """Points and unit normals under joint transforms (skeleton.py); normals are those of the rest skin, turned."""
        frames = len(Rs)
        rest = np.repeat(self.points[None], frames, 0)
        if self.correctives is not None:
            rest += (_pose_features(Rs) @ self.correctives).reshape(frames, -1, 3)
        shift = joints - np.einsum("fjab,jb->fja", Rs, self.joints)
        return _skinned(rest, self.normals, self.carriers, self.shares, Rs, shift)


def posed_skin(model: BodyModel, betas: Float[np.ndarray, "shapes"] | None = None) -> PosedSkin:
    """The thinned skin of one body shape. Raises BodyError for betas that the model lacks."""
    vertices, joints = model.shaped(betas), model.rest_joints(betas)
    carrier = _carriers(model)
    borders = np.zeros((len(vertices), JOINT_COUNT), bool)
    for corner in range(3):
        for other in range(3):
            borders[model.faces[:, corner], carrier[model.faces[:, other]]] = True
    borders[np.arange(len(vertices)), carrier] = False
    chosen: list[np.ndarray] = []
    parts, probes, count = [], {}, 0
    for part in range(JOINT_COUNT):
        cells = _cells(_thinned(np.flatnonzero(carrier == part), _POINTS), vertices)
        own = np.concatenate([np.zeros(0, int), *cells])
        side, _, name = JOINT_NAMES[part].partition("_")
        inner = np.flatnonzero(~borders[own].any(1))
        if name in _NEXT:
            bone = joints[JOINT_INDEX[f"{side}_{_NEXT[name]}"]] - joints[part]
            inner = inner[(vertices[own][inner] - joints[part]) @ bone > _FOLD_SHARE * (bone @ bone)]
        probes[part] = count + _thinned(inner, _PROBES.get(name, _PROBES_ELSE))
        chosen += cells
        parts += [part] * len(cells)
        count += len(own)
    index = np.concatenate(chosen)
    strongest = np.argsort(-model.weights[index], axis=1)[:, :4]
    shares = np.take_along_axis(model.weights[index], strongest, 1)
    return PosedSkin(
        points=vertices[index],
        normals=_normals(vertices, model.faces)[index],
        carriers=strongest,
        shares=shares / shares.sum(1, keepdims=True),
        correctives=None if model.posedirs is None else _by_feature(model.posedirs[index]),
        joints=joints,
        starts=np.cumsum([0, *map(len, chosen)]),
        parts=np.array(parts),
        borders=borders[index],
        probes=probes,
    )


def _by_feature(posedirs: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(posedirs.reshape(-1, posedirs.shape[-1]).T, np.float32)


def _pose_features(Rs: np.ndarray) -> np.ndarray:
    """R - I of each joint in its parent's axes, row by row."""
    parents = np.array(PARENTS[1:])
    local = Rs[:, parents].transpose(0, 1, 3, 2) @ Rs[:, 1:]
    return (local - np.eye(3)).reshape(len(Rs), -1).astype(np.float32)


@nb.njit(cache=True)
def _skinned(rest, normals, carriers, shares, Rs, shift):
    frames, count = rest.shape[0], rest.shape[1]
    points, turned = np.zeros((frames, count, 3)), np.zeros((frames, count, 3))
    R, t, n = np.zeros((3, 3)), np.zeros(3), np.zeros(3)
    for f in range(frames):
        for i in range(count):
            R[:] = 0.0
            t[:] = 0.0
            for k in range(carriers.shape[1]):
                joint, share = carriers[i, k], shares[i, k]
                for a in range(3):
                    t[a] += share * shift[f, joint, a]
                    for b in range(3):
                        R[a, b] += share * Rs[f, joint, a, b]
            length = 0.0
            for a in range(3):
                points[f, i, a] = R[a, 0] * rest[f, i, 0] + R[a, 1] * rest[f, i, 1] + R[a, 2] * rest[f, i, 2] + t[a]
                n[a] = R[a, 0] * normals[i, 0] + R[a, 1] * normals[i, 1] + R[a, 2] * normals[i, 2]
                length += n[a] ** 2
            for a in range(3):
                turned[f, i, a] = n[a] / np.sqrt(max(length, 1e-24))
    return points, turned


def _carriers(model: BodyModel) -> np.ndarray:
    carrier = model.weights.argmax(1)
    for end, start in (("hand", "wrist"), ("foot", "ankle"), ("collar", "spine3")):
        for side in ("left_", "right_"):
            into = JOINT_INDEX[start if start == "spine3" else side + start]
            carrier = np.where(carrier == JOINT_INDEX[side + end], into, carrier)
    return carrier


def _thinned(index: np.ndarray, most: int) -> np.ndarray:
    if len(index) <= most:
        return index
    return index[np.linspace(0, len(index) - 1, most).round().astype(int)]


def _cells(index: np.ndarray, vertices: np.ndarray) -> list[np.ndarray]:
    """The vertices halved along their widest axis until few are left in each cell."""
    if len(index) <= _CELL:
        return [index] if len(index) else []
    order = index[np.argsort(vertices[index, np.ptp(vertices[index], axis=0).argmax()])]
    return _cells(order[: len(order) // 2], vertices) + _cells(order[len(order) // 2 :], vertices)


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, faces[:, corner], across)
    return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12)
