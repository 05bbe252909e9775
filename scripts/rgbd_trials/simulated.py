"""Simulated people in pictures with a sensor's depth, of the body bank's held-out people, and what a detector sees."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import Float

from capture.virtual.iphone import DEPTH_SIZE
from geometry.camera import Camera
from geometry.rigid import rotate
from hps.rgb.from_detector import keypoint_batch
from hps.rgbd.cutting import person_points
from hps.rgbd.view import RgbdView
from hps.synthesis.reading import SyntheticDataset
from humanrig.stages.keypoints import make_detector
from humanrig.synthesis.picture_progress import picture_progress
from humanrig.synthesis.synthesis import synthesize_dataset
from registration.keypoints.detector import Detector
from registration.masks.color_masks import color_people_from_detections

COMMON: Final[dict[str, Any]] = {
    "frames": 2, "rate_hz": 5.0, "appearances": 1, "groups": 0.0, "crowds": 0.0, "furniture": 1,
    "distance_m": (1.8, 3.2), "sensor_depth": True,
}  # fmt: skip
SETS: Final[dict[str, dict[str, Any]]] = {
    "kinect": COMMON | {"people": 18, "shares": (0.0, 1 / 3, 2 / 3), "views": 3, "sensors": ("kinect",), "seed": 1010},
    "iphone": COMMON | {"people": 10, "shares": (0.0, 0.0, 1.0), "views": 2, "sensors": ("iphone",), "seed": 1011},
}
"""What `humanrig synthesize` is asked for: 36 validation and 72 test pictures, and 40 test pictures of a phone."""
PERSON_IOU: Final = 0.3
"""A detection whose box overlaps the true one less is somebody else, or nobody."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SimulatedFrame:
    """One picture with its truth, in the camera's frame."""

    key: str
    subject: str
    view: RgbdView
    camera: Camera
    joints: Float[np.ndarray, "24 3"]
    hidden: float
    """Share of the person that is out of the picture or behind something."""
    image: np.ndarray = field(repr=False)


def made(folder: Path, name: str, split: str) -> list[SimulatedFrame]:
    """The pictures of a split of one of SETS, made where they are not there yet."""
    synthesize_dataset(
        folder / name, dict(SETS[name]), workers=1, report=False, bar=picture_progress,
        on_said=lambda said: print(said, file=sys.stderr),
    )  # fmt: skip
    return frames_of(folder / name, split, make_detector)


def frames_of(
    folder: Path,
    split: str,
    make_detector: Callable[[], Detector],
    on_progress: Callable[[int, int], None] | None = None,
) -> list[SimulatedFrame]:
    """The pictures of a split with one person in view; what the detector saw is kept beside the data set."""
    kept = folder / "cache" / f"rgbd_{split}.pickle"
    data = SyntheticDataset(folder, split)
    if kept.is_file():
        seen = pickle.loads(kept.read_bytes())  # written below, by this program
    else:
        detector, seen = make_detector(), {}
        for n in range(len(data)):
            seen[data[n].key] = detector.detect(data[n].array("color.jpg"))
            if on_progress is not None:
                on_progress(n + 1, len(data))
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(pickle.dumps(seen))
    phone = data.config.sensors == ("iphone",)
    found = [_frame(data[n], seen[data[n].key], phone) for n in range(len(data))]
    return [frame for frame in found if frame is not None]


def _frame(sample: Any, people: list[Any], phone: bool) -> SimulatedFrame | None:
    from registration.keypoints.sets import BLAZEPOSE

    row = sample.rows["labels"][0]
    if "out_of_view" in " ".join(row["picture_flags"]):
        return None
    image = sample.array("color.jpg")
    camera = Camera(name="color", K=np.reshape(row["K"], (3, 3)), width=row["width"], height=row["height"])
    depth, depth_camera = np.asarray(sample.array("sensor_depth.png"), np.float32), camera
    if phone:  # whose pixels were spread over the picture
        depth_camera = camera.resized(*DEPTH_SIZE)
        depth = np.asarray(cv2.resize(depth, DEPTH_SIZE, interpolation=cv2.INTER_NEAREST), np.float32)
    T_world_camera = np.reshape(row["T_world_camera"], (4, 4))
    up = rotate(np.linalg.inv(T_world_camera), np.array([0.0, 0.0, 1.0]))
    mine = [one for one in people if _overlap(one.q, np.array(row["joints_2d"]).reshape(24, 2)) > PERSON_IOU]
    keypoints, mask = None, np.zeros(image.shape[:2], bool)
    if mine:
        best = mine[0]
        keypoints = keypoint_batch(
            camera, best.q[None], best.visibility[None], np.array([best.pixel_size]), BLAZEPOSE.names, focal_known=True
        )
        mask = color_people_from_detections({0: (best.mask, 2.5)}, image) == 0
    cloud = person_points(depth, depth_camera, camera, mask, up=up)
    return SimulatedFrame(
        key=sample.key,
        subject=row["subject"],
        view=RgbdView(cloud=cloud, keypoints=keypoints),
        camera=camera,
        joints=np.array(row["joints_camera"], np.float64).reshape(24, 3),
        hidden=1 - (1 - float(row["occluded"])) * (1 - float(row["truncated"])),
        image=image,
    )


def _overlap(q: np.ndarray, truth: np.ndarray) -> float:
    """Of the boxes of two sets of pixels: area shared over area of both."""
    low, high = np.maximum(q.min(0), truth.min(0)), np.minimum(q.max(0), truth.max(0))
    shared = float(np.clip(high - low, 0, None).prod())
    return shared / (float(np.ptp(q, axis=0).prod() + np.ptp(truth, axis=0).prod()) - shared)
