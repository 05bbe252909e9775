"""Annotations: 2D keypoints with visibility, and body parts, of everybody in every picture (docs/annotations.md).

Keypoints are the fitted body's, projected through the full lens model, as HuMMan's are reprojections of its 3D points.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from body.joints import JOINT_NAMES
from calibration.depth.applying import corrected_depth
from calibration.given import read_calibration
from calibration.rig import device_of
from capture.frame_sets import Instant
from capture.session import CALIBRATED_CAMERAS
from geometry.camera import Camera
from geometry.warp import warp_depth_to_color
from humanrig.errors import DiskError, HumanrigError
from humanrig.results import Results
from registration.annotations.body_parts import DrawnBodies, box_of, draw_bodies, part_areas, without_hidden
from registration.annotations.keypoints2d import (
    COCO17,
    COCO_SKELETON,
    OUTSIDE,
    VISIBLE,
    Keypoints2D,
    coco_points,
    joint_of_keypoint,
    keypoints_in,
)

SCHEMA = 1
KINDS = ("color", "depth")


def write(people: Sequence[Results], folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes STREAM.json, parts/STREAM/NNNNNN.png and people/STREAM/NNNNNN.png; returns lines for source.txt.

    Raises HumanrigError when no camera is calibrated, or the people were fitted with different body models.
    """
    session = people[0].session
    cameras = session.cameras()
    streams = [s for kind in KINDS for s in session.of_kind(kind) if s in cameras]
    if not streams:
        raise HumanrigError(f"{session.folder} has no calibrated camera; run the stage calibrate")
    posed = [_Person(results) for results in people]
    wanted = sorted({i for person in posed for i in person.row})
    instants = [i for i in session.instants() if i.instant in set(wanted)]
    corrections = read_calibration(session.path(*CALIBRATED_CAMERAS)).depth_corrections
    total, done, drawn_images = len(instants) * len(streams), 0, 0
    for stream in streams:
        images, annotations = [], []
        for instant in instants:
            done += 1
            on_progress(done, total)
            if not instant.has(stream):
                continue
            seen = [person for person in posed if instant.instant in person.row]
            drawn = draw_bodies(people[0].model, [p.vertices(instant.instant) for p in seen], cameras[stream])
            free = without_hidden(drawn, _measured(people[0], corrections, stream, instant, cameras))
            images.append(_image(stream, cameras[stream], instant))
            for n, person in enumerate(seen):
                annotations.append(person.annotation(len(annotations) + 1, instant, cameras[stream], drawn, free, n))
            _write_png(folder / "parts" / stream / f"{instant.instant:06d}.png", free.part)
            numbers = np.array([person.results.number + 1 for person in seen] + [0])
            _write_png(folder / "people" / stream / f"{instant.instant:06d}.png", numbers[free.person].astype(np.uint8))
            drawn_images += 1
        path = folder / f"{stream}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_file(people[0], stream, cameras[stream], images, annotations)), "utf-8")
    return [
        f"{len(streams)} streams with {drawn_images} pictures: STREAM.json in COCO's layout, and SMPL's 24 joints",
        "pixels of the recorded images, not undistorted: the centre of the top-left pixel is (0, 0); v: "
        "0 outside, 1 hidden, 2 visible",
        "parts/: 0 nobody, 1 + SMPL's joint of the body's skin; people/: 0 nobody, 1 + the person's number",
        "both are the naked body's: clothes and hair reach beyond; what a depth camera measured in front is left out",
    ]


@dataclass(eq=False)
class _Person:
    """One fitted person, posed when a picture asks for it."""

    results: Results

    def __post_init__(self) -> None:
        body = self.results.body
        self.row = {int(i): r for r, i in enumerate(body["instants"])}
        names = tuple(str(n) for n in body["landmark_names"]) if "landmark_names" in body else ()
        landmarks = body["landmarks"] if "landmarks" in body else np.zeros((len(body["joints"]), 0, 3))
        self.coco = coco_points(names, landmarks.astype(np.float64), body["joints"].astype(np.float64))
        self.joints = body["joints"].astype(np.float64)
        self.sigma = body.get("joint_sigma", np.full(self.joints.shape[:2], np.nan)).astype(np.float64)
        self.flags = body["flags"] if "flags" in body else np.full(len(self.joints), "")
        self._posed: tuple[int, np.ndarray] = (-1, np.zeros((0, 3)))

    def vertices(self, instant: int) -> np.ndarray:
        """World, metres."""
        if self._posed[0] != instant:
            row = self.row[instant]
            self._posed = (instant, self.results.model.pose(self.results.parameters[row : row + 1]).vertices[0])
        return self._posed[1]

    def annotation(
        self, number: int, instant: Instant, camera: Camera, drawn: DrawnBodies, free: DrawnBodies, place: int
    ) -> dict[str, Any]:
        """One person in one picture, in COCO's words and some of ours."""
        row = self.row[instant.instant]
        as_joints = [joint_of_keypoint(name) for name in COCO17]
        sigma = self.sigma[row]
        coco = keypoints_in(camera, COCO17, self.coco[row], sigma[as_joints], drawn, free, place)
        joints = keypoints_in(camera, JOINT_NAMES, self.joints[row], sigma, drawn, free, place)
        box, area = box_of(free, place)
        p_camera = self.joints[row] @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]
        return {
            "id": number, "image_id": instant.instant, "category_id": 1, "iscrowd": 0,
            "person": self.results.person, "flag": str(self.flags[row]),
            "bbox": box, "area": area, "part_area": part_areas(free, place).tolist(),
            "num_keypoints": int((coco.visible > OUTSIDE).sum()), "keypoints": _flat(coco),
            "keypoints_visible": int((coco.visible == VISIBLE).sum()),
            "keypoints_sigma_px": _rounded(coco.sigma_px),
            "smpl_joints": _flat(joints), "smpl_joints_sigma_px": _rounded(joints.sigma_px),
            "smpl_joints_camera_m": np.round(p_camera, 5).tolist(),
        }  # fmt: skip


def _measured(
    results: Results, corrections: dict[str, Any], stream: str, instant: Instant, cameras: dict[str, Camera]
) -> np.ndarray | None:
    """What the stream's device measured, as its camera sees it; None without a depth image."""
    depth = f"{device_of(stream)}/depth"
    if depth not in cameras or not instant.has(depth):
        return None
    payload = results.session.frame(depth, instant.index[depth]).payload
    measured = corrected_depth(payload, corrections.get(depth))
    return measured if stream == depth else warp_depth_to_color(measured, cameras[depth], cameras[stream])


def _image(stream: str, camera: Camera, instant: Instant) -> dict[str, Any]:
    return {
        "id": instant.instant, "instant": instant.instant, "stream": stream, "frame": instant.index[stream],
        "time_us": instant.time_us, "offset_us": instant.offset_us.get(stream, 0),
        "width": camera.width, "height": camera.height,
        "parts": f"parts/{stream}/{instant.instant:06d}.png", "people": f"people/{stream}/{instant.instant:06d}.png",
    }  # fmt: skip


def _file(results: Results, stream: str, camera: Camera, images: list[Any], annotations: list[Any]) -> dict[str, Any]:
    body = results.body
    return {
        "info": {
            "schema": SCHEMA, "session": results.session.info.id, "stream": stream, "body_model": str(body["model"]),
            "body_model_sha256": str(body["model_sha256"]), "pixels": "the centre of the top-left pixel is (0, 0)",
        },
        "camera": {
            "K": camera.K.tolist(), "distortion": camera.distortion.tolist(),
            "distortion_order": "k1 k2 p1 p2 k3 k4 k5 k6", "T_world_camera": camera.T_world_camera.tolist(),
        },
        "categories": [
            {
                "id": 1, "name": "person", "supercategory": "person", "keypoints": list(COCO17),
                "skeleton": [list(pair) for pair in COCO_SKELETON], "smpl_joints": list(JOINT_NAMES),
                "parts": ["nobody", *JOINT_NAMES],
            }
        ],
        "images": images,
        "annotations": annotations,
    }  # fmt: skip


def _flat(points: Keypoints2D) -> list[float]:
    """x, y, v of each point, one after the other; zeros outside, as COCO has it."""
    inside = points.visible > OUTSIDE
    q = np.where(inside[:, None], np.round(points.q, 2), 0.0)
    return np.concatenate([q, points.visible[:, None]], 1).ravel().tolist()


def _rounded(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 2) for value in values]


def _write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image):
        raise DiskError(f"{path} could not be written; is the disk full?")
