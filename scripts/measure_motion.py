"""Measure what the motion library draws: pose coverage by recipe, floor, skating, penetration, time; and picture it.

python scripts/measure_motion.py [--draws 12] [--no-climbs] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from body.joints import JOINT_INDEX, JOINT_NAMES
from body.motion.clip import MotionClip
from body.motion.floor import grounded_frames
from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary
from body.motion.mean_body import mean_body
from body.motion.mirror import mirrored
from body.motion.recipes import SHARE
from body.motion.retarget import to_parameters
from body.motion.self_penetration import PenetrationCheck
from humanrig.motions import motion_library

CELL_DEG = 15.0
RATE_HZ, SECONDS = 30.0, 2.0
SHOWN = ("spine1", "neck", "left_hip", "left_knee", "left_ankle", "left_shoulder", "left_elbow", "left_wrist")


def main() -> None:
    """Prints the tables; with --out writes coverage.png and strips.png."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--draws", type=int, default=12, help="motions of each recipe")
    parser.add_argument("--no-climbs", action="store_true", help="only DeepMimic's clips: 102 MB less to fetch")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    library = motion_library(climbs=not options.no_climbs)
    train = [library.clip(name) for name in library.names("train")]
    library.pose_prior()
    library.draw(np.random.default_rng(0), "train", 0.5, RATE_HZ)
    base = np.concatenate([c.rotations for clip in train for c in (clip, mirrored(clip))])
    poses, strips = {"clips": base}, []
    print(
        "recipe    frames  draw s  penetrating %  on floor %  flying %  below -15 mm %  skating mm/s (median, p95)"
        "  reach m (median, largest)"
    )
    for recipe in SHARE:
        clips, seconds = draw(library, recipe, options.draws)
        poses[recipe] = np.concatenate([clip.rotations for clip in clips])
        strips += clips[:3]
        print(row(recipe, clips, seconds))
    report_coverage(poses)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        coverage_picture(poses).save(options.out / "coverage.png")
        strip_picture(strips).save(options.out / "strips.png")


def draw(library: MotionLibrary, recipe: str, draws: int) -> tuple[list[MotionClip], list[float]]:
    """Motions of two seconds, and how long each took."""
    clips, seconds = [], []
    for seed in range(draws):
        start = time.perf_counter()
        clips.append(library.draw(np.random.default_rng([7, seed]), "train", SECONDS, RATE_HZ, recipe))
        seconds.append(time.perf_counter() - start)
    return clips, seconds


def row(recipe: str, clips: list[MotionClip], seconds: list[float]) -> str:
    """Floor, skating and penetration of one recipe's motions on the mean body."""
    model = mean_body()
    check = PenetrationCheck(model)
    lows, flights, slides, deep, reach = [], [], [], [], []
    for clip in clips:
        vertices = model.pose(to_parameters(clip, model)).vertices
        low = vertices[..., 2].min(1)
        flying = ~grounded_frames(model.pose(to_parameters(clip, model, floor="none")).vertices, RATE_HZ)
        frames = np.flatnonzero(~flying[:-1] & (low[:-1] < 0.015))
        lowest = vertices[..., 2].argmin(1)[frames]
        step = vertices[frames + 1, lowest, :2] - vertices[frames, lowest, :2]
        lows.append(low)
        flights.append(flying)
        slides.append(np.linalg.norm(step, axis=1) * RATE_HZ * 1e3)
        deep.append(check.depth(clip.rotations) > 0)
        spot = model.pose(to_parameters(clip, model, place="in_place")).joints[:, 0, :2]
        reach.append(np.linalg.norm(spot, axis=1).max())
    low, flying, slide = np.concatenate(lows), np.concatenate(flights), np.concatenate(slides)
    on_floor = (np.abs(low[~flying]) < 0.015).mean()
    return (
        f"{recipe:<9} {len(low):>6}  {np.median(seconds):.2f}    {100 * np.concatenate(deep).mean():>6.1f}"
        f" {100 * on_floor:>16.1f}"
        f" {100 * flying.mean():>9.1f} {100 * (low < -0.015).mean():>12.1f}"
        f" {np.median(slide):>16.0f}, {np.percentile(slide, 95):.0f} {np.median(reach):>9.2f}, {np.max(reach):.2f}"
    )


def occupied(rotations: np.ndarray, joint: int) -> tuple[np.ndarray, int]:
    """Visited cells of CELL_DEG of a joint's twist and swing, and how many there are within the limits."""
    limits = human_limits()
    low = np.floor(np.degrees(limits.lowest[joint]) / CELL_DEG)
    size = (np.ceil(np.degrees(limits.highest[joint]) / CELL_DEG) - low).astype(int)
    cell = np.floor(np.degrees(limits.components(rotations)[:, joint]) / CELL_DEG) - low
    cell = np.clip(cell, 0, size - 1).astype(int)
    return np.unique(cell, axis=0), int(size.prod())


def report_coverage(poses: dict[str, np.ndarray]) -> None:
    """Share of occupied cells of each joint, and the range of each, by recipe."""
    everything = {**poses, "all": np.concatenate(list(poses.values()))}
    print(f"\nshare of {CELL_DEG:g} degree cells within human limits that are occupied, %")
    print("joint          " + "".join(f"{name:>10}" for name in everything))
    for joint in SHOWN:
        shares = [len((found := occupied(r, JOINT_INDEX[joint]))[0]) / found[1] for r in everything.values()]
        print(f"{joint:<15}" + "".join(f"{100 * share:>10.1f}" for share in shares))
    print("\nmean range over joints 1..21 and axes, 1st to 99th percentile, degrees")
    limits = human_limits()
    ranges = [
        np.ptp(np.percentile(limits.components(r)[:, 1:22], [1, 99], axis=0), axis=0) for r in everything.values()
    ]
    print(" " * 15 + "".join(f"{np.degrees(value.mean()):>10.1f}" for value in ranges))


def coverage_picture(poses: dict[str, np.ndarray]) -> Image.Image:
    """For each joint the range from the 1st to the 99th percentile about each axis, one bar for each recipe."""
    colours = ["#555555", "#3b76c4", "#3ba36a", "#d08a2e", "#b04a9a"]
    image = Image.new("RGB", (1180, 40 + 21 * 34), "white")
    pen = ImageDraw.Draw(image)
    for number, name in enumerate(poses):
        pen.text((120 + 90 * number, 10), name, fill=colours[number])
    parts = {name: np.degrees(human_limits().components(r)) for name, r in poses.items()}
    for line, joint in enumerate(range(1, 22)):
        y = 34 + 34 * line
        pen.text((8, y + 8), JOINT_NAMES[joint], fill="black")
        for axis in range(3):
            middle = 290 + 350 * axis
            pen.line((middle, y, middle, y + 30), fill="#cccccc")
            for number, (_name, values) in enumerate(parts.items()):
                low, high = np.percentile(values[:, joint, axis], [1, 99])
                top = y + 2 + 6 * number
                pen.rectangle((middle + low, top, middle + max(high, low + 1), top + 4), fill=colours[number])
    return image


def strip_picture(clips: list[MotionClip], columns: int = 9, cell: int = 150) -> Image.Image:
    """One row for each clip: the body from the front and a little from the side, the floor as a line."""
    model = mean_body()
    image = Image.new("RGB", (columns * cell, len(clips) * cell), "white")
    pen = ImageDraw.Draw(image)
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    for line, clip in enumerate(clips):
        parameters = to_parameters(clip, model, place="in_place")
        frames = np.linspace(0, len(clip) - 1, columns).astype(int)
        vertices = model.pose(parameters[frames]).vertices
        floor_y = (line + 1) * cell - 12
        pen.line((0, floor_y, image.width, floor_y), fill="#999999")
        pen.text((4, line * cell + 2), f"{clip.description['recipe']}: {clip.name}", fill="black")
        for column, points in enumerate(vertices):
            flat = (points[:, :2] - points[:, :2].mean(0)) @ turn.T
            corners = np.stack([flat[:, 0], flat[:, 1], points[:, 2]], 1)[model.faces]
            normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            light = -normals[:, 1] / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
            seen = np.flatnonzero(light > 0)
            for face in seen[np.argsort(-corners[seen, :, 1].mean(1))]:
                xy = corners[face][:, [0, 2]] * [62, -62] + [(column + 0.5) * cell, floor_y]
                shade = int(70 + 160 * light[face])
                pen.polygon([tuple(point) for point in xy], fill=(shade, shade - 20, shade - 40))
    return image


if __name__ == "__main__":
    main()
