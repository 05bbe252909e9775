"""People as cameras see them that look straight at each: what the learned lifter is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from body.rotations import skew
from hps.errors import HpsError
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.supposed_camera import with_diagonal_focal

CameraBelief = Literal["given", "constant", "none"]
"""What is taken for the camera: the intrinsics that are given; a focal length of the picture's diagonal with the
principal point in the middle (about 53° along the diagonal); the same, and neither the perspective nor the person's
place and size in the picture are told to the network."""
CAMERA_FEATURES: Final = 9
LEAST_SEEN: Final = 2
"""Keypoints of any confidence without which a person has no size."""
_LEAST_SIZE: Final = 1e-4
_NEAREST: Final = 0.1
"""Cosine to the axis below which a ray is taken for so far off: keypoints beside or behind the camera are guesses."""
_FARTHEST: Final = 6.0
"""Sizes from the axis at which keypoints are held."""
_EDGE: Final = 5.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonView:
    """A row for each person, its axes turned so that z points at the middle of the person's keypoints."""

    keypoints: Float[Tensor, "batch keypoints 2"]
    """x / z and y / z of their rays, in units of `size`; 0 where nothing is known."""
    confidence: Float[Tensor, "batch keypoints"]
    camera: Float[Tensor, "batch features"]
    """Logarithm of `size`, x / z and y / z of the axis in the camera, whether the focal length is known, logarithm of
    one pixel of the detector's crop in units of `size`, and the picture's left, right, upper and lower edge from the
    axis in the same units."""
    size: Float[Tensor, "batch"]
    """Root of the mean squared tangent of the keypoints' angle to the axis."""
    R_view_camera: Float[Tensor, "batch 3 3"]
    shift: Float[Tensor, "batch 2"]
    """x / z and y / z of the axis where the view is a cut-out of the picture and not turned; else 0."""

    def mirrored(self) -> PersonView:
        """The same people seen in a mirror: x turned, left for right. `R_view_camera` stays that of the original."""
        flip = self.keypoints.new_tensor([-1.0, 1.0])
        camera = self.camera[:, [0, 1, 2, 3, 4, 6, 5, 7, 8]]
        signs = camera.new_tensor([1, -1, 1, 1, 1, -1, -1, 1, 1])
        partner = _partner()
        return replace(
            self,
            keypoints=self.keypoints[:, partner] * flip,
            confidence=self.confidence[:, partner],
            camera=camera * signs,
        )

    def root_in_camera(self, root: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 3"]:
        """A point of the view, with its depth, in the camera's frame."""
        moved = torch.cat([root[:, :2] + self.shift * root[:, 2:], root[:, 2:]], 1)
        return (self.R_view_camera.transpose(1, 2) @ moved[..., None])[..., 0]

    def root_in_view(self, root: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 3"]:
        """A point of the camera's frame in the view."""
        turned = (self.R_view_camera @ root[..., None])[..., 0]
        return torch.cat([turned[:, :2] - self.shift * turned[:, 2:], turned[:, 2:]], 1)


def person_view(batch: KeypointBatch, belief: CameraBelief = "given") -> PersonView:
    """Each person's keypoints as rays, turned so that perspective is the same wherever the person is in the picture.

    The axis and the size are means over the keypoints, each weighed by its confidence, so that one mistaken keypoint
    moves them little. Raises HpsError for people with fewer than two keypoints of any confidence.
    """
    known = batch.confidence > 0
    if len(few := torch.nonzero(known.sum(1) < LEAST_SEEN)[:, 0]):
        raise HpsError(
            f"person {int(few[0])} has {int(known[few[0]].sum())} keypoints with a confidence above 0, at least "
            f"{LEAST_SEEN} are needed; leave such people out"
        )
    batch = batch if belief == "given" else with_diagonal_focal(batch)
    weight = (batch.confidence / batch.confidence.sum(1, keepdim=True).clamp_min(1e-12))[..., None]
    rays = torch.linalg.solve_ex(batch.K, _homogeneous(batch.q).transpose(1, 2))[0].transpose(1, 2)
    if belief == "none":
        center = (weight * rays[..., :2]).sum(1)
        R, shift, tangents = _identity(rays), center, rays[..., :2] - center[:, None]
    else:
        axis = torch.nn.functional.normalize((weight * torch.nn.functional.normalize(rays, dim=-1)).sum(1), dim=-1)
        R, center = onto_z(axis), axis[:, :2] / axis[:, 2:].clamp_min(_NEAREST)
        shift = torch.zeros_like(center)
        turned = torch.nn.functional.normalize(rays, dim=-1) @ R.transpose(1, 2)
        tangents = turned[..., :2] / turned[..., 2:].clamp_min(_NEAREST)
    size = (weight[..., 0] * tangents.square().sum(-1)).sum(1).sqrt().clamp_min(_LEAST_SIZE)
    focal = (batch.K[:, 0, 0] * batch.K[:, 1, 1]).sqrt()
    unit = (batch.pixel_size / (focal * size)).clamp(1e-4, 1.0).log()
    camera = torch.stack([size.log(), *center.unbind(1), batch.focal_known.to(size.dtype), unit], 1)
    camera = torch.cat([camera, _edges(batch, center, size)], 1)
    if belief == "none":
        camera = torch.zeros_like(camera)
    seen = known[..., None] * (tangents / size[:, None, None]).clamp(-_FARTHEST, _FARTHEST)
    return PersonView(
        keypoints=seen, confidence=batch.confidence, camera=camera, size=size, R_view_camera=R, shift=shift
    )


def _edges(batch: KeypointBatch, center: Tensor, size: Tensor) -> Float[Tensor, "batch 4"]:
    """Left, right, top and bottom of the picture from the axis, in units of `size`."""
    focal = torch.stack([batch.K[:, 0, 0], batch.K[:, 1, 1]], 1)
    first = (-0.5 - batch.K[:, :2, 2]) / focal - center
    last = first + batch.size / focal
    return (torch.stack([first, last], 2).flatten(1) / size[:, None]).clamp(-_EDGE, _EDGE)


def onto_z(axis: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 3 3"]:
    """The smallest rotations that take these unit vectors to z; they point forward."""
    z = torch.zeros_like(axis)
    z[:, 2] = 1
    turn = skew(torch.linalg.cross(axis, z))
    return _identity(axis) + turn + turn @ turn / (1 + axis[:, 2]).clamp_min(1e-6)[:, None, None]


def _identity(like: Tensor) -> Float[Tensor, "batch 3 3"]:
    return torch.eye(3, dtype=like.dtype, device=like.device).expand(len(like), 3, 3)


def _homogeneous(q: Float[Tensor, "batch keypoints 2"]) -> Float[Tensor, "batch keypoints 3"]:
    return torch.cat([q, torch.ones_like(q[..., :1])], -1)


def _partner() -> Int64[np.ndarray, "keypoints"]:
    return LIFTED.mirror
