"""The rig feeds the estimator: the same clouds packed twice, with labels from the fitted bodies and with true ones.

    python scripts/pack_rig_labels.py shards DATASET FOLDER --scenes 200    # fits bodies to fused clouds
    python scripts/pack_rig_labels.py sessions FOLDER --count 20            # records and registers takes
    python scripts/pack_rig_labels.py judge FOLDER                          # how far the labels are off

`shards` takes the scenes of a synthetic data set whose clouds are of one camera each, fuses what all cameras of an
instant see, and fits the body of `humanrig register` to it with keypoints that err as detected ones do. `sessions` runs
the whole program on simulated takes, pictures and detector included, at some 2 core-seconds a cloud. Both write the
packs FOLDER/fitted and FOLDER/true, on which `scripts/train_points.py train` trains alike, and go on where they ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from point_trials.fitted_labels import labels_of_body
from point_trials.shard_takes import ShardTake, keypoints_of, takes_of
from tyro.conf import Positional

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.loading import load_body_model
from body.model import BodyModel
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.reader import CloudReader
from hps.datasets.session import open_session
from hps.datasets.synthetic import open_synthetic
from hps.metrics import mpjpe_mm, pve_mm
from hps.points.training.packed import PackedClouds, pack
from hps.synthesis.reading import SyntheticDataset
from registration.body_track import BodyTrack, read_body_track
from registration.errors import RegistrationError
from registration.fit.clip import fit_clip
from registration.fit.config import FitConfig

TRACKS, FITTED, TRUE = "tracks", "fitted", "true"
LABELS = {TRUE: "truth", FITTED: "body"}
PROTOCOL = "humanrig_session_v1"


def shards(
    dataset: Positional[Path],
    folder: Positional[Path],
    scenes: int = 200,
    skip: int = 0,
    split: Literal["train", "validation", "test"] = "train",
    points: int = 1024,
    seed: int = 0,
    unfinished: bool = False,
) -> None:
    """Fit bodies to a synthetic data set's fused clouds, and pack its clouds with fitted and with true labels.

    Args:
        dataset: Made with one camera a cloud.
        folder: Of tracks and packs.
        scenes: How many.
        skip: Scenes before the first, for several programs side by side.
        split: Of the data set.
        points: Of each packed cloud.
        seed: Of keypoints and packs.
        unfinished: Take what there is of a data set that is still being made.
    """
    model, data = load_body_model(), SyntheticDataset(dataset, split, ["clouds"], unfinished=unfinished)
    reader = open_synthetic(dataset, split, unfinished=unfinished)
    tracks = folder / TRACKS
    tracks.mkdir(parents=True, exist_ok=True)

    def takes() -> Iterator[ShardTake]:
        return takes_of(data, reader, scenes, skip)

    fitted, count = set(), 0
    for n, take in enumerate(takes()):
        if _fit(take, tracks / f"{take.name}.npz", model, seed + n):
            fitted.add(take.name)
            count += len(take.samples)
        if n % 10 == 9:
            print(f"{n + 1} takes fitted", flush=True)
    some = (take for take in takes() if take.name in fitted)
    _pack(folder / TRUE, (sample for take in some for sample in take.samples), count, model, points, seed)
    again = (take for take in takes() if take.name in fitted)
    ours = (s for take in again for s in _labelled(take, read_body_track(tracks / f"{take.name}.npz"), model))
    _pack(folder / FITTED, ours, count, model, points, seed)
    judge(folder)


def _fit(take: ShardTake, path: Path, model: BodyModel, seed: int) -> bool:
    """Fits the body of a take, unless that was done; whether there is one. What fails is told."""
    if path.is_file():
        return True
    try:
        keypoints = keypoints_of(take, model, seed)
        track = fit_clip(model, keypoints, list(take.clouds), FitConfig(threads=1)).track
    except RegistrationError as error:
        print(f"{take.name} is left out: {error}", flush=True)
        return False
    track.write(path.with_suffix(".partial.npz"))
    path.with_suffix(".partial.npz").rename(path)
    return True


def _labelled(take: ShardTake, track: BodyTrack, model: BodyModel) -> Iterator[CloudSample]:
    """The take's clouds with the labels of the fitted body."""
    vertices = model.pose(track.parameters).vertices
    for sample, t in zip(take.samples, take.frame.tolist(), strict=True):
        labels = labels_of_body(np.asarray(sample.cloud.points), vertices[t], model)
        yield replace(sample, truth=track.parameters[slice(t, t + 1)], labels=labels)


def sessions(
    folder: Positional[Path],
    count: int = 20,
    cameras: int = 4,
    seconds: float = 1.0,
    rate: float = 10.0,
    split: Literal["train", "validation", "test"] = "train",
    points: int = 1024,
    seed: int = 0,
) -> None:
    """Record simulated takes, run `humanrig register` on each, and pack their clouds with both kinds of labels.

    Args:
        folder: Of takes and packs.
        count: Takes, each of another person who moves in another way.
        cameras: Azure Kinects of a take.
        seconds: Of a take.
        rate: Instants a second.
        split: Of people and motions.
        points: Of each packed cloud.
        seed: Of the first take.
    """
    from humanrig.cli import main

    model, takes = load_body_model(), []
    for n in range(count):
        take = folder / "takes" / f"take_{seed + n:05d}"
        if not (take / "session.toml").is_file():
            words = ["--clip", "random", "--split", split, "--cameras", cameras, "--seconds", seconds, "--rate", rate]
            if main(["simulate", str(take), *map(str, words), "--seed", str(seed + n), "--children", "0.1"]):
                raise SystemExit(f"{take} could not be simulated")
        if main(["register", str(take)]):
            print(f"{take.name} is left out: it could not be registered", flush=True)
            continue
        takes.append(take)
    readers = {name: [open_session(take, PROTOCOL, truth=source) for take in takes] for name, source in LABELS.items()}
    count = sum(len(reader) for reader in readers[TRUE])
    for name in (TRUE, FITTED):
        found = _of_sessions(readers[TRUE], readers[FITTED], name, model)
        _pack(folder / name, found, count, model, points, seed)
    judge(folder)


def _of_sessions(
    true: list[CloudReader], fitted: list[CloudReader], name: str, model: BodyModel
) -> Iterator[CloudSample]:
    """Clouds of one camera each that have both bodies, labelled by one of them."""
    for number, (one, other) in enumerate(zip(true, fitted, strict=True)):
        for key in one.keys:
            pair = {TRUE: one[key], FITTED: other[key]} if key in other else {}
            sample = pair.get(name)
            if sample is None or sample.truth is None or pair[TRUE].truth is None or pair[FITTED].truth is None:
                continue
            points, vertices = np.asarray(sample.cloud.points), model.pose(sample.truth).vertices[0]
            if len(points):
                yield replace(sample, labels=labels_of_body(points, vertices, model), key=f"{number:05d}_{key}")


def _pack(folder: Path, samples: Iterator[CloudSample], count: int, model: BodyModel, points: int, seed: int) -> None:
    told = pack(samples, count, folder, model, points=points, seed=seed, about={"labels": folder.name})
    print(f"{folder}: {told.clouds} clouds; left out: {told.left_out or 'none'}", flush=True)


def judge(folder: Positional[Path]) -> None:
    """Say how far fitted labels are from true ones.

    Args:
        folder: With both packs.
    """
    true, ours = (PackedClouds(folder / name) for name in (TRUE, FITTED))
    a, b = np.asarray(true.arrays["landmarks"], np.float64), np.asarray(ours.arrays["landmarks"], np.float64)
    joints, markers = mpjpe_mm(b[:, :24], a[:, :24]), pve_mm(b[:, 24:], a[:, 24:])
    parts = np.asarray(true.arrays["part"]), np.asarray(ours.arrays["part"])
    told = (parts[0] < 24) & (parts[1] < 24)
    print(
        f"{len(a)} clouds: fitted joints {joints.mean():.1f} mm off (95 % within {np.percentile(joints, 95):.1f}), "
        f"markers {markers.mean():.1f} mm; parts agree at {(parts[0] == parts[1])[told].mean():.1%} of the points",
        flush=True,
    )


if __name__ == "__main__":
    tyro.extras.subcommand_cli_from_dict({"shards": shards, "sessions": sessions, "judge": judge})
