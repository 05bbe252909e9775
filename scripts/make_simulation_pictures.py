"""Contact sheets of the virtual rig, to be looked at: people, views of one instant, a crowd.

Usage: python scripts/make_simulation_pictures.py FOLDER
Writes people.png (24 people), views.png (10 views of one instant, colour above depth) and crowd.png (six people among
furniture) into FOLDER; sessions are kept there and not made again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tyro

from capture.session import Session
from capture.virtual.truth import Truth
from geometry.camera import Camera
from humanrig.simulation import simulate_session

WARDROBE_CLIPS = ("walk", "punch", "dance_a", "kick", "jump", "random")


def main(folder: tyro.conf.Positional[Path], people: int = 24, views: int = 10, height: int = 360) -> None:
    """Makes the three sheets."""
    folder.mkdir(parents=True, exist_ok=True)
    tiles = []
    for seed in range(people):
        clip = WARDROBE_CLIPS[seed % len(WARDROBE_CLIPS)]
        session = take(folder / f"person_{seed:02d}", clip=clip, seed=seed, cameras=1, seconds=0.1, rate_hz=10.0)
        tiles.append(portrait(session, "kinect_000/color", height))
    write(folder / "people.png", grid(tiles, 8))
    session = take(folder / "views", clip="dance_a", seed=3, cameras=views, seconds=0.1, rate_hz=10.0)
    color = [portrait(session, name, height) for name in session.of_kind("color")]
    depth = [depth_picture(session.frame(name, 0).payload, height) for name in session.of_kind("depth")]
    rows = [grid(color, views), grid(depth, views)]
    width = max(row.shape[1] for row in rows)
    write(folder / "views.png", np.concatenate([resized_width(row, width) for row in rows]))
    crowd = {"clip": "random", "people": 6, "furniture": 4, "radius_m": 3.0}
    session = take(folder / "crowd", seed=5, cameras=4, seconds=0.1, rate_hz=10.0, **crowd)
    write(folder / "crowd.png", grid([resized(session.frame(s, 0).payload, 540) for s in session.of_kind("color")], 2))


def take(folder: Path, **options: Any) -> Session:
    """The session of these options, made when it is not there."""
    if not folder.exists():
        simulate_session(folder, **options)
    return Session.open(folder)


def portrait(session: Session, stream: str, height: int) -> np.ndarray:
    """The first image, cut around the person."""
    truth = Truth.open(session)
    camera: Camera = truth.cameras()[stream]
    q = camera.project(truth.body_vertices(0))
    q = q[np.isfinite(q).all(1)]
    image = session.frame(stream, 0).payload
    middle, half = (q.min(0) + q.max(0)) / 2, 0.58 * np.ptp(q, axis=0).max()
    left, top = np.round(middle - [0.62 * half, half]).astype(int)
    right, bottom = np.round(middle + [0.62 * half, half]).astype(int)
    padded = cv2.copyMakeBorder(image, 400, 400, 400, 400, cv2.BORDER_REPLICATE)
    return resized(padded[top + 400 : bottom + 400, left + 400 : right + 400], height)


def depth_picture(depth_m: np.ndarray, height: int) -> np.ndarray:
    """Near is bright; missing is dark red."""
    grey = np.clip(255 * (1 - (np.nan_to_num(depth_m) - 1) / 3), 0, 255).astype(np.uint8)
    picture = np.repeat(grey[..., None], 3, -1)
    picture[np.isnan(depth_m)] = (70, 0, 0)
    return resized(picture, height * 3 // 4)


def resized(image: np.ndarray, height: int) -> np.ndarray:
    """The image at a height."""
    width = round(image.shape[1] * height / image.shape[0])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def resized_width(image: np.ndarray, width: int) -> np.ndarray:
    """The image at a width."""
    return cv2.resize(image, (width, round(image.shape[0] * width / image.shape[1])), interpolation=cv2.INTER_AREA)


def grid(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    """Tiles of one height in rows; each column as wide as its widest tile."""
    width = max(tile.shape[1] for tile in tiles)
    padded = [cv2.copyMakeBorder(t, 0, 0, 0, width - t.shape[1], cv2.BORDER_CONSTANT) for t in tiles]
    padded += [np.zeros_like(padded[0])] * (-len(padded) % columns)
    return np.concatenate([np.concatenate(padded[i : i + columns], 1) for i in range(0, len(padded), columns)])


def write(path: Path, image: np.ndarray) -> None:
    """Writes an RGB picture."""
    if not cv2.imwrite(str(path), image[..., ::-1]):
        raise SystemExit(f"could not write {path}")
    print(path)


if __name__ == "__main__":
    tyro.cli(main)
