"""Results of stages, which a later stage or another program reads again."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzzing.importer import Importer


def _manifests(folder: Path) -> None:
    from humanrig.manifest import Manifest, write

    (folder / "sync").mkdir()
    manifest = Manifest(
        stage="sync", code="1.0, 2", inputs={"recording/rig.mcap": "0" * 64}, config={"tolerance_us": 100},
        instants=[0, 30], without=[], outputs={"frames.parquet": [100, "0" * 64]}, seconds=1.5,
        started="2026-01-01T00:00:00+00:00", figures={"instants": 30},
    )  # fmt: skip
    write(manifest, folder / "sync")


def _read_manifest(path: Path, to: Path) -> None:
    from humanrig.manifest import read

    manifest = read(path)
    if manifest is not None:
        manifest.changed(path)


def _track(folder: Path) -> None:
    from body.parameters import BodyParameters
    from registration.body_track import BodyTrack

    frames = 3
    still: dict[str, Any] = {
        "global_orient": np.zeros((frames, 3)),
        "body_pose": np.zeros((frames, 69)),
        "transl": np.zeros((frames, 3)),
    }
    track = BodyTrack(
        parameters=BodyParameters(betas=np.zeros(10), **still), joints=np.zeros((frames, 24, 3)),
        instants=np.arange(frames), time_us=33_333 * np.arange(frames), keypoint_px=np.zeros(frames),
        surface_mm=np.zeros(frames), flags=np.array(["", "far", ""]), model="m", model_sha256="0" * 64,
    )  # fmt: skip
    track.write(folder / "person00.npz")


def _read_track(path: Path, to: Path) -> None:
    from hps.evaluation.files.humanrig_bodies import read_humanrig
    from registration.body_track import read_body_track

    read_body_track(path)
    read_humanrig(path)


def _keypoints(folder: Path) -> None:
    from registration.keypoints.track import KeypointTrack, write_track

    T, J, C = 3, 4, 2
    shapes = {
        "p_world": (T, J, 3), "sigma": (T, J), "covariance": (T, J, 3, 3), "lifted": (T, J), "instants": (T,),
        "time_us": (T,), "q": (T, C, J, 2), "confidence": (T, C, J), "used": (T, C, J), "reprojection_px": (T, C, J),
    }  # fmt: skip
    values: dict[str, Any] = {}
    for field in dataclasses.fields(KeypointTrack):
        if field.name == "names":
            values[field.name] = [f"j{n}" for n in range(J)]
        elif field.name == "streams":
            values[field.name] = ["a/color", "b/color"]
        else:
            values[field.name] = np.zeros(shapes.get(field.name, (T, J)))
    values["used"], values["lifted"] = values["used"].astype(bool), values["lifted"].astype(bool)
    values["instants"] = np.arange(T)
    write_track(KeypointTrack(**values), folder / "person00.npz")


def _read_keypoints(path: Path, to: Path) -> None:
    from registration.keypoints.track import read_track

    read_track(path)


def _cloud(folder: Path) -> None:
    from geometry.cloud import PointCloud
    from registration.clouds.files import write_cloud

    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 3))
    cloud = PointCloud(
        points=points, normals=points / np.linalg.norm(points, axis=1, keepdims=True), sigma=np.full(50, 0.001),
        colors=np.zeros((50, 3), np.uint8), camera=np.zeros(50, np.int64), time_us=np.zeros(50, np.int64),
    )  # fmt: skip
    write_cloud(folder / "000000.npz", cloud)


def _read_cloud(path: Path, to: Path) -> None:
    from registration.clouds.files import read_cloud

    read_cloud(path)


def _meshes(folder: Path) -> None:
    from texture.files.mesh_sequence import Segment, write_index, write_segment

    top = folder / "mesh"
    top.mkdir()
    rng = np.random.default_rng(0)
    segment = Segment(
        instants=np.arange(2), vertices=rng.normal(size=(2, 12, 3)).astype(np.float32),
        faces=rng.integers(0, 12, (20, 3)).astype(np.int32), uv=rng.random((30, 2)).astype(np.float32),
        uv_faces=rng.integers(0, 30, (20, 3)).astype(np.int32), binding=None,
    )  # fmt: skip
    write_segment(top, "person00", 0, segment)
    write_index(top, "person00", [(0, 0, ""), (1, 0, "")])


def _read_meshes(path: Path, to: Path) -> None:
    from texture.files.mesh_sequence import MeshSequence

    sequence = MeshSequence.open(path, "person00")
    for instant in sequence.instants[:2].tolist():
        sequence.surface(instant)


def _arrays(folder: Path) -> None:
    np.savez(folder / "a.npz", a=np.zeros((3, 4)), names=np.array(["x", "y"]), n=np.int64(3))


def _read_arrays(path: Path, to: Path) -> None:
    from humanrig.results import read_arrays

    read_arrays(path)


IMPORTERS: Final = (
    Importer(name="manifest", reads="manifest.json of a stage", read=_read_manifest, seeds=_manifests),
    Importer(name="body_track", reads="bodies of a session (npz)", read=_read_track, seeds=_track),
    Importer(name="keypoint_track", reads="keypoints of a session (npz)", read=_read_keypoints, seeds=_keypoints),
    Importer(name="fused_cloud", reads="clouds of a session (npz)", read=_read_cloud, seeds=_cloud),
    Importer(name="mesh_sequence", reads="meshes of a session (npz)", read=_read_meshes, seeds=_meshes),
    Importer(name="result_arrays", reads="other arrays of a session (npz)", read=_read_arrays, seeds=_arrays),
)
