"""Pictures of the Azure Kinect's depth effects: error maps with each effect on and off, and flying pixels from near.

Usage: python scripts/sensor_effects/depth_pictures.py FOLDER
Writes depth_errors.png and flying_pixels.png: one simulated dressed person.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import tyro  # noqa: E402

from capture.virtual.backdrop import Backdrop, trace_backdrop  # noqa: E402
from capture.virtual.config import SimulationConfig  # noqa: E402
from capture.virtual.depth_effects import DepthEffects  # noqa: E402
from capture.virtual.drawable import Drawable, Studio  # noqa: E402
from capture.virtual.effects import effect_names  # noqa: E402
from capture.virtual.kinect_rendering import KinectRenderer  # noqa: E402
from capture.virtual.rig import VirtualDevice, build_rig  # noqa: E402
from capture.virtual.room import draw_room  # noqa: E402
from capture.virtual.scene import Scene  # noqa: E402
from geometry.depth import depth_to_points  # noqa: E402
from humanrig.simulation import make_scene  # noqa: E402

RANGE_MM = 15.0
ROWS, COLUMNS = slice(90, 560), slice(150, 500)


def main(folder: tyro.conf.Positional[Path], clip: str = "kick", seed: int = 3) -> None:
    """Writes both pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    config = SimulationConfig(cameras=2, clip=clip, seconds=0.4, rate_hz=10.0, seed=seed)
    scene = Scene.of(*make_scene(config))
    figure = scene.figure()
    assert figure is not None
    drawable = Drawable.of(Studio.of(figure), scene.vertices()[-1])
    device = build_rig(config)[0]
    backdrop = trace_backdrop(device, draw_room(np.random.default_rng([seed, 10])))

    def depth(effects: DepthEffects, together: bool = False) -> np.ndarray:
        stagger = 0 if together else config.depth_stagger_us
        chosen = replace(config, depth_effects=effects, depth_stagger_us=stagger)
        frame = KinectRenderer(chosen, device, 0).depth_frame(backdrop, drawable, np.random.default_rng(0))
        return np.where(frame.depth_mm == 0, np.nan, frame.depth_mm.astype(float))

    truth = 1000 * KinectRenderer(config, device, 0).depth_frame(backdrop, drawable, np.random.default_rng(0)).clean_m
    tiles = [[titled(coloured(depth(DepthEffects()) - truth), "all effects")]]
    tiles.append([titled(coloured(depth(DepthEffects.none()) - truth), "none")])
    for name in effect_names(DepthEffects):
        alone = replace(DepthEffects.none(), **{name: True})
        without = replace(DepthEffects(), **{name: False})
        together = name == "interference"
        tiles[0].append(titled(coloured(depth(alone, together) - truth), f"{name} alone"))
        tiles[1].append(titled(coloured(depth(without, together) - truth), f"all but {name}"))
    write(folder / "depth_errors.png", np.concatenate([np.concatenate(row, 1) for row in tiles]))
    write(folder / "flying_pixels.png", flying(depth, truth, backdrop, device))


def coloured(error_mm: np.ndarray) -> np.ndarray:
    """Errors from blue (too near) by grey to red (too far), missing black; BGR, the person's part."""
    part = error_mm[ROWS, COLUMNS]
    share = np.clip(np.nan_to_num(part) / RANGE_MM, -1, 1)[..., None]
    far, near, none = np.array([40, 40, 230]), np.array([230, 90, 30]), np.array([225, 225, 225])
    image = none + np.where(share > 0, share * (far - none), -share * (near - none))
    image[np.isnan(part)] = (20, 20, 20)
    return image.astype(np.uint8)


def titled(image: np.ndarray, text: str) -> np.ndarray:
    """The picture with a line of text above."""
    head = np.full((24, image.shape[1], 3), 255, np.uint8)
    cv2.putText(head, text, (4, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return np.pad(np.concatenate([head, image]), ((0, 4), (0, 4), (0, 0)), constant_values=255)


def flying(depth, truth: np.ndarray, backdrop: Backdrop, device: VirtualDevice) -> np.ndarray:
    """The outline that has most depth on it: depth images from near, and the points of its rows from above."""
    near = np.where(truth < 3300, truth, np.nan)
    jump = np.abs(np.diff(near[ROWS, COLUMNS], axis=1))
    row, column = np.unravel_index(np.argmax(cv2.blur(np.nan_to_num((jump > 200) * 1.0), (25, 25))), jump.shape)
    row, column = int(row) + ROWS.start, int(column) + COLUMNS.start
    window = slice(row - 24, row + 24), slice(column - 32, column + 32)
    pictures = []
    for name, effects in (
        ("exact", DepthEffects.none()),
        ("flying_pixels alone", replace(DepthEffects.none(), flying_pixels=True)),
        ("all effects", DepthEffects()),
    ):
        image = depth(effects)
        part = image[window]
        low, high = np.nanpercentile(truth[window], [2, 98])
        grey = np.clip(255 * (1 - (np.nan_to_num(part) - low) / max(high - low, 1)), 0, 255).astype(np.uint8)
        picture = np.repeat(grey[..., None], 3, -1)
        picture[np.isnan(part)] = (0, 0, 110)
        picture = cv2.resize(picture, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
        points = depth_to_points(image / 1000, device.depth)[window][20:28]
        plan = np.full((360, picture.shape[1], 3), 255, np.uint8)
        p = points[np.isfinite(points[..., 2])]
        x0, x1 = np.nanpercentile(p[:, 0], [0, 100])
        u = ((p[:, 0] - x0) / (x1 - x0) * (plan.shape[1] - 20) + 10).astype(int)
        v = (340 - (p[:, 2] * 1000 - low) / (high - low) * 310).astype(int)
        for a, b in zip(u, v):
            cv2.circle(plan, (int(a), int(np.clip(b, 2, 357))), 2, (160, 60, 0), -1, cv2.LINE_AA)
        pictures.append(np.concatenate([titled(picture, name), titled(plan, "8 rows from above, far is up")]))
    return np.concatenate(pictures, 1)


def write(path: Path, image: np.ndarray) -> None:
    """Writes a BGR picture."""
    if not cv2.imwrite(str(path), image):
        raise SystemExit(f"could not write {path}")
    print(path)


if __name__ == "__main__":
    tyro.cli(main)
