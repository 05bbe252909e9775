"""Keypoints of one image put into space by the depth beside it: the skin near each pixel, and the joint behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from registration.keypoints.facing import facing
from registration.keypoints.projection import rays
from registration.keypoints.sets import KeypointSet, stem
from registration.masks.label_warp import WarpedLabels

Surfaces = Callable[[int, int], WarpedLabels | None]
"""(Row of the instant, camera) → whose each colour pixel is, with its depth; None where nobody was measured."""

BEHIND_SKIN_MM: Final = {
    "elbow": (40, 14),
    "wrist": (31, 16),
    "pinky": (25, 16),
    "index": (26, 17),
    "thumb": (30, 18),
    "knee": (65, 20),
    "ankle": (40, 17),
    "heel": (32, 28),
    "foot_index": (15, 35),
}
"""Kind of keypoint → how far it lies behind the skin along the ray, and the standard deviation of that. Medians of 328
images of eleven simulated takes, against the points that ten cameras triangulate."""

TURNED_MM: Final = {
    "nose": ((-4, 165, 30, 30), (8, 40, 35, 35)),
    "eye_inner": ((9, 157, 35, 62), (9, 40, 30, 30)),
    "eye": ((10, 152, 29, 74), (9, 40, 30, 30)),
    "eye_outer": ((11, 145, 23, 87), (9, 45, 20, 30)),
    "ear": ((47, 89, 18, 124), (22, 50, 20, 25)),
    "mouth": ((7, 139, 24, 55), (10, 45, 30, 30)),
    "shoulder": ((27, 82, 39, 313), (40, 38, 28, 90)),
    "hip": ((110, 128, 98, 311), (60, 38, 35, 70)),
}
"""The same of keypoints that a detector believes to see from all sides: of a person who faces the camera, faces away,
and of the near and the far side of one who stands across; between, by the squared cosines (registration/keypoints/
facing.py). From the same images."""
USUAL_MM: Final = (25, 40)
"""Of keypoints that were not measured."""
UNSURE: Final = 2.5
"""How many times the standard deviation behind the skin is larger at the least visibility than at 0.9: at 0.75 to 0.9
one joint in six is off by more than 80 mm, above 0.9 one in fifty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftOptions:
    """How the depth near a pixel is read."""

    visible: float = 0.75
    """A joint that the detector believes to see less is behind something, its pixel a guess: it gets no point. Points
    300 mm behind what hides them, with 200 mm of deviation, make a kick seen from one side 110 mm instead of 53."""
    window_px: tuple[int, int] = (2, 12)
    """Least and largest half side of the window; between, one sigma of the detection."""
    least: int = 6
    """Pixels of the person that a window needs; with fewer, one three times as wide is read."""
    thickness_m: float = 0.06
    """Surface this far behind the nearest of a window is another part's: an arm before the trunk."""
    sensor_m: float = 0.003


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifted:
    """Points in the world; NaN where there is no skin to see, or where the joint is hidden."""

    p_world: Float[np.ndarray, "*views joints 3"]
    covariance: Float[np.ndarray, "*views joints 3 3"]
    """Of each point, m²: across the ray by the detection, along it by the depth."""


def lift(
    camera: Camera,
    labels: WarpedLabels,
    person: int,
    q: Float[np.ndarray, "joints 2"],
    visibility: Float[np.ndarray, "joints"],
    sigma_px: Float[np.ndarray, "joints"],
    keypoints: KeypointSet,
    options: LiftOptions | None = None,
) -> Lifted:
    """The joints of `person` in one image of `camera`.

    Each visible joint takes the median depth of the person's nearest surface in a small window about its pixel, and
    lies behind it along its ray by BEHIND_SKIN_MM, or TURNED_MM where the sides of the body differ.
    """
    options = options or LiftOptions()
    z, spread = np.full(len(keypoints), np.nan), np.full(len(keypoints), np.nan)
    seen = np.asarray(np.isfinite(q).all(-1) & np.isfinite(sigma_px) & (visibility >= options.visible))
    for j in np.flatnonzero(seen):
        z[j], spread[j] = skin_near(labels, person, q[j], float(sigma_px[j]), options)
    focal = float(np.sqrt(camera.K[0, 0] * camera.K[1, 1]))
    usual_z = float(np.nanmedian(z)) if np.isfinite(z).any() else np.nan
    behind = behind_skin(q, visibility, usual_z / focal, keypoints, options)
    xy = camera.normalize(np.where(seen[:, None], q, np.nan))
    skin = np.concatenate([xy, np.ones_like(xy[:, :1])], -1) * z[:, None]
    v = rays([camera], q[:, None])[:, 0]
    p = skin @ camera.T_world_camera[:3, :3].T + camera.T_world_camera[:3, 3] + behind[:, :1] * v
    along = options.sensor_m**2 + behind[:, 1] ** 2 + spread**2
    across = (sigma_px * z / focal) ** 2
    vv = v[:, :, None] * v[:, None, :]
    covariance = along[:, None, None] * vv + across[:, None, None] * (np.eye(3) - vv)
    known = np.asarray(np.isfinite(p).all(-1))
    return Lifted(p_world=p, covariance=np.where(known[:, None, None], covariance, np.nan))


def behind_skin(
    q: Float[np.ndarray, "joints 2"],
    visibility: Float[np.ndarray, "joints"],
    metres_per_px: float,
    keypoints: KeypointSet,
    options: LiftOptions,
) -> Float[np.ndarray, "joints 2"]:
    """How far each joint lies behind the skin that hides it, and the standard deviation of that, metres."""
    trunk, head = (np.nan_to_num(turn, nan=1.0) for turn in facing(q, metres_per_px, keypoints))
    behind = np.empty((len(keypoints), 2))
    for j, name in enumerate(keypoints.names):
        kind = stem(name)
        mean, sigma = BEHIND_SKIN_MM.get(kind, USUAL_MM)
        if kind in TURNED_MM:
            cosine, sine = trunk if kind in ("shoulder", "hip") else head
            away = sine * (1 if "left" in name else -1)
            share = np.maximum([cosine, -cosine, -away, away], 0.0) ** 2
            share /= share.sum()
            means, sigmas = np.array(TURNED_MM[kind], np.float64)
            mean, sigma = share @ means, np.sqrt(share @ sigmas**2)
        behind[j] = mean, sigma
    doubt = np.clip((0.9 - visibility) / (0.9 - options.visible), 0, 1)
    behind[:, 1] *= 1 + (UNSURE - 1) * doubt
    return behind * 1e-3


def skin_near(
    labels: WarpedLabels, person: int, q: Float[np.ndarray, "2"], sigma_px: float, options: LiftOptions
) -> tuple[float, float]:
    """Depth of the person's surface about a pixel and its standard deviation, metres; NaN without such a surface."""
    radius = int(np.clip(round(sigma_px), *options.window_px))
    for r in (radius, 3 * radius):
        x, y = round(float(q[0])) - labels.left, round(float(q[1])) - labels.top
        part = slice(max(y - r, 0), max(y + r + 1, 0)), slice(max(x - r, 0), max(x + r + 1, 0))
        z = labels.depth_m[part][labels.person[part] == person].astype(np.float64)
        z = z[np.isfinite(z)]
        if len(z) >= options.least:
            front = z[z <= np.quantile(z, 0.1) + options.thickness_m]
            middle = float(np.median(front))
            # of all that is in the window: where an arm passes the trunk, either may be meant
            spread = 1.48 * float(np.median(np.abs(z - middle)))
            return middle, spread + (options.thickness_m / 2 if r > radius else 0.0)
    return np.nan, np.nan


def votes(
    labels: WarpedLabels,
    q: Float[np.ndarray, "people joints 2"],
    visibility: Float[np.ndarray, "people joints"],
    count: int,
) -> Float[np.ndarray, "people count"]:
    """Which share of each detection's joints, by belief, lies on the surface of each of `count` numbered people."""
    at = np.nan_to_num(q, nan=-1e6).round().astype(np.int64) - [labels.left, labels.top]
    rows, columns = labels.person.shape
    inside = (at >= 0).all(-1) & (at[..., 0] < columns) & (at[..., 1] < rows)
    at = np.where(inside[..., None], at, 0)
    whose = np.where(inside, labels.person[at[..., 1], at[..., 0]], -1)
    weight = np.where(np.isfinite(q[..., 0]), visibility, 0.0)
    share = [np.where(whose == k, weight, 0.0).sum(-1) for k in range(count)]
    return np.stack(share, -1) / np.maximum(weight.sum(-1), 1e-9)[:, None]
