"""Bodies of several clouds as arrays, each in its own frame, with their covariance; and the same in another frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from torch import Tensor

from body.joints import JOINT_COUNT
from body.parameters import BodyParameters
from hps.points.fitting.body import FitBody
from hps.points.fitting.evidence import LandmarkGaussians
from hps.points.fitting.fitted import FittedBodies
from hps.points.unknowns import TURNS


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RestPelvis:
    """The pelvis of the rest body as a linear function of its shape."""

    mean: Float[np.ndarray, "3"]
    d_betas: Float[np.ndarray, "3 shapes"]
    d_child: Float[np.ndarray, "3"]

    @classmethod
    def of_body(cls, body: FitBody) -> RestPelvis:
        """Of the body that was fitted."""
        by_shape = body.points.d_joints[0]
        child = by_shape[:, body.shapes] if body.has_child else np.zeros(3)
        return cls(mean=body.points.joints[0], d_betas=by_shape[:, : body.shapes], d_child=child)

    def of(
        self, betas: Float[np.ndarray, "batch shapes"], child: Float[np.ndarray, "batch"]
    ) -> Float[np.ndarray, "batch 3"]:
        """Of each shape, metres."""
        return self.mean + betas @ self.d_betas.T + child[:, None] * self.d_child


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FittedClouds:
    """One body for each cloud. Metres and radians."""

    rest: RestPelvis
    rotations: Float[np.ndarray, "batch 24 3 3"]
    """Of each joint against its parent, the root's in the frame."""
    betas: Float[np.ndarray, "batch shapes"]
    child: Float[np.ndarray, "batch"]
    transl: Float[np.ndarray, "batch 3"]
    covariance: Float[np.ndarray, "batch unknowns unknowns"]
    """Of small turns of the 24 joints about the frame's axes, each with all that hangs on it; the betas; transl."""
    joints: Float[np.ndarray, "batch 24 3"]
    joint_covariance: Float[np.ndarray, "batch 24 3 3"]
    landmarks: Float[np.ndarray, "batch landmarks 3"]
    landmark_sigma: Float[np.ndarray, "batch landmarks"]

    def __len__(self) -> int:
        """Number of bodies."""
        return len(self.transl)

    @classmethod
    def of(cls, fitted: FittedBodies, body: FitBody, gaussians: LandmarkGaussians) -> FittedClouds:
        """What a fit gave, in the frame of its landmarks."""
        names = ("rotations", "betas", "child", "transl", "covariance", "joints", "joint_covariance")
        return cls(
            rest=RestPelvis.of_body(body),
            landmarks=_array(gaussians.position),
            landmark_sigma=_array(gaussians.sigma),
            **{name: _array(getattr(fitted, name)) for name in names},
        )

    @classmethod
    def joined(cls, parts: Sequence[FittedClouds]) -> FittedClouds:
        """The bodies of several batches; at least one."""
        names = [field.name for field in fields(cls) if field.name != "rest"]
        return cls(rest=parts[0].rest, **{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})

    @classmethod
    def none(cls, body: FitBody) -> FittedClouds:
        """No bodies."""
        shapes, landmarks = body.shapes, len(body.landmarks.part)
        lengths = {
            "rotations": (JOINT_COUNT, 3, 3), "betas": (shapes,), "child": (), "transl": (3,),
            "covariance": (TURNS + shapes + 3, TURNS + shapes + 3), "joints": (JOINT_COUNT, 3),
            "joint_covariance": (JOINT_COUNT, 3, 3), "landmarks": (landmarks, 3), "landmark_sigma": (landmarks,),
        }  # fmt: skip
        return cls(rest=RestPelvis.of_body(body), **{name: np.zeros((0, *shape)) for name, shape in lengths.items()})

    def moved(self, T_new_old: Float[np.ndarray, "batch 4 4"]) -> FittedClouds:
        """The same bodies in other frames.

        The body turns about its rest pelvis, where SMPL's translation does not act: p = R (x - J) + J + transl, so that
        transl_new = R_new_old (J + transl) + t - J, which makes the new translation depend on the betas.
        """
        R, t = T_new_old[:, :3, :3], T_new_old[:, :3, 3]
        root = self.rest.of(self.betas, self.child)
        rotations = self.rotations.copy()
        rotations[:, 0] = R @ rotations[:, 0]
        shapes = self.betas.shape[1]
        J = np.zeros_like(self.covariance)
        for joint in range(JOINT_COUNT):
            J[:, 3 * joint : 3 * joint + 3, 3 * joint : 3 * joint + 3] = R
        J[:, TURNS : TURNS + shapes, TURNS : TURNS + shapes] = np.eye(shapes)
        J[:, -3:, TURNS : TURNS + shapes] = (R - np.eye(3)) @ self.rest.d_betas
        J[:, -3:, -3:] = R
        return replace(
            self,
            rotations=rotations,
            transl=np.einsum("bij,bj->bi", R, root + self.transl) + t - root,
            covariance=J @ self.covariance @ J.transpose(0, 2, 1),
            joints=np.einsum("bij,bkj->bki", R, self.joints) + t[:, None],
            joint_covariance=R[:, None] @ self.joint_covariance @ R[:, None].transpose(0, 1, 3, 2),
            landmarks=np.einsum("bij,bkj->bki", R, self.landmarks) + t[:, None],
        )

    def spread(self, factor: float) -> FittedClouds:
        """The same bodies, all standard deviations multiplied."""
        return replace(self, covariance=factor**2 * self.covariance, joint_covariance=factor**2 * self.joint_covariance)

    def parameters(self, row: int) -> BodyParameters:
        """One body's parameters."""
        turns = Rotation.from_matrix(self.rotations[row]).as_rotvec()
        return BodyParameters(
            betas=self.betas[row].copy(),
            global_orient=turns[None, 0],
            body_pose=turns[1:].reshape(1, -1),
            transl=self.transl[row][None].copy(),
            child=float(self.child[row]),
        )

    def rows(self, which: Any) -> FittedClouds:
        """Some of the bodies."""
        names = [field.name for field in fields(self) if field.name != "rest"]
        return replace(self, **{name: getattr(self, name)[which] for name in names})


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()
