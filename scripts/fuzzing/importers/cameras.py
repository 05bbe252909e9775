"""Calibration files of this program and of others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzzing.importer import Importer


def two_cameras() -> dict[str, Any]:
    """Somewhere round the middle, with lenses."""
    from geometry.camera import Camera
    from geometry.rigid import look_at

    K = np.array([[600.0, 0, 639.5], [0, 600.0, 359.5], [0, 0, 1]])
    lens = np.array([0.1, -0.05, 0.001, -0.001, 0.01, 0.0, 0.0, 0.0])
    places = {"kinect_000/color": [2.0, 0.3, 1.2], "kinect_001/color": [-1.5, 0.4, 1.4]}
    return {
        name: Camera(
            name=name, width=1280, height=720, K=K, distortion=lens, T_world_camera=look_at(np.array(p), np.zeros(3))
        )
        for name, p in places.items()
    }


def _seeds_of(form: str, name: str) -> Any:
    def write(folder: Path) -> None:
        from geometry.camera_files.any_format import FORMATS_BY_NAME
        from geometry.camera_files.cameras_json import CameraFile

        cameras = two_cameras()
        file = CameraFile(cameras=cameras, unplaced=frozenset(), source="made up")
        writer = FORMATS_BY_NAME[form].write
        assert writer is not None
        writer(folder / name, file)

    return write


def _read(path: Path, to: Path) -> None:
    from geometry.camera_files.any_format import read_any_camera_file

    read_any_camera_file(path)


def _colmap_binary(folder: Path) -> None:
    from fuzzing.importers import of_tests

    write_colmap = of_tests("other_layouts").write_colmap

    write_colmap(
        folder / "model", {name.replace("/", "-") + ".jpg": c for name, c in two_cameras().items()}, binary=True
    )


def _qualisys(folder: Path) -> None:
    pose = {f"r{i}{j}": float(i == j) for i in (1, 2, 3) for j in (1, 2, 3)} | {"x": 1000, "y": 2, "z": 300}
    lens = {"focalLengthU": 60000, "focalLengthV": 60000, "centerPointU": 40000, "centerPointV": 30000, "skew": 0}
    lens |= {"radialDistortion1": 0.1, "radialDistortion2": -0.1, "radialDistortion3": 0, "tangentalDistortion1": 0,
             "tangentalDistortion2": 0}  # fmt: skip
    words = " ".join(f'{key}="{value}"' for key, value in pose.items())
    inner = " ".join(f'{key}="{value}"' for key, value in lens.items())
    camera = '<camera serial="{0}" viewrotation="0"><fov_video left="0" top="0" right="1279" bottom="719"/>' \
        f"<transform {words}/><intrinsic {inner}/></camera>"  # fmt: skip
    text = f"<calibration><cameras>{camera.format(11)}{camera.format(12)}</cameras></calibration>"
    (folder / "rig.qca.txt").write_text(text)


def _kinect(folder: Path) -> None:
    from geometry.camera_files.any_format import FORMATS_BY_NAME
    from geometry.camera_files.cameras_json import CameraFile

    write = FORMATS_BY_NAME["azure-kinect"].write
    assert write is not None
    pair = list(two_cameras().values())
    names = ("kinect_000/color", "kinect_000/depth")
    cameras = {name: replace(camera, name=name) for name, camera in zip(names, pair)}
    cameras[names[1]] = replace(cameras[names[1]], width=640, height=576)
    write(folder / "kinects", CameraFile(cameras=cameras, unplaced=frozenset(), source="made up"))


def _read_kinects(path: Path, to: Path) -> None:
    from geometry.camera_files.azure_kinect_folder import read_kinects

    read_kinects(path, ("720P", "NFOV_UNBINNED"))


def _open3d(folder: Path) -> None:
    entries = []
    for camera in two_cameras().values():
        intrinsic = {"width": 1280, "height": 720, "intrinsic_matrix": camera.K.T.ravel().tolist()}
        entries.append({
            "class_name": "PinholeCameraParameters", "version_major": 1, "version_minor": 0,
            "extrinsic": camera.T_camera_world.T.ravel().tolist(), "intrinsic": intrinsic,
        })  # fmt: skip
    content = {"class_name": "PinholeCameraTrajectory", "version_major": 1, "version_minor": 0, "parameters": entries}
    (folder / "trajectory.json").write_text(json.dumps(content))


def _read_open3d(path: Path, to: Path) -> None:
    from geometry.camera_files.open3d_trajectory import read_open3d_cameras

    read_open3d_cameras(path, ["a/color", "b/color"])


def _formats() -> tuple[Importer, ...]:
    names = {
        "humanrig": ("cameras.json", "cameras.json (ours)"),
        "humman": ("cameras.json", "cameras.json (HuMMan)"),
        "aniposelib": ("rig.toml", ".toml (aniposelib, Pose2Sim)"),
        "opencv": ("rig.yml", ".yml (OpenCV)"),
        "kalibr": ("camchain.yaml", ".yaml (Kalibr)"),
        "colmap": ("model", "COLMAP, text"),
        "easymocap": ("rig", "EasyMocap"),
    }
    return tuple(
        Importer(name=f"cameras_{form}", reads=words, read=_read, seeds=_seeds_of(form, name))
        for form, (name, words) in names.items()
    )


IMPORTERS: Final = (
    *_formats(),
    Importer(name="cameras_colmap_binary", reads="COLMAP, binary", read=_read, seeds=_colmap_binary),
    Importer(name="cameras_qualisys", reads=".qca.txt (Qualisys, XML)", read=_read, seeds=_qualisys),
    Importer(name="cameras_kinect", reads="Azure Kinect factory calibration", read=_read_kinects, seeds=_kinect),
    Importer(name="cameras_open3d", reads="Open3D's trajectory", read=_read_open3d, seeds=_open3d),
)
