"""What BlazePose says of the people in pictures of `humanrig synthesize`, beside their true keypoints."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from body.loading import load_body_model
from body.rotations import axis_angle_to_matrix
from geometry.camera import Camera
from hps.errors import HpsError
from hps.rgb.detector_error.samples import DetectorSamples, joined, matched, samples_of
from hps.rgb.from_detector import keypoint_batch
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import places
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.photograph import photograph
from hps.rgb.simulation.views import Views
from hps.synthesis.reading import SyntheticDataset
from humanrig.wheel_assets import blazepose_weights
from registration.keypoints.blazepose import BlazePose
from registration.keypoints.sets import BLAZEPOSE

SEEN: Final = 0.8
"""People count of whom at least this share is in the picture and hidden by nobody else: simulated people of the
lifting benchmark are alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenInRenders:
    """Detected people, a row each."""

    pictures: int
    people: int
    """Seen, detected or not."""
    truth: LiftingBatch
    """Exact keypoints: where the detector means them on average."""
    samples: DetectorSamples


def seen_in_renders(dataset: Path) -> SeenInRenders:
    """All pictures of all splits that there are."""
    model, detector = load_body_model(), BlazePose(*blazepose_weights())
    pictures = people = 0
    truths: list[LiftingBatch] = []
    samples: list[DetectorSamples] = []
    for split in ("train", "validation", "test"):
        try:
            data = SyntheticDataset(dataset, split, ["images", "labels"])
        except HpsError:
            continue
        bodies = SplitBodies(model, split)
        for sample in data:
            pictures += 1
            rows = sample.rows["labels"]
            truth = true_keypoints(rows, bodies)
            whole = np.array([row["pixels_visible"] / max(row["pixels_whole"], 1) for row in rows])
            people += int((whole >= SEEN).sum())
            found = detector.detect(sample.array("color.jpg"))
            if not found:
                continue
            q = np.stack([person.q for person in found])
            at = places(BLAZEPOSE.names)
            pairs = matched(truth.keypoints.q.double().numpy(), (truth.keypoints.confidence > 0).numpy(), q[:, at])
            pairs = [(p, d) for p, d in pairs if whole[p] >= SEEN]
            if not pairs:
                continue
            mine = truth.rows(torch.tensor([p for p, _ in pairs]))
            keys = keypoint_batch(
                camera_of(rows[0]),
                q[[d for _, d in pairs]],
                np.stack([found[d].visibility for _, d in pairs]),
                np.array([found[d].pixel_size for _, d in pairs]),
                BLAZEPOSE.names,
                focal_known=True,
            )
            names = np.array([rows[p]["person"] for p, _ in pairs])
            samples.append(samples_of(mine, keys, names))
            truths.append(mine)
    if not samples:
        raise HpsError(f"nobody was detected in {dataset}; is it a data set with pictures and labels?")
    return SeenInRenders(pictures=pictures, people=people, truth=stacked(truths), samples=joined(samples))


def true_keypoints(rows: list[dict[str, Any]], bodies: SplitBodies) -> LiftingBatch:
    """Of the people of one picture."""
    turns = np.array([[*row["global_orient_camera"], *np.ravel(row["body_pose"])] for row in rows]).reshape(-1, 24, 3)
    who = torch.tensor([bodies.names.index(row["subject"]) for row in rows])
    g = torch.Generator().manual_seed(0)
    posed = bodies.pose(who, axis_angle_to_matrix(torch.tensor(turns, dtype=torch.float32)), who * 0, g)
    pelvis = np.array([np.ravel(row["joints_camera"])[:3] for row in rows])
    views = Views(
        R_camera_world=torch.eye(3).expand(len(rows), 3, 3),
        p_pelvis=torch.tensor(pelvis, dtype=torch.float32),
        K=torch.tensor(np.array([row["K"] for row in rows]).reshape(-1, 3, 3), dtype=torch.float32),
        size=torch.tensor([[row["width"], row["height"]] for row in rows], dtype=torch.float32),
    )
    return photograph(posed, views, bodies, who=who)


def camera_of(row: dict[str, Any]) -> Camera:
    """Of the picture that a row of labels belongs to."""
    return Camera(
        name="picture",
        width=row["width"],
        height=row["height"],
        K=np.array(row["K"]).reshape(3, 3),
        distortion=np.zeros(8),
        T_world_camera=np.array(row["T_world_camera"]).reshape(4, 4),
    )


def stacked(parts: list[LiftingBatch]) -> LiftingBatch:
    """All people of several batches."""
    keys = KeypointBatch(
        **{f.name: torch.cat([getattr(p.keypoints, f.name) for p in parts]) for f in fields(KeypointBatch)}
    )
    plain = {
        f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(LiftingBatch) if f.name != "keypoints"
    }
    return LiftingBatch(keypoints=keys, **plain)
