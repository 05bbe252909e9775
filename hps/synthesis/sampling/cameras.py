"""The cameras of a scene: all round, from knee height to above the heads, near and far, aimed at the people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from capture.errors import CaptureError
from capture.virtual.room import HALF_WIDTH_M
from geometry.rigid import inverse, look_at, transform
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.seeds import split_seed
from hps.synthesis.scenes.rows import CameraRow, Split

HEIGHTS_M: Final = (0.4, 2.6)
"""From a knee to just below the ceiling."""
FIELDS_DEG: Final = (50.0, 70.0)
"""Horizontal field of view; an Azure Kinect's depth camera has 75, a phone's main camera about 65."""
FROM_WALL_M, FROM_PEOPLE_M, FROM_THINGS_M = 0.15, 0.7, 0.3
"""From 0.5 m one back filled the whole picture of every tenth camera in a crowd."""
ROLL_DEG: Final = 3.0
"""Standard deviation; one camera in ROLLED_OFTEN is held aslant, up to ROLLED_DEG."""
ROLLED_OFTEN, ROLLED_DEG = 10, 20.0
OFF_AIM_M: Final = 0.15
"""Standard deviation of the point that is aimed at."""
OFF_CENTRE: Final = 0.01
"""Standard deviation of the principal point from the middle, as a share of the picture's width."""
IN_VIEW, MOST = 0.6, 0.6
"""A camera is kept when this share of each body is in its picture, for this share of the people."""
TRIES: Final = 60
NEAREST_M, FLOOR_MOST_M = 0.8, 20.0


def on_open_floor(config: SynthesisConfig) -> bool:
    """Whether cameras may stand beyond the walls: clouds alone are made, and what is behind people is an open floor."""
    return set(config.passes) == {"clouds"} and config.cloud_surroundings == "floor"


def check_distances(config: SynthesisConfig) -> None:
    """Raises HpsError for distances at which no camera can stand."""
    low, high = config.distance_m
    most = FLOOR_MOST_M if on_open_floor(config) else HALF_WIDTH_M - FROM_WALL_M
    if not NEAREST_M <= low <= high:
        raise HpsError(f"cameras at {low:g} to {high:g} m: give {NEAREST_M:g} m or more, the nearest first")
    if low > most:
        raise HpsError(
            f"cameras at {low:g} to {high:g} m do not fit: the nearest may be at {most:.2f} m at most"
            + ("" if on_open_floor(config) else " in a room (clouds alone can be made on an open floor)")
        )


def draw_cameras(
    rng: np.random.Generator,
    config: SynthesisConfig,
    scene: str,
    split: Split,
    skin: Sequence[Float[np.ndarray, "frames points 3"]],
    solid: Sequence[Float[np.ndarray, "_ 3"]],
) -> tuple[CameraRow, ...]:
    """`config.views` cameras round the people (`skin`, world) and the furniture (`solid`).

    Of those that see too few people the best is taken. Raises CaptureError when there is no free place for one.
    """
    people = KDTree(np.concatenate([points.reshape(-1, 3) for points in skin]))
    things = KDTree(np.concatenate(solid)) if solid else None
    middles = np.stack([points.mean((0, 1)) for points in skin])
    start = rng.uniform(0, 2 * np.pi)
    rows = []
    for number in range(config.views):
        best: tuple[float, CameraRow] | None = None
        for _ in range(TRIES):
            azimuth = start + 2 * np.pi * (number + rng.uniform(-0.5, 0.5)) / config.views
            eye = _eye(rng, config, middles.mean(0), azimuth)
            if eye is None or people.query(eye)[0] < FROM_PEOPLE_M:
                continue
            if things is not None and things.query(eye)[0] < FROM_THINGS_M:
                continue
            row = _row(rng, config, scene, number, split, eye, middles)
            seen = share_in_view(row, skin)
            good = float((seen >= IN_VIEW).mean())
            if best is None or good + seen.mean() > best[0]:
                best = good + float(seen.mean()), row
            if good >= MOST:
                break
        if best is None:
            raise CaptureError(
                f"{scene}: no free place for camera {number} at {config.distance_m[0]:g} to {config.distance_m[1]:g} m "
                f"from the people, inside a room of {2 * HALF_WIDTH_M:g} m; choose other distances, or less furniture"
            )
        rows.append(best[1])
    return tuple(rows)


def share_in_view(row: CameraRow, skin: Sequence[Float[np.ndarray, "frames points 3"]]) -> Float[np.ndarray, "people"]:
    """Share of each body's points, over time, that fall into the picture, whatever is before them."""
    camera = row.to_camera()
    shares = []
    for points in skin:
        p = transform(inverse(camera.T_world_camera), points.reshape(-1, 3))
        before = p[:, 2] > 0.05
        q = p[before, :2] / p[before, 2:] * [row.fx, row.fy] + [row.cx, row.cy]
        inside = (q > -0.5).all(1) & (q < [row.width - 0.5, row.height - 0.5]).all(1)
        shares.append(inside.sum() / len(p))
    return np.array(shares)


def _eye(
    rng: np.random.Generator, config: SynthesisConfig, middle: Float[np.ndarray, "3"], azimuth: float
) -> Float[np.ndarray, "3"] | None:
    """A place inside the room; None when this draw is not."""
    distance, height = rng.uniform(*config.distance_m), rng.uniform(*HEIGHTS_M)
    level = np.sqrt(max(distance**2 - (height - middle[2]) ** 2, 0.0))
    eye = np.array([middle[0] + level * np.cos(azimuth), middle[1] + level * np.sin(azimuth), height])
    inside = on_open_floor(config) or np.abs(eye[:2]).max() <= HALF_WIDTH_M - FROM_WALL_M
    return eye if inside and level > 0.3 else None


def _row(
    rng: np.random.Generator,
    config: SynthesisConfig,
    scene: str,
    number: int,
    split: Split,
    eye: Float[np.ndarray, "3"],
    middles: Float[np.ndarray, "people 3"],
) -> CameraRow:
    # A single middle would leave half of a wide group aside: one person among them draws the eye.
    share = rng.uniform(0, 0.5)
    aim = (1 - share) * middles.mean(0) + share * middles[int(rng.integers(len(middles)))]
    aim = aim + rng.normal(0, OFF_AIM_M, 3)
    aslant = rng.uniform(-ROLLED_DEG, ROLLED_DEG) if rng.integers(ROLLED_OFTEN) == 0 else rng.normal(0, ROLL_DEG)
    T_world_camera = look_at(eye, aim)
    T_world_camera[:3, :3] = T_world_camera[:3, :3] @ Rotation.from_euler("z", aslant, degrees=True).as_matrix()
    focal = float(config.width / 2 / np.tan(np.radians(rng.uniform(*FIELDS_DEG)) / 2))
    off = rng.normal(0, OFF_CENTRE * config.width, 2)
    return CameraRow(
        scene=scene,
        camera=number,
        sensor=config.sensors[int(rng.integers(len(config.sensors)))],
        unit_seed=split_seed(rng, split),
        width=config.width,
        height=config.height,
        fx=focal,
        fy=focal,
        cx=float((config.width - 1) / 2 + off[0]),
        cy=float((config.height - 1) / 2 + off[1]),
        **CameraRow.placed(T_world_camera),
    )
