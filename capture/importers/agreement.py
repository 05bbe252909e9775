"""Whether given camera poses are right: depth that one camera saw must be what another one sees there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from jaxtyping import Float, Float32

from capture.errors import CaptureError
from geometry.camera import Camera
from geometry.rays import ray_table
from geometry.rigid import transform

TOLERANCE_M = 0.04
"""Sensor noise (17 mm), its bias (11 mm; Azure Kinect's specification) and calibration errors added up."""
STEP_PX = 6
MIN_POINTS = 200
CONFIRMED = 0.7
"""Least share of points that agree. Simulated rigs with sensor noise: 0.977 and more, inverted at most 0.19."""
UNITS_M, UNIT_CAMERAS = (0.01, 10.0), 4
"""What a unit of a reconstruction without scale may be: cameras of a rig stand 1 to 10 m apart, 0.1 to 1000 units."""
CLEARLY = 0.25
"""How much better another reading of the file must agree to contradict the one that was assumed."""

Depths = Mapping[str, Float32[np.ndarray, "_ _"]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How well depth images of overlapping cameras tell of one scene."""

    agree: int
    """Points that another camera sees at the same depth, within TOLERANCE_M."""
    contradict: int
    """Points that float in front of what another camera sees: it looks through them. Hidden points do not count."""
    median_mm: float
    """Median distance of those that agree, along the other camera's axis; NaN without any."""

    @property
    def share(self) -> float:
        """Part of the decided points that agree; 0 without any."""
        return self.agree / max(1, self.agree + self.contradict)

    @property
    def confirmed(self) -> bool:
        """Whether enough points agree."""
        return self.agree >= MIN_POINTS and self.share >= CONFIRMED

    def __str__(self) -> str:
        """For the note."""
        return f"{100 * self.share:.0f} % of {self.agree + self.contradict} points, median {self.median_mm:.0f} mm"


def depth_agreement(depths_m: Depths, cameras: Mapping[str, Camera], step_px: int = STEP_PX) -> Agreement:
    """How the depth images (metres, NaN where missing) of one moment agree, every camera's with every other's."""
    points = {name: _points(depth, cameras[name], step_px) for name, depth in depths_m.items()}
    contradict, errors = 0, [np.empty(0)]
    for seen, by in permutations(depths_m, 2):
        p_camera = transform(cameras[by].T_camera_world, points[seen])
        q = cameras[by].project_camera(p_camera)
        height, width = depths_m[by].shape
        column, row = np.rint(np.nan_to_num(q, nan=-1.0).clip(-1, 1 << 20)).astype(np.int64).T
        inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
        difference = p_camera[inside, 2] - depths_m[by][row[inside], column[inside]]
        errors.append(np.abs(difference[np.abs(difference) <= TOLERANCE_M]))
        contradict += int((difference < -TOLERANCE_M).sum())
    error = np.concatenate(errors)
    median_mm = float(np.median(error)) * 1000 if len(error) else float("nan")
    return Agreement(agree=len(error), contradict=contradict, median_mm=median_mm)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Which reading of a camera file the images support."""

    assumed: Agreement
    better: str = ""
    """The reading that the images clearly support instead of the assumed one; empty for none."""
    better_agreement: Agreement | None = None

    @property
    def text(self) -> str:
        """A sentence for the device's note."""
        if self.better:
            other = f"read as {self.better} {self.better_agreement}"
            return f"contradicted by the depth images: {self.assumed} agree, but {other}"
        if self.assumed.confirmed:
            return f"checked by reprojecting depth between cameras: {self.assumed} agree"
        return (
            f"NOT confirmed by reprojecting depth between cameras (only {self.assumed} agree): the cameras see too "
            "little in common, or poses, lens or frame numbers are not what was assumed"
        )


def judge(depths_m: Depths, assumed: Mapping[str, Camera], others: Mapping[str, Mapping[str, Camera]]) -> Judgement:
    """Compares the assumed cameras with other readings of the same file, by name."""
    first = depth_agreement(depths_m, assumed)
    found = {name: depth_agreement(depths_m, cameras) for name, cameras in others.items()}
    better = [n for n, a in found.items() if a.confirmed and a.share > first.share + CLEARLY and a.agree > first.agree]
    if not better:
        return Judgement(assumed=first)
    best = max(better, key=lambda name: found[name].agree)
    return Judgement(assumed=first, better=best, better_agreement=found[best])


def best_unit(depths_m: Depths, cameras: Mapping[str, Camera]) -> tuple[float, Agreement]:
    """The length of the camera file's unit, metres, at which most points agree, and how well they do there.

    Looked for between UNITS_M with a few cameras: by steps of 2 % where most points agree, then by steps of 0.1 % where
    they agree best.
    """
    few = dict(list(depths_m.items())[:UNIT_CAMERAS])
    coarse = np.geomspace(*UNITS_M, round(np.log(UNITS_M[1] / UNITS_M[0]) / 0.02))
    found = [depth_agreement(few, scaled(cameras, unit), 3 * STEP_PX) for unit in coarse]
    near = coarse[int(np.argmax([a.agree * a.share for a in found]))]
    fine = near * np.linspace(0.98, 1.02, 41)
    final = [depth_agreement(few, scaled(cameras, unit)) for unit in fine]
    most = max(a.agree for a in final)
    unit = float(fine[int(np.argmin([a.median_mm if a.agree > 0.9 * most else np.inf for a in final]))])
    return unit, depth_agreement(depths_m, scaled(cameras, unit))


def scaled(cameras: Mapping[str, Camera], unit_m: float) -> dict[str, Camera]:
    """The cameras with one unit of their places taken as `unit_m` metres."""
    found = {}
    for name, camera in cameras.items():
        T = camera.T_world_camera.copy()
        T[:3, 3] *= unit_m
        found[name] = camera.at(T)
    return found


def _points(depth_m: Float32[np.ndarray, "_ _"], camera: Camera, step_px: int) -> Float[np.ndarray, "points 3"]:
    """World points of every `step_px`-th pixel. Raises CaptureError for an image of another size than its camera's."""
    if depth_m.shape != (camera.height, camera.width):
        raise CaptureError(
            f"a depth image of {camera.name} is {depth_m.shape[1]}x{depth_m.shape[0]} pixels, the others are "
            f"{camera.width}x{camera.height}; copy the recording again"
        )
    z = np.asarray(depth_m, np.float64)[::step_px, ::step_px, None]
    points = np.concatenate([ray_table(camera)[::step_px, ::step_px] * z, z], -1).reshape(-1, 3)
    return transform(camera.T_world_camera, points[np.isfinite(points).all(-1)])
