"""Our own synthetic data sets: clouds of shards, each person of each cloud a sample."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from body.joints import JOINT_COUNT
from body.loading import load_body_model
from body.parameters import BodyParameters
from geometry.rigid import inverse, rotate
from hps.datasets.attributes import cloud_attributes, heading_of
from hps.datasets.cloud_sample import CloudSample, PointLabels
from hps.datasets.reader import CloudReader, Entry
from hps.errors import HpsError
from hps.points.part_labels import NOT_BODY
from hps.points.person_cloud import PersonCloud
from hps.synthesis.clouds.cloud import LabelledCloud
from hps.synthesis.clouds.clouds_pass import ENDING
from hps.synthesis.production.dataset_file import read_dataset_file
from hps.synthesis.reading import SyntheticDataset, SyntheticSample

DATASET: Final = "humanrig_synthetic"
PROTOCOL: Final = "humanrig_synthetic_v1"
WORLD_UP: Final = (0.0, 0.0, 1.0)
COLUMNS: Final = ("key", "scene", "frame", "actor", "person", "motion", "points")


def open_synthetic(
    folder: Path | str,
    split: str | None = None,
    *,
    least_points: int = 1,
    unfinished: bool = False,
) -> CloudReader:
    """The clouds of a synthetic data set; `split` None takes every split that it has clouds of.

    A person with fewer points than `least_points` in a cloud is left out, and told in `left_out`. Raises HpsError as
    `hps.synthesis.reading.SyntheticDataset` does, and when there is no cloud at all.
    """
    info = read_dataset_file(Path(folder))
    if "clouds" not in info.config.passes:
        raise HpsError(f"{folder} was made without clouds; run humanrig synthesize {folder} --passes clouds")
    splits = ("train", "validation", "test") if split is None else (split,)
    parts: dict[str, SyntheticDataset] = {}
    refused: list[str] = []
    for name in splits:
        try:
            parts[name] = SyntheticDataset(folder, name, ["clouds"], unfinished=unfinished)
        except HpsError as error:
            if split is not None or "has no finished" not in str(error):
                raise
            refused.append(str(error))
    if not parts:
        raise HpsError(refused[0])
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for name, data in parts.items():
        rows = data.table("clouds", COLUMNS).to_pydict()
        for key, scene, frame, actor, person, motion, points in zip(*(rows[column] for column in COLUMNS)):
            own = f"{key}_a{actor:02d}"
            if points < least_points:
                left_out[own] = f"{points} points, at least {least_points} wanted"
                continue
            entries.append(
                Entry(
                    key=own,
                    subject=person,
                    action=motion,
                    sequence=f"{scene}{key.removeprefix(f'{scene}_{frame:03d}')}_a{actor:02d}",
                    frame=frame,
                    split=name,
                    place=(key, actor),
                )
            )
        left_out |= {scene: f"could not be made: {reason}" for scene, reason in data.failures.items()}
    entries.sort(key=lambda entry: (entry.split != "train", entry.split, entry.key))
    return CloudReader(
        dataset=DATASET,
        protocol=PROTOCOL,
        entries=tuple(entries),
        read=partial(_read, parts, info.config.rate_hz, _model_name(info.model_sha256)),
        left_out=left_out,
    )


def _model_name(sha256: str) -> str:
    """Of the body model that is set where the data set was made with it, else its checksum."""
    model = load_body_model()
    return model.name if model.sha256 == sha256 else f"sha256:{sha256}"


def _read(parts: dict[str, SyntheticDataset], rate_hz: float, model: str, entry: Entry) -> CloudSample:
    key, actor = entry.place
    return sample_of(parts[entry.split][str(key)], int(actor), entry, rate_hz=rate_hz, model=model)


def sample_of(stored: SyntheticSample, actor: int, entry: Entry, *, rate_hz: float, model: str) -> CloudSample:
    """One person of a stored cloud, in the cloud's frame: the camera's for one camera, the world for several."""
    row = next(row for row in stored.rows["clouds"] if row["actor"] == actor)
    whole = LabelledCloud.from_bytes(stored.read(ENDING))
    mine = np.flatnonzero(whole.mask == actor)
    single = row["views"] == 1
    T_world_frame = whole.T_world_camera[0] if single else np.eye(4)
    T_frame_world = inverse(T_world_frame)
    up = rotate(T_frame_world, np.array(WORLD_UP))
    cloud = PersonCloud(
        points=whole.points[mine].astype(np.float64),
        camera=whole.camera[mine].astype(np.int64),
        origins=np.zeros((1, 3)) if single else whole.T_world_camera[:, :3, 3].astype(np.float64),
        up=up,
    )
    of_body = whole.actor[mine] == actor
    labels = PointLabels(
        part=np.where(of_body, whole.part[mine].astype(np.int64) - 1, NOT_BODY),
        skin_offset=np.where(of_body[:, None], whole.skin_offset[mine].astype(np.float64), np.nan),
    )
    joints = np.array(row["joints_camera" if single else "joints_world"], np.float64).reshape(JOINT_COUNT, 3)
    truth = _truth(row, "camera" if single else "world")
    return entry.sample(
        time_s=entry.frame / rate_hz,
        sensors=tuple(row["sensors"]),
        cloud=cloud,
        truth=truth,
        joints=joints,
        model=model,
        labels=labels,
        attributes=cloud_attributes(cloud, row["sensors"])
        | heading_of(truth.global_orient[0], joints[0], cloud)
        | {
            "action": entry.action,
            "child": truth.child,
            "bmi": float(row["mass_kg"]) / max(float(row["height_m"]), 1e-6) ** 2,
            "label_gap_mm": float(row["label_gap_mm"]),
            "flags": "; ".join(row["actor_flags"]),
        },
    )


def _truth(row: dict[str, Any], frame: str) -> BodyParameters:
    return BodyParameters(
        betas=np.array(row["betas"], np.float64),
        global_orient=np.array(row[f"global_orient_{frame}"], np.float64)[None],
        body_pose=np.array(row["body_pose"], np.float64)[None],
        transl=np.array(row[f"transl_{frame}"], np.float64)[None],
        child=float(row["child"]),
    )
