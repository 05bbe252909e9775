"""Clouds packed for training: a folder of plain arrays of one length each, read without being opened whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.lib.format import open_memmap
from scipy.spatial.transform import Rotation
from torch import Tensor

from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from geometry.rigid import rotate, transform
from hps.datasets.cloud_sample import CloudSample
from hps.errors import HpsError
from hps.points.canonical import canonical_frame
from hps.points.cloud_batch import CloudBatch
from hps.points.landmarks import LANDMARK_COUNT, landmarks_of
from hps.points.part_labels import UNKNOWN_PART
from hps.points.unknowns import SHAPES

FORMAT: Final = 1
STEPS_PER_M: Final = 5000
"""Places are stored as whole steps of 0.2 mm: 6.5 m either way."""
MOST_CAMERAS: Final = 12
PADDING: Final = 255
"""Part of a point that is not there."""
_UNKNOWN: Final = 254
_NO_OFFSET: Final = -128
LEAST_POINTS: Final = 64
"""A cloud with fewer is left out."""
_BODIES_AT_ONCE: Final = 512
_ARRAYS: Final[dict[str, tuple[type, tuple[int, ...]]]] = {
    "origins": (np.float32, (MOST_CAMERAS, 3)),
    "rotations": (np.float32, (JOINT_COUNT, 3)),
    "betas": (np.float32, (SHAPES,)),
    "child": (np.float32, ()),
    "transl": (np.float32, (3,)),
    "landmarks": (np.float32, (LANDMARK_COUNT, 3)),
}
_OF_POINTS: Final[dict[str, tuple[type, tuple[int, ...]]]] = {
    "points": (np.int16, (3,)),
    "camera": (np.int8, ()),
    "part": (np.uint8, ()),
    "skin_offset": (np.int8, (3,)),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PackFigures:
    """What became of a data set's samples."""

    clouds: int
    left_out: dict[str, int]
    """By reason."""


class PackedClouds:
    """A folder that `pack` made."""

    def __init__(self, folder: Path) -> None:
        """Raises HpsError when the folder is not a finished pack."""
        self.folder = folder
        try:
            self.about: dict[str, Any] = json.loads((folder / "pack.json").read_text())
        except (OSError, ValueError) as error:
            raise HpsError(f"{folder} is no finished pack of clouds ({error}); pack its data set again") from None
        if self.about.get("format") != FORMAT:
            raise HpsError(f"{folder} is a pack of format {self.about.get('format')}, not {FORMAT}; pack again")

    def __len__(self) -> int:
        """Number of clouds."""
        return int(self.about["clouds"])

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays, mapped into memory."""
        return {name: np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in (*_OF_POINTS, *_ARRAYS)}

    @cached_property
    def subjects(self) -> np.ndarray:
        """Of each cloud."""
        return np.array(self.about["subjects"])[np.load(self.folder / "subject.npy")]

    def batch(self, which: Int64[np.ndarray, "some"], points: int | None = None, seed: int = 0) -> CloudBatch:
        """Some clouds as tensors; `points`: only so many of each, drawn with `seed`."""
        a = {name: array[which] for name, array in self.arrays.items()}
        if points is not None and points < a["points"].shape[1]:
            # a pack's points are in random order: any run of them is a random choice
            first = np.random.default_rng(seed).integers(0, a["points"].shape[1] - points + 1)
            a |= {name: a[name][:, first : first + points] for name in _OF_POINTS}
        p = torch.from_numpy(a["points"].astype(np.float32) / STEPS_PER_M)
        camera = torch.from_numpy(a["camera"].astype(np.int64))
        origins = torch.from_numpy(np.ascontiguousarray(a["origins"]))
        from_camera = p - origins.gather(1, camera.clamp_min(0)[..., None].expand(-1, -1, 3))
        rays = torch.nn.functional.normalize(from_camera, dim=-1) * (camera >= 0)[..., None]
        part = torch.from_numpy(a["part"].astype(np.int64))
        offset = torch.from_numpy(a["skin_offset"].astype(np.float32))
        offset = torch.where((offset == _NO_OFFSET).any(-1, keepdim=True), torch.nan, offset / 1000)
        return CloudBatch(
            points=p,
            rays=rays,
            keep=part != PADDING,
            part=part.masked_fill(part >= _UNKNOWN, UNKNOWN_PART),
            skin_offset=offset,
            landmarks=_tensor(a["landmarks"]),
            rotations=axis_angle_to_matrix(_tensor(a["rotations"])),
            betas=_tensor(a["betas"]),
            child=_tensor(a["child"]),
            transl=_tensor(a["transl"]),
            exact=torch.ones(len(which), dtype=torch.bool),
        )


def pack(
    samples: Iterable[CloudSample],
    count: int,
    folder: Path,
    model: BodyModel,
    *,
    points: int = 1024,
    seed: int = 0,
    about: dict[str, Any] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PackFigures:
    """Writes the samples, `count` at most, each with `points` random points in its canonical frame.

    Samples without a truth, with the truth of another body model, or with fewer than LEAST_POINTS points are left out
    and counted. `pack.json` comes last, so that a folder with it is whole. Raises HpsError when nothing is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pack.json").unlink(missing_ok=True)
    kinds = {name: (dtype, (points, *shape)) for name, (dtype, shape) in _OF_POINTS.items()} | _ARRAYS
    files = {
        name: open_memmap(folder / f".{name}.npy", mode="w+", dtype=dtype, shape=(count, *shape))
        for name, (dtype, shape) in kinds.items()
    }
    rng = np.random.default_rng(seed)
    subjects: list[str] = []
    keys: list[str] = []
    left_out: dict[str, int] = {}
    full: list[np.ndarray] = []
    for number, sample in enumerate(samples):
        reason = _unfit(sample, model)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            row = len(subjects)
            for name, values in _row(sample, model, points, rng).items():
                files[name][row] = values
            assert sample.truth is not None
            full.append(np.r_[np.asarray(sample.truth.betas), sample.truth.child])
            subjects.append(sample.subject)
            keys.append(sample.key)
        on_progress(number + 1, count)
    if not subjects:
        raise HpsError(f"nothing to pack: {left_out or 'there are no samples'}")
    _fill_landmarks(files, np.array(full), model)
    names = sorted(set(subjects))
    for name, values in files.items():
        _cut(folder, name, values, len(subjects))
    np.save(folder / "subject.npy", np.array([names.index(s) for s in subjects], np.int32))
    (folder / "keys.txt").write_text("\n".join(keys) + "\n")
    told = {"format": FORMAT, "clouds": len(subjects), "points": points, "subjects": names, "left_out": left_out}
    (folder / "pack.json").write_text(json.dumps(told | {"body_sha256": model.sha256} | (about or {}), indent=1))
    return PackFigures(clouds=len(subjects), left_out=left_out)


def _unfit(sample: CloudSample, model: BodyModel) -> str:
    if sample.truth is None:
        return "no truth"
    if sample.model != model.name:
        return f"a truth of the body model '{sample.model}', not of '{model.name}'"
    if len(sample.cloud) < LEAST_POINTS:
        return f"fewer than {LEAST_POINTS} points"
    if len(sample.cloud.origins) > MOST_CAMERAS:
        return f"more than {MOST_CAMERAS} cameras"
    return ""


def _row(sample: CloudSample, model: BodyModel, points: int, rng: np.random.Generator) -> dict[str, Any]:
    cloud, truth = sample.cloud, sample.truth
    assert truth is not None
    T = canonical_frame(cloud)
    chosen = rng.permutation(len(cloud))[:points]
    there = len(chosen)
    places = np.zeros((points, 3), np.int16)
    steps = np.rint(STEPS_PER_M * transform(T, np.asarray(cloud.points, np.float64)[chosen]))
    places[:there] = np.clip(steps, -32767, 32767)
    camera = np.full(points, -1, np.int8)
    camera[:there] = cloud.camera[chosen]
    origins = np.zeros((MOST_CAMERAS, 3), np.float32)
    origins[: len(cloud.origins)] = transform(T, np.asarray(cloud.origins, np.float64))
    part = np.full(points, PADDING, np.uint8)
    part[:there] = _UNKNOWN
    offset = np.full((points, 3), _NO_OFFSET, np.int8)
    if sample.labels is not None:
        known = np.asarray(sample.labels.part)[chosen]
        part[:there] = np.where(known < 0, _UNKNOWN, known)
        mm = 1000 * rotate(T, np.asarray(sample.labels.skin_offset, np.float64)[chosen])
        offset[:there] = np.where(np.isfinite(mm), np.clip(np.rint(np.nan_to_num(mm)), -127, 127), _NO_OFFSET)
    pelvis, directions = _pelvis(model)
    p_pelvis = pelvis + directions[:, : len(truth.betas)] @ np.asarray(truth.betas) + directions[:, -1] * truth.child
    turns = np.concatenate([truth.global_orient[:1], truth.body_pose.reshape(-1, 3)])
    turns[0] = (Rotation.from_matrix(T[:3, :3]) * Rotation.from_rotvec(truth.global_orient[0])).as_rotvec()
    betas = np.zeros(SHAPES, np.float32)
    betas[: len(truth.betas[:SHAPES])] = truth.betas[:SHAPES]
    return {
        "points": places,
        "camera": camera,
        "part": part,
        "skin_offset": offset,
        "origins": origins,
        "rotations": turns,
        "betas": betas,
        "child": truth.child,
        "transl": transform(T, truth.transl[0] + p_pelvis) - p_pelvis,
    }


@lru_cache(maxsize=2)
def _pelvis(model: BodyModel) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 shapes"]]:
    """The rest pelvis, and how it moves with each of the betas and, last, with the child factor."""
    row = np.asarray(model.J_regressor[[0]].todense())[0]
    child = np.zeros_like(model.v_template) if model.child_direction is None else model.child_direction
    directions = np.concatenate([model.shapedirs, child[..., None]], 2)
    return row @ model.v_template, np.einsum("v,vis->is", row, directions)


def _fill_landmarks(files: dict[str, np.memmap], full: Float[np.ndarray, "clouds shapes"], model: BodyModel) -> None:
    """Landmarks of the body at all its betas, not only at those that are packed."""
    markers = landmarks_of(model).markers
    skinning = Skinning(model, vertex_subset=markers)
    for first in range(0, len(full), _BODIES_AT_ONCE):
        some = slice(first, min(first + _BODIES_AT_ONCE, len(full)))
        shape = _tensor(full[some])
        with torch.no_grad():
            skin, joints = skinning.pose(
                shape[:, :-1], _tensor(files["rotations"][some]), _tensor(files["transl"][some]), shape[:, -1]
            )
        files["landmarks"][some] = torch.cat([joints, skin], 1).numpy()


def _cut(folder: Path, name: str, values: np.memmap, count: int) -> None:
    """The first rows under the final name."""
    values.flush()
    kept = open_memmap(folder / f"{name}.npy", mode="w+", dtype=values.dtype, shape=(count, *values.shape[1:]))
    for first in range(0, count, 1024):
        kept[first : min(first + 1024, count)] = values[first : min(first + 1024, count)]
    kept.flush()
    (folder / f".{name}.npy").unlink()


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(values, np.float32))
