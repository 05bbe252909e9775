"""The dressed surfaces of a batch on a torch device: which triangles each image shows, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hps.synthesis.clouds.figure_samples import face_reflectance
from hps.synthesis.staging.staged import StagedScene
from hps.synthesis.torch_clouds.optics import CameraBatch


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """One scene's people and things at one instant, on a device."""

    vertices: Float[Tensor, "vertices 3"]
    """World, metres."""
    faces: Int[Tensor, "faces 3"]
    reflectance: Float[Tensor, "faces"]
    """Of near-infrared light."""
    owner: Int[Tensor, "faces"]
    """Number of the actor, then of the things."""
    part: Int[Tensor, "faces"]
    """1 + SMPL joint; 0 of things."""
    people: int = 1
    """Owners from this number on are things."""

    def at(self, vertices: Float[Tensor, "vertices 3"]) -> Surface:
        """The same surface with other vertices."""
        return Surface(
            vertices=vertices,
            faces=self.faces,
            reflectance=self.reflectance,
            owner=self.owner,
            part=self.part,
            people=self.people,
        )


def surface_of(staged: StagedScene, frame: int, device: torch.device | str = "cpu") -> Surface:
    """A staged scene at one of its instants. Call it once and use `Surface.at` for the scene's other instants."""
    figure = staged.studio.figure
    return Surface(
        vertices=torch.tensor(np.asarray(staged.surface[frame]), dtype=torch.float32, device=device),
        faces=torch.tensor(np.asarray(figure.faces), dtype=torch.int64, device=device),
        reflectance=torch.tensor(face_reflectance(figure), device=device),
        owner=torch.tensor(figure.owners, dtype=torch.int64, device=device),
        part=torch.tensor(staged.part_of_face, dtype=torch.int64, device=device),
        people=len(staged.people),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """All triangles of all images, in their cameras' frames."""

    p_camera: Float[Tensor, "points 3"]
    lens: Int[Tensor, "points"]
    faces: Int[Tensor, "faces 3"]
    """Into the points of all images."""
    image: Int[Tensor, "faces"]
    reflectance: Float[Tensor, "faces"]
    owner: Int[Tensor, "faces"]
    part: Int[Tensor, "faces"]
    images: int

    @classmethod
    def of(cls, surfaces: Sequence[Surface], cameras: CameraBatch) -> Batch:
        """Image n shows surface n with camera n; the same surface may come several times."""
        counts = torch.tensor([len(s.vertices) for s in surfaces], device=cameras.lens.device)
        first = counts.cumsum(0) - counts
        shifted = [s.faces + int(start) for s, start in zip(surfaces, first.tolist())]
        seen = [
            (s.vertices - center) @ R for s, center, R in zip(surfaces, cameras.center, cameras.R_world_camera)
        ]  # rows times R is R transposed times columns
        sizes = torch.tensor([len(s.faces) for s in surfaces], device=cameras.lens.device)
        return cls(
            p_camera=torch.cat(seen),
            lens=torch.repeat_interleave(cameras.lens, counts),
            faces=torch.cat(shifted),
            image=torch.repeat_interleave(torch.arange(len(surfaces), device=counts.device), sizes),
            reflectance=torch.cat([s.reflectance for s in surfaces]),
            owner=torch.cat([s.owner for s in surfaces]),
            part=torch.cat([s.part for s in surfaces]),
            images=len(surfaces),
        )

    def facing(self) -> Float[Tensor, "faces"]:
        """Cosine between each face's normal and the way to the camera from its middle, without sign."""
        corners = self.p_camera[self.faces]
        normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        middle = corners.mean(1)
        lengths = (normal.norm(dim=1) * middle.norm(dim=1)).clamp(min=1e-20)
        return (normal * middle).sum(1).abs() / lengths
