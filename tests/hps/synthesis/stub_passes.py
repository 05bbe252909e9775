"""A factory without bodies and pictures: passes that write a few bytes of each scene, and can misbehave on demand.

A file `trouble/WORD SCENE` in the data set makes a scene fail (`fail`), its process die each time (`die`) or once
(`die_once`), or the disk be full (`full`); a file `trouble/slow` makes each scene take 50 ms.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.production.dataset_file import DatasetInfo
from hps.synthesis.production.factory import Factory, PassKind, Workplace
from hps.synthesis.sample import Sample, picture_key
from hps.synthesis.scenes.bodies_file import ARRAYS, motion_sha256, write_bodies
from hps.synthesis.scenes.rows import ActorRow, CameraRow, PersonRow, SceneRow, SceneSpec
from hps.synthesis.scenes.table import SceneTable

COLUMNS = {"global_orient": 3, "body_pose": 69, "transl": 3}


class StubPass:
    """Two files and a row a picture."""

    version = 1

    def __init__(self, name: str) -> None:
        self.name = name
        self.schema = pa.schema({"key": pa.string(), "scene": pa.string(), "split": pa.string(), "value": pa.float64()})

    def samples(self, staged):
        spec, trouble = staged
        _misbehave(trouble, "mid", spec.name) if self.name == "labels" else None
        for frame in range(spec.row.frames):
            for camera in spec.cameras:
                rng = np.random.default_rng([spec.row.noise_seed, camera.camera, frame])
                key = picture_key(spec.name, frame, camera.camera)
                files = {"b.bin": rng.bytes(2000), "a.txt": f"{self.name} {key}".encode()}
                row = {"key": key, "scene": spec.name, "split": spec.row.split, "value": float(rng.uniform())}
                yield Sample(key=key, files=files, rows=(row,))


def _misbehave(trouble: Path, moment: str, scene: str) -> None:
    if (trouble / "slow").exists():
        time.sleep(0.05)
    for word in ("fail", "die", "die_once", "full", "bug"):
        file = trouble / f"{word} {scene}"
        if not file.exists() or file.read_text() not in ("", moment):
            continue
        if word == "fail":
            raise HpsError("the clothes fly away")
        if word == "bug":
            raise ZeroDivisionError("of an odd scene")
        if word == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if word == "die_once":
            file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def images(place: Workplace):
    return StubPass("images")


def labels(place: Workplace):
    return StubPass("labels")


def version() -> int:
    return StubPass.version


def stage(place: Workplace, colors: bool):
    def staged(spec: SceneSpec):
        _misbehave(place.folder / "trouble", "stage", spec.name)
        return spec, place.folder / "trouble"

    return staged


STUBS = Factory(
    kinds=(
        PassKind(name="images", version=version, settings=("effects",), make=images),
        PassKind(name="labels", version=version, settings=(), make=labels, colors=False),
    ),
    stage=stage,
)


def stub_info(**values) -> DatasetInfo:
    config = SynthesisConfig(**{"people": 2, "shard_pictures": 8, **values})
    return DatasetInfo(config=config, model_sha256="a" * 64, software="humanrig 0")


def stub_table(folder: Path, scenes: int = 6, cameras: int = 2, frames: int = 2) -> SceneTable:
    """Scenes of one person each; the last one is of the test split. Makes no body."""
    rows: dict[str, list] = {name: [] for name in ("people", "scenes", "actors", "cameras")}
    for number in range(scenes):
        name, split = f"s{number:06d}", "test" if number == scenes - 1 else "train"
        motion = {key: np.full((frames, COLUMNS[key]), 0.01 * number) for key in ARRAYS}
        write_bodies(folder / "bodies" / f"{name}.npz", [motion])
        rows["people"].append(
            PersonRow(
                person=f"p{number:06d}", split=split, subject="", body_seed=number, sex="", age_years=30.0,
                height_m=1.7, mass_kg=70.0, wardrobe="", attire_seed=number,
            )
        )  # fmt: skip
        rows["scenes"].append(
            SceneRow(
                scene=name, split=split, kind="single", room_seed=number, rig=f"{split}{number}", frames=frames,
                rate_hz=10.0, noise_seed=number,
            )
        )  # fmt: skip
        rows["actors"].append(
            ActorRow(
                scene=name, actor=0, person=f"p{number:06d}", motion="stand", recipe="clip", motion_seed=0,
                motion_sha256=motion_sha256(motion), x_m=0.0, y_m=0.0, heading_rad=0.0,
            )
        )  # fmt: skip
        rows["cameras"] += [
            CameraRow(
                scene=name, camera=camera, sensor="pinhole", unit_seed=0, width=64, height=64, fx=60.0, fy=60.0,
                cx=31.5, cy=31.5, x_m=2.0, y_m=0.0, z_m=1.0, **dict(qw=1.0, qx=0.0, qy=0.0, qz=0.0),
            )
            for camera in range(cameras)
        ]  # fmt: skip
    return SceneTable.of(rows)
