"""What tells a body that should not be used: how well cloud, landmarks and body agree, measured on each cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree
from torch import Tensor

from geometry.rigid import transform
from hps.points.fitting.body import FitBody
from hps.points.fitting.fitted import FittedBodies
from hps.points.fitting.skin import PosedSkin, posed_skin
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.part_labels import NOT_BODY
from hps.points.person_cloud import PersonCloud
from hps.points.seeing import SeenClouds

ON_BODY_M: Final = 0.06
"""A point nearer than this to the skin, after its predicted offset, is explained by the body. Sensor noise is 0.01."""
COVERED_M: Final = 0.08
"""A piece of skin has been seen where a point is nearer than this: points are 0.05 apart on a body of 1,024."""
FACING: Final = -0.3
"""Greatest cosine between a ray and the outward normal of skin that its camera can see."""
PELVIS: Final = 0
NECK: Final = 12
FARTHEST_M: Final = 1.0
"""Distances count as no more."""
NEIGHBOURS: Final = 9
"""Points that say how the surface lies at one of them: a patch of 0.1 m where a body has 1,024 points."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signs:
    """Of one cloud and its body. Each grows as the body gets less trustworthy, `explained` and `covered` fall."""

    sigma_mm: float
    """Root mean square of what the network says its landmarks are off by, along one axis."""
    disagreement_mm: float
    """Root mean square distance of the fitted body's landmarks from the network's."""
    residual_mm: float
    """Median distance of the points from the fitted skin, each moved by its predicted offset."""
    explained: float
    """Share of all points that lie on the body."""
    outliers: float
    """Share of the points that the network takes for something else."""
    unexplained_m: float
    """How far the points reach that are neither on the body nor taken for something else: the longest side of the box
    round the middle nine tenths of them, times their share."""
    covered: float
    """Share of the skin that faces a camera and has a point."""
    turned_deg: float
    """Median angle between the surface that the points make and the skin next to them; walls and corners are flat
    where a body is round."""
    shape: float
    """Root mean square of the betas, standard deviations."""
    extent_m: float
    """Longest side of the box round the middle nineteen twentieths of the points, along the canonical axes."""
    on_head: float
    """Cosine between the way from neck to pelvis and up: 1 for a body upside down, 0 for one that lies or stands."""
    points: float
    """Different points that the network was given."""


def signs_of(body: FitBody, seen: SeenClouds, fitted: FittedBodies, clouds: Sequence[PersonCloud]) -> list[Signs]:
    """The signs of each cloud of a batch."""
    arrays = {name: _array(getattr(fitted, name)) for name in ("rotations", "transl", "betas", "child")}
    child = [arrays["child"][:, None]] if body.has_child else []
    states = BodyStates(
        rotations=arrays["rotations"],
        transl=arrays["transl"],
        coefficients=np.concatenate([arrays["betas"], *child], 1),
    )
    skin = posed_skin(body, states, frames_of(states, body.skin))
    outlier = seen.part_logits.argmax(-1).numpy() == NOT_BODY
    points, offset = _array(seen.given.points), _array(seen.skin_offset)
    sigma = _array(seen.sigma)
    found = []
    for n, cloud in enumerate(clouds):
        different = np.unique(seen.given.chosen[n], return_index=True)[1]  # the same point may come twice
        found.append(
            _signs(
                points[n, different], offset[n, different], outlier[n, different], skin, n,
                _facing(skin, n, cloud, seen.given.T_canonical_cloud[n]),
                sigma_mm=1000 * float(np.sqrt((sigma[n] ** 2).mean())),
                disagreement_mm=1000 * float(fitted.landmark_rms[n]),
                shape=float(np.sqrt((arrays["betas"][n] ** 2).mean())),
                on_head=on_head(_array(fitted.joints[n])),
            )
        )  # fmt: skip
    return found


def _signs(
    points: np.ndarray, offset: np.ndarray, outlier: np.ndarray, skin: PosedSkin, n: int, facing: np.ndarray,
    **known: float,
) -> Signs:  # fmt: skip
    moved = points + np.where(outlier[:, None], 0.0, offset)
    found = KDTree(skin.vertices[n]).query(moved)
    away, nearest = np.minimum(found[0], FARTHEST_M), np.asarray(found[1])
    on = (away < ON_BODY_M) & ~outlier
    loose = ~on & ~outlier
    seen_from = skin.vertices[n][facing] if facing.any() else skin.vertices[n]
    near = KDTree(points).query(seen_from, distance_upper_bound=COVERED_M)[0]
    return Signs(
        residual_mm=1000 * float(np.median(away[~outlier])) if (~outlier).any() else 1000 * FARTHEST_M,
        explained=float(on.mean()),
        outliers=float(outlier.mean()),
        unexplained_m=float(loose.mean()) * _reach(points[loose], 0.90),
        covered=float(np.isfinite(near).mean()),
        turned_deg=turned_deg(points[~outlier], skin.normals[n, nearest[~outlier]]),
        extent_m=_reach(points, 0.95),
        points=float(len(points)),
        **known,
    )


def on_head(joints: Float[np.ndarray, "24 3"]) -> float:
    """How far a body stands on its head; joints in a frame whose z is up."""
    way = joints[PELVIS] - joints[NECK]
    return max(0.0, float(way[2] / max(np.linalg.norm(way), 1e-9)))


def turned_deg(points: Float[np.ndarray, "points 3"], normals: Float[np.ndarray, "points 3"]) -> float:
    """Median angle between the planes through each point's neighbours and these normals; 90 for too few points."""
    if len(points) <= NEIGHBOURS:
        return 90.0
    patch = points[KDTree(points).query(points, NEIGHBOURS)[1]]
    patch = patch - patch.mean(1, keepdims=True)
    across = np.linalg.eigh(patch.swapaxes(1, 2) @ patch)[1][..., 0]
    return float(np.degrees(np.arccos(np.median(np.abs((across * normals).sum(1)).clip(0, 1)))))


def _reach(points: Float[np.ndarray, "points 3"], share: float) -> float:
    """Longest side of the box round the middle share of the points."""
    if len(points) < 2:
        return 0.0
    low, high = np.quantile(points, ((1 - share) / 2, (1 + share) / 2), axis=0)
    return float((high - low).max())


def _facing(skin: PosedSkin, n: int, cloud: PersonCloud, T_canonical_cloud: np.ndarray) -> Bool[np.ndarray, "skin"]:
    """Skin that faces a camera which saw something; all where no camera is known."""
    cameras = np.unique(cloud.camera[cloud.camera >= 0])
    facing = np.zeros(skin.vertices.shape[1], bool)
    for origin in transform(T_canonical_cloud, np.asarray(cloud.origins, np.float64)[cameras]):
        way = skin.vertices[n] - origin
        way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
        facing |= (way * skin.normals[n]).sum(1) < FACING
    return facing if len(cameras) else ~facing


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()
