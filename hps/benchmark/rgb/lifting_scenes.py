"""The scenes of the lifting benchmark as committed tables: who, in which pose, before which camera, what is seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8, UInt16
from torch import Tensor

from body.rotations import axis_angle_to_matrix
from geometry.npz_files import DAMAGED
from hps.errors import HpsError
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED_COUNT

Split = Literal["validation", "test"]
Arm = Literal["exact", "detector"]
DATA: Final = Path(__file__).parent / "data"
COMMITTED: Final[dict[Split, str]] = {
    "validation": "1a072c218d647cab8412908fd49cc42a2426c66ebb058f20d7c6cb974a117df4",
    "test": "48185c9a019f9557cdb5500c8252956e994dec6da175ca3edcfb6e2305aa9eb5",
}
"""SHA-256 of the tables that scores are told of: on other scenes a score is another one, and must not have its name."""
STEPS: Final = 65535
"""Pixels are stored as so many steps of the picture's sides: 0.06 px of the largest picture."""
TURN_STEPS: Final = 10_000
"""Steps of a radian in which rotations are stored; the stored rotation is the truth."""
SURE: Final = 255


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeenKeypoints:
    """One arm: what is seen of everybody."""

    steps: UInt16[np.ndarray, "people keypoints 2"]
    confidence: UInt8[np.ndarray, "people keypoints"]
    """255ths; 0 where nothing is known."""
    pixel_size: Float[np.ndarray, "people"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LiftingScenes:
    """People of the body bank before cameras, a row each; the camera's frame, metres."""

    turns: np.ndarray
    """(people, 24, 3) int16: axis-angle relative to the parent, the root in the camera's frame, in TURN_STEPS."""
    subject: Int64[np.ndarray, "people"]
    """Number in the body bank."""
    pelvis: Float[np.ndarray, "people 3"]
    motion: Int64[np.ndarray, "people"]
    motions: tuple[str, ...]
    camera: Float[np.ndarray, "people 4"]
    """fx, fy, cx, cy, pixels."""
    size: Float[np.ndarray, "people 2"]
    facing: Float[np.ndarray, "people"]
    """Cosine between the chest's direction and that to the camera."""
    arms: dict[Arm, SeenKeypoints]

    def __len__(self) -> int:
        """Number of people."""
        return len(self.turns)

    @property
    def rotations(self) -> Float[Tensor, "people 24 3 3"]:
        """Relative to the parent, the root in the camera's frame."""
        return axis_angle_to_matrix(torch.tensor(self.turns.astype(np.float64) / TURN_STEPS))

    @property
    def K(self) -> Float[np.ndarray, "people 3 3"]:
        """True intrinsics, pixels."""
        K = np.zeros((len(self), 3, 3))
        K[:, 0, 0], K[:, 1, 1] = self.camera[:, 0], self.camera[:, 1]
        K[:, :2, 2], K[:, 2, 2] = self.camera[:, 2:], 1
        return K

    def keypoints(self, arm: Arm) -> KeypointBatch:
        """What a lifter is given, with the true camera. Raises HpsError for an arm that the tables lack."""
        if arm not in self.arms:
            raise HpsError(f"these scenes have no keypoints '{arm}'; they have: {', '.join(self.arms)}")
        seen = self.arms[arm]
        return KeypointBatch(
            q=torch.tensor(unpacked(seen.steps, self.size), dtype=torch.float32),
            confidence=torch.tensor(seen.confidence / SURE, dtype=torch.float32),
            pixel_size=torch.tensor(seen.pixel_size, dtype=torch.float32),
            K=torch.tensor(self.K, dtype=torch.float32),
            size=torch.tensor(self.size, dtype=torch.float32),
            focal_known=torch.ones(len(self), dtype=torch.bool),
        )

    def rows(self, which: slice | np.ndarray) -> LiftingScenes:
        """Some of them."""
        arms = {
            arm: SeenKeypoints(
                steps=seen.steps[which], confidence=seen.confidence[which], pixel_size=seen.pixel_size[which]
            )
            for arm, seen in self.arms.items()
        }
        columns = ("turns", "subject", "pelvis", "motion", "camera", "size", "facing")
        return replace(self, arms=arms, **{name: getattr(self, name)[which] for name in columns})


def packed(keypoints: KeypointBatch) -> SeenKeypoints:
    """Keypoints as they are stored."""
    share = (keypoints.q.double().numpy() + 0.5) / keypoints.size.double().numpy()[:, None]
    return SeenKeypoints(
        steps=np.rint(np.clip(share, 0, 1) * STEPS).astype(np.uint16),
        confidence=np.rint(keypoints.confidence.numpy() * SURE).astype(np.uint8),
        pixel_size=keypoints.pixel_size.numpy().astype(np.float32),
    )


def unpacked(
    steps: UInt16[np.ndarray, "people keypoints 2"], size: Float[np.ndarray, "people 2"]
) -> Float[np.ndarray, "people keypoints 2"]:
    """Pixels of stored steps."""
    return steps / STEPS * size[:, None] - 0.5


def write_scenes(path: Path, scenes: LiftingScenes) -> None:
    """The tables as one compressed .npz file."""
    columns = {
        "turns": scenes.turns,
        "subject": scenes.subject.astype(np.int16),
        "pelvis": scenes.pelvis.astype(np.float32),
        "motion": scenes.motion.astype(np.int16),
        "motions": np.array(scenes.motions),
        "camera": scenes.camera.astype(np.float32),
        "size": scenes.size.astype(np.int16),
        "facing": scenes.facing.astype(np.float32),
    }
    for arm, seen in scenes.arms.items():
        columns |= {
            f"{arm}_steps": seen.steps,
            f"{arm}_confidence": seen.confidence,
            f"{arm}_pixel_size": seen.pixel_size.astype(np.float32),
        }
    np.savez_compressed(path, **columns)


def read_scenes(split: Split | Path) -> LiftingScenes:
    """The committed scenes of a split, or those of any file.

    Raises HpsError for a missing or damaged file, and for the table of a split that is not the committed one.
    """
    path = split if isinstance(split, Path) else DATA / f"lifting_{split}.npz"
    try:
        content = path.read_bytes()
        with np.load(BytesIO(content), allow_pickle=False) as file:
            columns = {name: np.atleast_1d(file[name]) for name in file.files}
        _same_people(path, columns)
        scenes = _scenes(columns)
    except DAMAGED as error:
        raise HpsError(f"{path} holds no lifting scenes ({error}); get the file again") from None
    if not isinstance(split, Path) and (digest := hashlib.sha256(content).hexdigest()) != COMMITTED[split]:
        raise HpsError(
            f"{path} is not the committed table of {split} scenes (sha256 {digest[:12]}…, not "
            f"{COMMITTED[split][:12]}…), so that scores on it compare with no others; get the file again, or give its "
            "path to score on scenes of your own"
        )
    return scenes


def _same_people(path: Path, columns: dict[str, np.ndarray]) -> None:
    rows = {name: len(column) for name, column in columns.items() if name != "motions"}
    keypoints = {column.shape[1:] for name, column in columns.items() if name.endswith("_steps")}
    if len(set(rows.values())) > 1 or keypoints - {(LIFTED_COUNT, 2)}:
        raise HpsError(f"{path}: the tables disagree about the number of people or keypoints ({rows}); get it again")


def _scenes(columns: dict[str, np.ndarray]) -> LiftingScenes:
    """Of the columns of a file. Raises KeyError for one that lacks."""
    arms: dict[Arm, SeenKeypoints] = {
        arm: SeenKeypoints(
            steps=columns[f"{arm}_steps"],
            confidence=columns[f"{arm}_confidence"],
            pixel_size=columns[f"{arm}_pixel_size"],
        )
        for arm in ("exact", "detector")
        if f"{arm}_steps" in columns
    }
    return LiftingScenes(
        turns=columns["turns"],
        subject=columns["subject"].astype(np.int64),
        pelvis=columns["pelvis"].astype(np.float64),
        motion=columns["motion"].astype(np.int64),
        motions=tuple(columns["motions"].tolist()),
        camera=columns["camera"].astype(np.float64),
        size=columns["size"].astype(np.float64),
        facing=columns["facing"].astype(np.float64),
        arms=arms,
    )
