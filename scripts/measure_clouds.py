"""How good the clouds of simulated takes are: a Markdown row for each, with hands and feet by themselves.

Usage: humanrig clouds TAKE for each, then: python scripts/measure_clouds.py TAKE [TAKE ...] [--instants 3]

Distances are from the surface that was really there, clothes and all, at each point's own time. `covered`: of what two
depth cameras saw of it (the exact depth image has it within 4 mm), how much has a point within 5 mm.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from scipy.spatial import KDTree

from body.loading import load_body_model
from capture.session import Session
from capture.virtual.true_frames import true_instants
from capture.virtual.truth import Truth
from geometry.rays import RayScene
from geometry.rigid import transform
from humanrig.evaluation.cloud_truth import CAMERAS_THAT_SEE, COVERED_M, VISIBLE_M
from humanrig.evaluation.world import true_world
from registration.clouds.files import cloud_path, read_cloud
from registration.fit.parts import PART_NAMES, part_of_vertex

SAMPLES = 20_000
HANDS, FEET = (tuple(PART_NAMES.index(f"{side}_{name}") for side in ("left", "right")) for name in ("hand", "foot"))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("takes", nargs="+", type=Path)
    parser.add_argument("--instants", type=int, default=3, help="of each take, evenly spread")
    arguments = parser.parse_args()
    print("| take | points | mean mm | p99.9 mm | covered % | hands: mean, covered | feet: mean, covered "
          "| e²/σ² | within σ % |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for take in arguments.takes:
        print(_row(take, arguments.instants), flush=True)


def _row(take: Path, most: int) -> str:
    session = Session.open(take)
    truth = Truth.open(session)
    T = true_world(truth.cameras(), session.cameras()).T_truth_world
    numbers = true_instants(session)
    done = [i.instant for i in session.instants() if cloud_path(session.path("clouds"), i.instant).is_file()]
    chosen = [done[k] for k in np.unique(np.linspace(0, len(done) - 1, most).round().astype(int))]
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for instant in chosen:
        _measure(session, truth, T, instant, int(numbers[instant]), found)
    all_ = {name: np.concatenate(values) for name, values in found.items()}
    mm, part = 1e3 * all_["distance"], all_["part"]
    covered, of = all_["covered"], all_["sample part"]
    ratio = (all_["signed"] / all_["sigma"]) ** 2
    parts = [
        f"{mm[np.isin(part, own)].mean():.2f}, {100 * covered[np.isin(of, own)].mean():.1f} %" for own in (HANDS, FEET)
    ]
    return (
        f"| {session.info.id} | {len(mm) // len(chosen)} | {mm.mean():.2f} | {np.percentile(mm, 99.9):.1f} | "
        f"{100 * covered.mean():.1f} | {parts[0]} | {parts[1]} | {ratio.mean():.2f} | {100 * (ratio < 1).mean():.0f} |"
    )


def _measure(session: Session, truth: Truth, T: np.ndarray, instant: int, row: int, found: dict) -> None:
    """Adds the distances and certainties of one instant's points, and which samples of the surface they cover."""
    cloud = read_cloud(cloud_path(session.path("clouds"), instant))
    points = transform(T, cloud.points)
    meshes = [truth.mesh(row, person=person) for person in truth.people]
    before = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    faces = np.concatenate([np.asarray(mesh.faces) + n for mesh, n in zip(meshes, before, strict=False)])
    bodies = [truth.mesh(row, dressed=False, person=person) for person in truth.people]
    part_of = np.tile(part_of_vertex(load_body_model()), len(bodies))
    skin = KDTree(np.concatenate([body.vertices for body in bodies]))
    near = RayScene(vertices, faces).closest(points)
    corners = vertices[faces[near.face]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    found["distance"].append(near.distance)
    found["signed"].append(np.einsum("ni,ni->n", points - near.points, normal))
    found["sigma"].append(np.asarray(cloud.sigma))
    found["part"].append(part_of[skin.query(near.points)[1]])
    samples = _samples(vertices, faces)
    samples = samples[_seen(truth, row, samples) >= CAMERAS_THAT_SEE]
    found["covered"].append(KDTree(points).query(samples)[0] <= COVERED_M)
    found["sample part"].append(part_of[skin.query(samples)[1]])


def _samples(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    face = rng.choice(len(area), SAMPLES, p=area / area.sum())
    return np.einsum("nc,nci->ni", rng.dirichlet(np.ones(3), SAMPLES), corners[face])


def _seen(truth: Truth, row: int, samples: np.ndarray) -> np.ndarray:
    """In how many depth cameras each sample is what the exact depth image shows."""
    count = np.zeros(len(samples), int)
    for name, camera in truth.cameras().items():
        if not name.endswith("/depth"):
            continue
        z = transform(camera.T_camera_world, samples)[:, 2]
        q = camera.project(samples)
        inside = np.flatnonzero(np.isfinite(q).all(1) & (z > 0))
        column, line = np.rint(q[inside]).astype(int).T
        within = (column >= 0) & (line >= 0) & (column < camera.width) & (line < camera.height)
        inside, column, line = inside[within], column[within], line[within]
        count[inside] += np.abs(truth.depth(name, row)[line, column] - z[inside]) < VISIBLE_M
    return count


if __name__ == "__main__":
    main()
