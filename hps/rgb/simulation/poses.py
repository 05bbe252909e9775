"""Single poses out of the motion library, kept in a file because drawing motions takes most of the time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float32, Int64

from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary
from body.motion.splits import Split
from geometry.npz_files import DAMAGED, read_npz
from hps.errors import HpsError
from hps.synthesis.sampling.motions import PRIOR, clips_of

SECONDS: Final = 8.0
RATE_HZ: Final = 5.0
"""Of a drawn motion. Neighbours a fifth of a second apart still differ, and a longer motion is cheaper a pose."""
PRIOR_SHARE, LIMITS_SHARE = 0.2, 0.05
"""Of the training poses: drawn from the pose prior, and from all that joints can do."""
LIMITS: Final = "joint_limits"
VERSION: Final = 1
"""Raised when other poses come of the same seed."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PoseTable:
    """Poses that people of one split do."""

    rotations: Float32[np.ndarray, "poses 24 3"]
    """Axis-angle relative to the parent, radians; joint 0 in a world of SMPL's axes, y up."""
    motion: Int64[np.ndarray, "poses"]
    """Index into `motions`."""
    motions: tuple[str, ...]
    """Names of the clips that a pose is made of, sorted and joined by +."""

    def __len__(self) -> int:
        """Number of poses."""
        return len(self.rotations)


def draw_poses(
    library: MotionLibrary,
    split: Split,
    count: int,
    rng: np.random.Generator,
    *,
    every: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PoseTable:
    """`count` poses of the split's clips alone, as `MotionLibrary.draw` makes motions of them.

    Limbs are out of the mean body as far as it can mend that. Training poses are also drawn from the pose prior of the
    training clips and from the joints' ranges. every: only each so many frames of a motion are taken. Raises HpsError
    when no pose is asked for, BodyError when the library has no clip for the split.
    """
    if count < 1 or every < 1:
        raise HpsError(f"{count} poses, each {every} frames, were asked for; ask for 1 or more")
    prior = int(PRIOR_SHARE * count) if split == "train" else 0
    limits = int(LIMITS_SHARE * count) if split == "train" else 0
    parts: list[np.ndarray] = []
    names: list[str] = []
    while len(names) < count - prior - limits:
        clip = library.draw(rng, split, SECONDS, RATE_HZ)
        taken = clip.rotations[int(rng.integers(every)) :: every][: count - prior - limits - len(names)]
        parts.append(taken)
        names += ["+".join(sorted(set(clips_of(clip.description)))) or PRIOR] * len(taken)
        on_progress(len(names), count)
    if prior:
        parts.append(library.pose_prior().sample(rng, prior))
        names += [PRIOR] * prior
    if limits:
        wide = human_limits().sample(rng, limits)
        wide[:, 0] = parts[0][rng.integers(len(parts[0]), size=limits), 0]
        parts.append(wide)
        names += [LIMITS] * limits
    motions, motion = np.unique(names, return_inverse=True)
    return PoseTable(
        rotations=np.concatenate(parts).astype(np.float32),
        motion=motion.astype(np.int64),
        motions=tuple(str(name) for name in motions),
    )


def kept_poses(
    library: MotionLibrary,
    split: Split,
    count: int,
    seed: int,
    folder: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PoseTable:
    """`draw_poses` of a seed, read from `folder` if they were drawn before. A file that is damaged is made again."""
    names = hashlib.sha256(" ".join(library.names(split)).encode()).hexdigest()[:8]
    path = folder / f"poses_{split}_{count}_{seed}_{names}_v{VERSION}.npz"
    try:
        return read_poses(path)
    except HpsError:
        table = draw_poses(library, split, count, np.random.default_rng(seed), on_progress=on_progress)
    write_poses(path, table)
    return table


def write_poses(path: Path, table: PoseTable) -> None:
    """The table as an .npz file; it is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}")
    with part.open("wb") as file:
        np.savez(file, rotations=table.rotations, motion=table.motion, motions=np.array(table.motions))
    part.replace(path)


def read_poses(path: Path) -> PoseTable:
    """What `write_poses` wrote. Raises HpsError when the file is missing or is none."""
    try:
        file = read_npz(path)
        rotations, motion, motions = file["rotations"], file["motion"], file["motions"]
    except DAMAGED as error:
        raise HpsError(f"{path} holds no poses ({error}); delete it, and it is made again") from None
    if rotations.shape[1:] != (24, 3) or motion.shape != rotations.shape[:1]:
        raise HpsError(f"{path} has rotations {rotations.shape} and motions {motion.shape}; delete it")
    return PoseTable(rotations=rotations, motion=motion, motions=tuple(motions.tolist()))
