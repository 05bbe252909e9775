"""Moves cameras by millimetres until they agree on the colours of the surface, and keeps that only if it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rigid import from_rotvec, inverse, rotation_angle, transform
from texture.painting.views import ColorView
from texture.polish.agreement import PARAMETERS, Agreement
from texture.polish.config import PolishConfig
from texture.polish.sampling import Samples, sampled

CORRELATED = 20.0
"""Sightings that say the same: neighbouring points share pixels, and the surface's errors move many at once."""
SCALE = (4.0, 40.0)
"""Bounds, in levels, of the residual at which a sighting counts a quarter: noise of a picture, and a strong edge."""
GAIN_SIGMA, OFFSET_SIGMA = 0.3, 0.2
"""What gains (of 1) and offsets (of `GREY`) cameras may have after their exposures were brought into line."""
MEAN_M = 4e-3
"""How closely the mean motion of all cameras is held at zero, metres (and turn, per metre). Only the surface's shape
tells it: held at 0.01 mm, cameras off by 0.1 degrees and 3 mm came within 0.26 to 0.53 px of the truth, held at 4 mm
within 0.11 to 0.44 px."""
MEAN_TONE = 1e-4
"""The same of gains and offsets, which nothing else holds."""
STILL_M = 2e-5
"""A step that moves no camera by more at the person, or turns it by more per metre, is the last at its blur."""
MIN_POINTS = 300
"""Points that a camera must share with others to be moved."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CameraPolish:
    """What came of the polish."""

    cameras: dict[str, Camera]
    """The cameras to paint with, by name: moved ones if `kept`, else those given."""
    kept: bool
    reason: str
    """Why, in one sentence."""
    before: float
    """Median disagreement on points that were not used, levels of grey, with the cameras as given; NaN without any."""
    after: float
    """The same with cameras polished on the other points."""
    moved_mm: dict[str, float]
    """How far the person moved in each camera's picture, as a length at the person, root mean square."""
    turned_deg: dict[str, float]
    """How far each camera turned."""


def polish_cameras(
    instants: Sequence[tuple[TriangleMesh, Sequence[ColorView]]], config: PolishConfig | None = None
) -> CameraPolish:
    """Cameras that agree better on the surface's colours, from the surface and the views of some instants of a take.

    Each camera gets one small motion for all instants, and a gain and an offset of its grey, so that exposures need not
    agree. The surface stays. The result is judged on points that it was not made
    of: of every second instant, or, of a single one, in every second cube of 10 cm. Never raises for want of texture
    or cameras: `kept` is then False. `instants` may make its items when they are asked for: `config.instants` of them
    are, once each, and none is kept.
    """
    config = config or PolishConfig()
    given: dict[str, Camera] = {}
    sigma: dict[str, float] = {}

    def chosen() -> Iterator[tuple[TriangleMesh, Sequence[ColorView]]]:
        for number in sorted(set(np.linspace(0, len(instants) - 1, config.instants).round().astype(int).tolist())):
            mesh, views = instants[number]
            for view in views:
                given.setdefault(view.camera.name, view.camera)
                sigma[view.camera.name] = max(sigma.get(view.camera.name, 0.0), _sigma_m(view, mesh, config))
            yield mesh, views

    samples = _enough(sampled(chosen() if len(instants) else (), config))
    if not len(samples.points):
        return _unchanged(given, "fewer than two cameras share enough of the surface")
    sigma_m = np.array([sigma[camera.name] for camera in samples.cameras])
    middle = samples.points.mean(0)
    half = _halves(samples)
    before, after = [], []
    for fold in (half, ~half):
        train, judge = samples.part(fold), samples.part(~fold)
        if len(train.points) < MIN_POINTS or len(judge.points) < MIN_POINTS:
            return _unchanged(given, "too few points of the surface are seen by two cameras")
        for moving, found in ((False, before), (True, after)):
            motion, tone = _solved(train, middle, sigma_m, config, moving)
            found.append(_disagreement(judge, middle, motion, tone, config))
    was, now = float(np.mean(before)), float(np.mean(after))
    if not now < was * (1 - config.min_gain):
        return _unchanged(given, "cameras polished on one half of the points agree no better on the other", was, now)
    motion, _ = _solved(samples, middle, sigma_m, config, True)
    cameras, moved, turned = dict(given), {}, {}
    for camera, change in zip(samples.cameras, _changes(middle, motion)):
        cameras[camera.name] = camera.at(inverse(camera.T_camera_world @ change))
        shift = transform(change, samples.points) - samples.points
        shift -= (shift @ (v := camera.T_world_camera[:3, 2]))[:, None] * v
        moved[camera.name] = 1e3 * float(np.sqrt((shift**2).sum(-1).mean()))
        turned[camera.name] = float(np.rad2deg(rotation_angle(change)))
    return CameraPolish(
        cameras=cameras,
        kept=True,
        reason="cameras polished on one half of the points agree better on the other",
        before=was,
        after=now,
        moved_mm=moved,
        turned_deg=turned,
    )


def _unchanged(
    given: dict[str, Camera], reason: str, before: float = float("nan"), after: float = float("nan")
) -> CameraPolish:
    still = dict.fromkeys(given, 0.0)
    return CameraPolish(
        cameras=given, kept=False, reason=reason, before=before, after=after, moved_mm=still, turned_deg=dict(still)
    )


def _sigma_m(view: ColorView, mesh: TriangleMesh, config: PolishConfig) -> float:
    """How far off, in metres at the person, a view's camera is believed to be."""
    distance = float(np.linalg.norm(np.mean(mesh.vertices, 0) - view.camera.center))
    return max(1e-3 * config.sigma_mm, view.sigma_px * distance / float(view.camera.K[0, 0]))


def _enough(samples: Samples) -> Samples:
    """The samples without the sightings of cameras that share too little with others."""
    while True:
        cameras = np.array([p.camera for p in samples.pictures], np.int64)[samples.picture]
        few = np.bincount(cameras, minlength=len(samples.cameras)) < MIN_POINTS
        if not few[cameras].any():
            break
        samples = samples.without(few[cameras])
    return samples


def _halves(samples: Samples) -> np.ndarray:
    """Every second instant; of a single instant, every second cube of 10 cm."""
    if len(np.unique(samples.instant)) > 1:
        return samples.instant % 2 == 0
    return np.floor(samples.points / 0.1).sum(1) % 2 == 0


def _solved(
    samples: Samples, middle: np.ndarray, sigma_m: np.ndarray, config: PolishConfig, moving: bool
) -> tuple[Float[np.ndarray, "cameras 6"], Float[np.ndarray, "cameras 2"]]:
    """Each camera's turn and shift of the world about the middle, and its gain and offset; without moving, these."""
    count = len(samples.cameras)
    values = np.zeros((count, PARAMETERS))
    seeing = np.bincount([samples.pictures[p].camera for p in np.unique(samples.picture)], minlength=count) > 0
    sigma = np.stack([*[sigma_m] * 6, np.full(count, GAIN_SIGMA), np.full(count, OFFSET_SIGMA)], -1)
    for blur_px in config.blur_px if moving else config.blur_px[-1:]:
        agreement = Agreement(samples, middle, blur_px)
        scale = SCALE[1]
        for _ in range(config.steps):
            tone = values[:, 6:] + (1.0, 0.0)
            H, g, residual = agreement.equations(_places(samples.cameras, middle, values[:, :6]), tone, scale)
            if not np.isfinite(residual).any():
                break
            scale = float(np.clip(3 * _median(residual), *SCALE))
            H /= CORRELATED * scale**2
            g /= CORRELATED * scale**2
            H += np.diag(1 / sigma.ravel() ** 2)
            g += (values / sigma**2).ravel()
            _hold_mean(H, g, values, np.flatnonzero(seeing))
            free = (seeing[:, None] & (np.arange(PARAMETERS) >= (0 if moving else 6))).ravel()
            step = np.zeros(H.shape[0])
            step[free] = -np.linalg.solve(H[np.ix_(free, free)], g[free])
            values += step.reshape(values.shape)
            if np.abs(step.reshape(values.shape)[:, :6]).max() < STILL_M and moving:
                break
    return values[:, :6], values[:, 6:] + (1.0, 0.0)


def _hold_mean(H: np.ndarray, g: np.ndarray, values: np.ndarray, seeing: np.ndarray) -> None:
    """Adds to the equations that the motions of the cameras in use sum to zero, and gains to one, offsets to zero."""
    for m in range(PARAMETERS):
        weight = 1 / ((MEAN_M if m < 6 else MEAN_TONE) * len(seeing)) ** 2
        own = PARAMETERS * seeing + m
        H[np.ix_(own, own)] += weight
        g[own] += weight * values[seeing, m].sum()


def _changes(middle: np.ndarray, motion: np.ndarray) -> list[Float[np.ndarray, "4 4"]]:
    """The motion of the world, about the middle, that each camera sees."""
    about, back = from_rotvec(np.zeros(3), middle), from_rotvec(np.zeros(3), -middle)
    return [about @ from_rotvec(change[:3], change[3:]) @ back for change in motion]


def _places(cameras: Sequence[Camera], middle: np.ndarray, motion: np.ndarray) -> Float[np.ndarray, "cameras 4 4"]:
    return np.stack([camera.T_camera_world @ change for camera, change in zip(cameras, _changes(middle, motion))])


def _disagreement(
    samples: Samples, middle: np.ndarray, motion: np.ndarray, tone: np.ndarray, config: PolishConfig
) -> float:
    """Median distance of sightings from the mean of their point, levels of grey, at the finest blur."""
    agreement = Agreement(samples, middle, config.blur_px[-1])
    residual = agreement.equations(_places(samples.cameras, middle, motion), tone, SCALE[1])[2]
    return _median(residual)


def _median(residual: np.ndarray) -> float:
    """Median size of those that are known; NaN where none is: all pixels clipped, or out of the pictures."""
    known = residual[np.isfinite(residual)]
    return float(np.median(np.abs(known))) if len(known) else float("nan")
