"""Cameras for lifting: wide and long lenses, near and far, upright and lying pictures, people off-centre or cut off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

FOV_DEG: Final = (20.0, 100.0)
"""Vertical field of view."""
DISTANCE_M: Final = (1.0, 10.0)
FILLS: Final = (0.15, 1.2)
"""How much of the picture's height or width, whichever is more, the person takes."""
PITCH_DEG: Final = (8.0, 14.0)
"""Mean and standard deviation of how far the optical axis points down."""
STEEP_SHARE, STEEP_DEG = 0.12, 70.0
"""So many cameras look up or down at any angle up to this."""
ROLL_DEG, ASLANT_SHARE, ASLANT_DEG = 3.0, 0.1, 25.0
RATIOS: Final = (1.0, 4 / 3, 3 / 2, 16 / 9)
LONG_SIDE_PX: Final = (480.0, 4000.0)
OFF_CENTRE: Final = 0.01
"""Standard deviation of the principal point from the middle, as a share of the picture's sides."""
CUT_SHARE, CUT_BY = 0.2, 0.45
"""So many people are moved over the picture's edge, by up to this share of their size."""
NEAREST_M: Final = 0.35
"""Nothing of a person is nearer to the camera."""
LEAST_SEEN: Final = 8
"""Keypoints inside a picture; a person of whom less is seen is moved to its middle, or away."""
_TRIES: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Views:
    """One camera for each person."""

    R_camera_world: Float[Tensor, "people 3 3"]
    """The world has SMPL's axes, y up."""
    p_pelvis: Float[Tensor, "people 3"]
    """In the camera's frame, metres."""
    K: Float[Tensor, "people 3 3"]
    size: Float[Tensor, "people 2"]
    """Width and height, pixels."""


def draw_views(
    landmarks: Float[Tensor, "people landmarks 3"], keypoints: Float[Tensor, "people keypoints 3"], g: torch.Generator
) -> Views:
    """A camera for each person, whose points are given about the pelvis.

    Headings are uniform. The lens and how much of the picture the person fills are drawn; the distance follows.
    """
    n = len(landmarks)
    R = _turns(n, g)
    size = _sizes(n, g)
    p = landmarks @ R.transpose(1, 2)
    low, high = p.amin(1), p.amax(1)
    middle, extent = (low + high) / 2, high - low
    focal, distance = _lens(extent, size, g)
    distance = torch.maximum(distance, NEAREST_M + extent[:, 2] / 2)
    K = torch.zeros(n, 3, 3)
    K[:, 0, 0] = K[:, 1, 1] = focal
    K[:, :2, 2] = (size - 1) / 2 + OFF_CENTRE * size * torch.randn((n, 2), generator=g)
    K[:, 2, 2] = 1
    place = _place(focal[:, None] * extent[:, :2] / distance[:, None] / size, g)
    keys = keypoints @ R.transpose(1, 2)
    p_pelvis = _middle(place, distance, focal, K, size) - middle
    for attempt in range(_TRIES):
        few = inside(project(keys + p_pelvis[:, None], K), size).sum(1) < LEAST_SEEN
        if not few.any():
            break
        place[few] *= 0.3
        distance[few] *= 1.0 if attempt == 0 else 1.4
        p_pelvis = _middle(place, distance, focal, K, size) - middle
    return Views(R_camera_world=R, p_pelvis=p_pelvis, K=K, size=size)


def project(p: Float[Tensor, "people points 3"], K: Float[Tensor, "people 3 3"]) -> Float[Tensor, "people points 2"]:
    """Pixels of points in the camera's frame that lie before it."""
    focal = torch.stack([K[:, 0, 0], K[:, 1, 1]], -1)[:, None]
    return p[..., :2] / p[..., 2:].clamp_min(0.05) * focal + K[:, None, :2, 2]


def inside(q: Float[Tensor, "people points 2"], size: Float[Tensor, "people 2"]) -> Tensor:
    """Which pixels are in the picture."""
    return ((q > -0.5) & (q < size[:, None] - 0.5)).all(-1)


def _middle(place: Tensor, distance: Tensor, focal: Tensor, K: Tensor, size: Tensor) -> Float[Tensor, "people 3"]:
    """Where the person's middle is, in the camera's frame."""
    q = (size - 1) / 2 + place * size
    ray = torch.cat([(q - K[:, :2, 2]) / focal[:, None], torch.ones(len(q), 1)], 1)
    return distance[:, None] * ray


def _turns(n: int, g: torch.Generator) -> Float[Tensor, "people 3 3"]:
    heading = _uniform(n, (0.0, 2 * torch.pi), g)
    pitch = torch.deg2rad(PITCH_DEG[0] + PITCH_DEG[1] * torch.randn(n, generator=g))
    steep = torch.deg2rad(_uniform(n, (-STEEP_DEG, STEEP_DEG), g))
    pitch = torch.where(torch.rand(n, generator=g) < STEEP_SHARE, steep, pitch)
    roll = torch.deg2rad(ROLL_DEG * torch.randn(n, generator=g))
    aslant = torch.deg2rad(_uniform(n, (-ASLANT_DEG, ASLANT_DEG), g))
    roll = torch.where(torch.rand(n, generator=g) < ASLANT_SHARE, aslant, roll)
    forward = torch.stack([pitch.cos() * heading.sin(), -pitch.sin(), pitch.cos() * heading.cos()], -1)
    right = torch.stack([-heading.cos(), torch.zeros(n), heading.sin()], -1)
    down = torch.linalg.cross(forward, right)
    c, s = roll.cos()[:, None], roll.sin()[:, None]
    return torch.stack([c * right + s * down, c * down - s * right, forward], 1)


def _sizes(n: int, g: torch.Generator) -> Float[Tensor, "people 2"]:
    long = _log_uniform(n, LONG_SIDE_PX, g)
    ratio = torch.tensor(RATIOS)[torch.randint(len(RATIOS), (n,), generator=g)]
    sides = torch.stack([long, long / ratio], -1).round()
    return torch.where(torch.rand((n, 1), generator=g) < 0.5, sides, sides.flip(-1))


def _lens(
    extent: Float[Tensor, "people 3"], size: Float[Tensor, "people 2"], g: torch.Generator
) -> tuple[Float[Tensor, "people"], Float[Tensor, "people"]]:
    """Focal length, pixels, and depth of the middle: the first draw within DISTANCE_M, or the nearest of them."""
    n, (low, high) = len(extent), DISTANCE_M
    focal, distance = torch.zeros(n), torch.full((n,), -1.0)
    for _ in range(_TRIES):
        fov = torch.deg2rad(_uniform(n, FOV_DEG, g))
        f = size[:, 1] / 2 / torch.tan(fov / 2)
        fill = _log_uniform(n, FILLS, g)
        d = f * (extent[:, :2] / size).amax(1) / fill
        open_ = (distance < low) | (distance > high)
        focal, distance = torch.where(open_, f, focal), torch.where(open_, d, distance)
    return focal, distance.clamp(low, high)


def _place(share: Float[Tensor, "people 2"], g: torch.Generator) -> Float[Tensor, "people 2"]:
    """Where the person's middle is, from the picture's, in sides of the picture; `share`: sides that it takes."""
    n = len(share)
    free = ((1 - share) / 2).clamp_min(0.05)
    place = (2 * torch.rand((n, 2), generator=g) - 1) * free
    over = free * place.sign() + place.sign() * share * CUT_BY * torch.rand((n, 1), generator=g)
    axis = torch.nn.functional.one_hot(torch.randint(2, (n,), generator=g), 2).bool()
    cut = (torch.rand((n, 1), generator=g) < CUT_SHARE) & axis
    return torch.where(cut, over, place)


def _uniform(n: int, ends: tuple[float, float], g: torch.Generator) -> Float[Tensor, "people"]:
    return ends[0] + (ends[1] - ends[0]) * torch.rand(n, generator=g)


def _log_uniform(n: int, ends: tuple[float, float], g: torch.Generator) -> Float[Tensor, "people"]:
    return _uniform(n, (math.log(ends[0]), math.log(ends[1])), g).exp()
