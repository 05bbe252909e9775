"""Measure clothes on people of the body bank: distance to the skin, penetration, time and faces; prints Markdown.

python scripts/measure_clothing.py --people 40
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from scipy.spatial import KDTree

from body.bank import load_body_bank
from body.garments import Costume, tailor
from body.garments.contact import PosedSurface
from body.garments.wardrobe import WARDROBES, Wardrobe
from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.model import BodyModel, PosedBody
from body.parameters import BodyParameters

DEEP_M = 0.001
"""Cloth farther than this under the skin counts as penetration."""
UP = (0.0, 1.0, 0.0)
Turns = Mapping[str, tuple[float, float, float]]
"""Rotation vectors of joints, radians."""
_ARMS: Turns = {"left_shoulder": (0, 0, -1.15), "right_shoulder": (0, 0, 1.15)}
_SEAT: Turns = {"left_hip": (-1.45, 0, 0.12), "right_hip": (-1.45, 0, -0.12)}
_KNEES: Turns = {"left_knee": (1.5, 0, 0), "right_knee": (1.5, 0, 0)}
_KICK: Turns = {"left_hip": (-1.6, 0, 0.1), "right_hip": (0.15, 0, 0), "left_knee": (0.2, 0, 0), "spine1": (-0.1, 0, 0)}
_SWING: Turns = {"left_shoulder": (0.5, 0, -1.0), "right_shoulder": (-0.4, 0, 0.9), "right_elbow": (0, 0.8, 0)}
POSES: dict[str, Turns] = {"standing": _ARMS, "seated": {**_ARMS, **_SEAT, **_KNEES}, "kick": {**_KICK, **_SWING}}


def posed(model: BodyModel, poses: list[Turns]) -> PosedBody:
    """A person of the bank in each pose, in the body's own frame."""
    turns = np.zeros((len(poses), 24, 3))
    for row, joints in zip(turns, poses):
        for name, turn in joints.items():
            row[JOINT_INDEX[name]] = turn
    return model.pose(
        BodyParameters(
            betas=np.zeros(0),
            global_orient=turns[:, 0],
            body_pose=turns[:, 1:].reshape(len(poses), -1),
            transl=np.zeros((len(poses), 3)),
        )
    )


def under_skin(costume: Costume, vertices: np.ndarray, dressed: np.ndarray) -> dict[str, float]:
    """Share of each garment's vertices that lie under the skin, where the skin itself leaves room.

    Where two parts of the naked body lie within 5 mm of each other or in each other (armpit, groin, lap) no cloth fits;
    such places are left out.
    """
    surface = PosedSurface.of(costume.topology, vertices)
    probe = np.ascontiguousarray(surface.vertices + 0.005 * surface.normals)
    near = _nearest(surface.vertices, probe)
    crowded = surface.signed_distances(probe, near) < 0.0035
    shares = {}
    for name, where in costume.pieces.items():
        points = np.ascontiguousarray(dressed[costume.body_vertex_count :][where])
        near = _nearest(surface.vertices, points)
        free = ~crowded[near[:, 0]]
        distance = surface.signed_distances(points, near.copy())
        shares[name] = float((distance[free] < -DEEP_M).mean()) if free.any() else 0.0
    return shares


def _nearest(vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
    nearest = np.asarray(KDTree(vertices).query(points)[1], np.int32)
    return np.stack([nearest, nearest], 1)


def main() -> None:
    """Prints one table by garment and one by wardrobe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40, help="people of the bank, evenly spread")
    count = parser.parse_args().people
    bank = load_body_bank(load_body_model())
    distances, inside = defaultdict(list), defaultdict(lambda: defaultdict(list))
    faces, tailoring, dressing = defaultdict(list), defaultdict(list), defaultdict(list)
    for number in range(count):
        subject = bank.subjects[number * len(bank.subjects) // count]
        model = bank.model(subject.name)
        kind: Wardrobe = WARDROBES[number % len(WARDROBES)]
        start = time.thread_time()
        costume = tailor(model, np.random.default_rng(number), kind, subject.sex, subject.age_years)
        tailoring[kind].append(time.thread_time() - start)
        faces[kind].append(len(costume.faces))
        body = posed(model, list(POSES.values()))
        assert body.transforms is not None
        for pose, vertices, Ts in zip(POSES, body.vertices, body.transforms):
            costume.dress(vertices, Ts, UP)  # caches warm
            start = time.thread_time()
            dressed = costume.dress(vertices, Ts, UP)
            dressing[kind].append(time.thread_time() - start)
            for name, share in under_skin(costume, vertices, dressed).items():
                inside[name.split()[-1] if "shoe" in name else name][pose].append(share)
            if pose == "standing":
                for name, distance in costume.clearances(vertices, dressed).items():
                    distances[name.split()[-1] if "shoe" in name else name].append(1e3 * distance)
    print("| garment | p5, mm | median, mm | p95, mm |", *(f"under the skin, {pose}, % |" for pose in POSES))
    print("|---|---|---|---|" + "---|" * len(POSES))
    for name in sorted(distances):
        low, middle, high = np.quantile(np.concatenate(distances[name]), [0.05, 0.5, 0.95])
        shares = " | ".join(f"{100 * np.mean(inside[name][pose]):.2f}" for pose in POSES)
        print(f"| {name} | {low:.1f} | {middle:.1f} | {high:.1f} | {shares} |")
    print("\n| wardrobe | faces, median | tailor, s (median) | dress, ms (median) | dress, ms (largest) |")
    print("|---|---|---|---|---|")
    for kind in WARDROBES:
        ms = 1e3 * np.array(dressing[kind])
        print(f"| {kind} | {np.median(faces[kind]):.0f} | {np.median(tailoring[kind]):.1f} | {np.median(ms):.1f} | "
              f"{ms.max():.1f} |")  # fmt: skip


if __name__ == "__main__":
    main()
