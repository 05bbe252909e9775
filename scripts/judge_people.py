"""The pretrained 2D detector as an outside judge of the simulated people: how often it finds their keypoints.

A keypoint is found when it lies within 10 % of the person's size in the image (the longer side of the naked body's box)
of the truth. All keypoints with a truth are counted, hidden ones and images without any detection included; every
image is searched afresh.

Usage: python scripts/judge_people.py FOLDER [--clips walk punch ...] [--outfits dressed ...] [--seeds 0 1 2 3]
       python scripts/judge_people.py FOLDER --real     the detector on the real four-camera person, one camera left out
Sessions are kept in FOLDER and not made again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tyro
from scipy.spatial.transform import Rotation

from body.joints import JOINT_NAMES
from body.loading import load_body_model
from capture.session import Session
from capture.virtual.truth import Truth
from geometry.camera import Camera
from humanrig import pipeline
from humanrig.sample import sample_person
from humanrig.simulation import simulate_session
from humanrig.stages.keypoints import make_detector
from registration.keypoints.detections import detect_stream
from registration.keypoints.detector import Detector
from registration.keypoints.sets import (
    BLAZEPOSE,
    SMPL_JOINT_OF_KEYPOINT,
    SMPL_VERTEX_OF_KEYPOINT,
    smpl_joints,
    smpl_vertices,
)
from registration.keypoints.track import read_track

WITHIN = 0.1
UPRIGHT = ("walk", "punch", "kick", "dance_a", "jump")


def main(
    folder: tyro.conf.Positional[Path],
    clips: tuple[str, ...] = UPRIGHT,
    outfits: tuple[str, ...] = ("dressed",),
    seeds: tuple[int, ...] = (0, 1, 2, 3),
    cameras: int = 6,
    seconds: float = 1.0,
    rate: float = 5.0,
    split: str = "test",
    wardrobe: str | None = None,
    real: bool = False,
) -> None:
    """Prints the share of keypoints found, by clothing and view."""
    if real:
        judge_real(folder / "real")
        return
    found: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
    detector = make_detector()
    for outfit in outfits:
        for clip in clips:
            for seed in seeds:
                session = folder / f"{wardrobe or outfit}_{clip}_{seed}"
                if not session.exists():
                    options = {"clip": clip, "seed": seed, "outfit": outfit, "split": split, "wardrobe": wardrobe}
                    simulate_session(session, cameras=cameras, seconds=seconds, rate_hz=rate, **options)
                worn = clothing(session)
                for view, hits in judged(session, detector):
                    found[worn, view].append(hits)
                    found[worn, "all views"].append(hits)
                    found["all", view].append(hits)
                    found["all", "all views"].append(hits)
    print("| clothing | view | images | keypoints within 10 % | images with nobody found |\n|---|---|---|---|---|")
    for (outfit, view), rows in sorted(found.items()):
        every = np.stack(rows)
        nobody = np.mean(~every.any(1))
        print(f"| {outfit} | {view} | {len(every)} | {100 * every.mean():.1f} % | {100 * nobody:.1f} % |")


def clothing(folder: Path) -> str:
    """The wardrobe of the dressed, else the kind of the painted clothes."""
    outfit = json.loads((folder / "truth" / "scene.json").read_text("utf-8"))["people"]["person00"]["outfit"]
    return outfit.get("wardrobe") or outfit["kind"]


def judged(folder: Path, detector: Detector) -> Iterator[tuple[str, np.ndarray]]:
    """For each image of a simulated session: the view (front, side, back) and which keypoints were found."""
    session, truth = Session.open(folder), Truth.open(folder)
    cameras, joints = truth.cameras(), truth.joints()
    forward = Rotation.from_rotvec(truth.parameters().global_orient).as_matrix()[:, :, 2]
    for stream in session.of_kind("color"):
        camera = cameras[stream]
        for instant, frame in enumerate(session.frames(stream)):
            vertices = truth.body_vertices(instant)
            keypoints, p_world = true_keypoints(truth, vertices, joints[instant])
            people = detect_stream([frame.payload], detector).q[0]
            hits = np.zeros(len(keypoints), bool)
            if len(people):
                box = camera.project(vertices)
                size = np.ptp(box[np.isfinite(box).all(1)], axis=0).max()
                error = np.linalg.norm(people[:, keypoints] - camera.project(p_world), axis=-1)
                hits = (error < WITHIN * size)[np.argmax((error < WITHIN * size).sum(1))]
            yield view_of(camera, joints[instant, 0], forward[instant]), hits


def true_keypoints(truth: Truth, vertices: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the detector's keypoints that the body defines, and where they are in the world."""
    model = truth.model or load_body_model()
    of_joint = smpl_joints(BLAZEPOSE.names, JOINT_NAMES)
    of_vertex = smpl_vertices(BLAZEPOSE.names, model.keypoint_vertices)
    of_vertex = of_vertex[[not is_finger(BLAZEPOSE.names[k]) for k in of_vertex[:, 0]]]
    p_world = np.concatenate([joints[of_joint[:, 1]], vertices[of_vertex[:, 1]]])
    return np.concatenate([of_joint[:, 0], of_vertex[:, 0]]), p_world


def is_finger(name: str) -> bool:
    """Whether a keypoint is a knuckle; the body's vertices are finger tips."""
    return name.split("_")[-1] in ("index", "pinky", "thumb") and "foot" not in name


def view_of(camera: Camera, p_pelvis: np.ndarray, forward: np.ndarray) -> str:
    """From which side a camera sees the person."""
    to_camera = camera.center - p_pelvis
    cosine = to_camera[:2] @ forward[:2] / (np.linalg.norm(to_camera[:2]) * max(np.linalg.norm(forward[:2]), 1e-9))
    return "front" if cosine > np.sqrt(0.5) else "back" if cosine < -np.sqrt(0.5) else "side"


def judge_real(folder: Path) -> None:
    """The detector against the other three cameras of the real recording: the same share, without any truth."""
    if not folder.exists():
        sample_person(folder)
    session = Session.open(folder)
    detector = make_detector()
    print("| camera left out | images | keypoints within 10 % of the other cameras' |\n|---|---|---|")
    every = []
    for stream in session.of_kind("color"):
        device = stream.split("/")[0]
        pipeline.reconstruct(session, pipeline.Request(until="keypoints", without=frozenset({device})))
        track, camera = read_track(session.path("keypoints", "person00.npz")), session.cameras()[stream]
        chosen = [i for i, name in enumerate(track.names) if not is_finger(name) and known(name)]
        index = {i.instant: i.index.get(stream, -1) for i in session.instants()}
        hits = []
        for n, instant in enumerate(track.instants):
            q = camera.project(track.p_world[n])
            usable = [k for k in chosen if np.isfinite(q[k]).all()]
            people = detect_stream([session.frame(stream, index[int(instant)]).payload], detector).q[0]
            size = np.ptp(q[np.isfinite(q).all(1)], axis=0).max()
            error = np.linalg.norm(people[:, usable] - q[usable], axis=-1)
            within = error < WITHIN * size
            hits.append(within[np.argmax(within.sum(1))].mean() if len(people) else 0.0)
        every.append(np.mean(hits))
        print(f"| {device} | {len(hits)} | {100 * every[-1]:.1f} % |", flush=True)
    print(f"| mean | | {100 * np.mean(every):.1f} % |")


def known(name: str) -> bool:
    """Whether the body defines this keypoint, so that both tables count the same ones."""
    return name in SMPL_JOINT_OF_KEYPOINT or name in SMPL_VERTEX_OF_KEYPOINT


if __name__ == "__main__":
    tyro.cli(main)
