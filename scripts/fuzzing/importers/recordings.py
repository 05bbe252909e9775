"""Recordings of sensors and of other programs, as `humanrig import` takes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzzing.importer import Importer
from fuzzing.importers import of_tests
from fuzzing.importers.cameras import two_cameras
from fuzzing.importers.sessions import phone_rig, tiny_rig


def _import_dna(path: Path, to: Path) -> None:
    _import(path / "0007_01.smc", to)


def _import(path: Path, to: Path) -> None:
    from capture.importers.detect import import_recording

    import_recording(path, to / "session")


def _from_rig(write: Callable[[Any, Path], Any]) -> Callable[[Path], None]:
    """Seeds that a writer of the tests makes of a tiny session."""

    def seeds(folder: Path) -> None:
        work = folder.parent / f".{folder.name}.work"
        shutil.rmtree(work, ignore_errors=True)
        try:
            write(tiny_rig(work / "rig"), folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    return seeds


def _recon(session: Any, folder: Path) -> None:
    write_recon = of_tests("other_layouts").write_recon

    write_recon(session, folder / "p000001_a000001", stride=1)


def _point(session: Any, folder: Path) -> None:
    write_point = of_tests("other_layouts").write_point

    write_point(session, folder / "p000001_a000001", scale=1)


def _smc(session: Any, folder: Path) -> None:
    write_smc = of_tests("other_layouts").write_smc

    write_smc(session, folder / "p000001_a000001.smc")
    write_smc(session, folder / "raw.smc", raw_color=True)


def _dna(session: Any, folder: Path) -> None:
    write_dna = of_tests("other_layouts").write_dna

    write_dna(session, folder / "dna")


def _rgbd(session: Any, folder: Path) -> None:
    placed_cameras = of_tests("other_layouts").placed_cameras
    write_colmap = of_tests("other_layouts").write_colmap
    write_rgbd = of_tests("other_layouts").write_rgbd

    write_rgbd(session, folder / "rig")
    write_colmap(folder / "rig", {name: camera for name, camera in placed_cameras(session).items()})


def _videos(session: Any, folder: Path) -> None:
    kinects = of_tests("other_layouts").kinects
    placed_cameras = of_tests("other_layouts").placed_cameras
    write_video = of_tests("other_layouts").write_video

    from geometry.camera_files.cameras_json import write_cameras

    cameras = {n: c for n, c in placed_cameras(session).items() if n.endswith("color")}
    for name in kinects(session):
        frames = [session.frame(f"{name}/color", k).payload for k in range(3)]
        write_video(folder / "rig" / "videos" / f"{name}.mp4", frames)
    (folder / "rig" / "calibration").mkdir()
    write_cameras(folder / "rig" / "calibration" / "cameras.json", cameras, source="made up")


def _kinect(folder: Path) -> None:
    """A Kinect's smallest depth mode; its colour pictures are as large as the modes are, and of one colour."""
    import simplejpeg

    from capture import depth_codec
    from capture.kinect_recording import plan_kinect, write_kinect_mkv
    from capture.mcap_recording import McapWriter
    from capture.session import Session
    from capture.session_info import DeviceInfo, StreamInfo

    work = folder.parent / f".{folder.name}.work"
    shutil.rmtree(work, ignore_errors=True)
    try:
        name, sizes = "kinect_000", {"color": (1280, 720), "depth": (320, 288), "ir": (320, 288)}
        depth = np.full((288, 320), 1500, np.uint16)
        jpeg = simplejpeg.encode_jpeg(np.full((720, 1280, 3), 90, np.uint8), quality=20)
        with McapWriter(work / "recording" / "k.mcap") as writer:
            for kind in sizes:
                writer.add_stream(f"/{name}/{kind}", "jpeg" if kind == "color" else "dzp")
            for k in range(2):
                for kind in sizes:
                    data = jpeg if kind == "color" else depth_codec.encode(depth)
                    writer.write(f"/{name}/{kind}", data, device_us=1_000_000 + 33_333 * k, host_us=33_333 * k)
        streams = [
            StreamInfo(name=f"{name}/{kind}", kind=kind, file="recording/k.mcap", topic=f"/{name}/{kind}",  # pyright: ignore
                       encoding="jpeg" if kind == "color" else "dzp", frames=2, width=w, height=h, rate_hz=30.0)
            for kind, (w, h) in sizes.items()
        ]  # fmt: skip
        device = DeviceInfo(name=name, serial="000123", clock="pulse")
        session = Session.create(work, streams=streams, devices=[device], origin="made up")
        plan = plan_kinect(session, name)
        assert plan is not None
        color, depth_camera = two_cameras().values()
        cameras = {f"{name}/color": replace(color, name=f"{name}/color")}
        depth_camera = replace(depth_camera, name=f"{name}/depth", width=320, height=288, T_world_camera=np.eye(4))
        cameras[f"{name}/depth"] = replace(depth_camera, K=np.array([[250.0, 0, 160], [0, 250, 144], [0, 0, 1]]))
        write_kinect_mkv(plan, folder / "kinect.mkv", cameras, lambda: None)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _phone(write: Callable[[Any, Path], Any]) -> Callable[[Path], None]:
    def seeds(folder: Path) -> None:
        from capture.native.phone_plan import plan_phone

        work = folder.parent / f".{folder.name}.work"
        shutil.rmtree(work, ignore_errors=True)
        try:
            write(plan_phone(phone_rig(work / "phone"), "iphone_000"), folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    return seeds


def _r3d(plan: Any, folder: Path) -> None:
    from capture.native.record3d_writer import write_r3d

    write_r3d(plan, folder / "phone.r3d", lambda: None)


def _stray(plan: Any, folder: Path) -> None:
    from capture.native.stray_writer import write_stray

    write_stray(plan, folder / "phone", lambda: None)


def _scanner(folder: Path) -> None:
    write_export = of_tests("test_scanner3d_app").write_export

    write_export(folder / "scan", frames=2, pictures=(0,))


def _db3(folder: Path) -> None:
    NAME = of_tests("test_native_realsense").NAME
    build = of_tests("test_native_realsense").build
    unit_cameras = of_tests("test_native_realsense").cameras

    from capture.native.realsense_plan import plan_realsense
    from capture.native.realsense_writer import write_realsense_db3

    work = folder.parent / f".{folder.name}.work"
    shutil.rmtree(work, ignore_errors=True)
    try:
        session = build(work, frames=3)
        plan = plan_realsense(session, NAME)
        assert plan is not None
        write_realsense_db3(plan, folder / "unit.db3", unit_cameras(), lambda: None)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _footage(path: Path, to: Path) -> None:
    from capture.video import VideoStream

    video = VideoStream(path)
    for index in range(min(3, len(video))):
        video.frame(index)


def _clips(folder: Path) -> None:
    import av

    rng = np.random.default_rng(0)
    for name, codec in (("a.mp4", "libx264"), ("b.avi", "mjpeg"), ("c.mkv", "libx264"), ("d.mov", "mpeg4")):
        with av.open(str(folder / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=30)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for _ in range(4):
                picture = av.VideoFrame.from_ndarray(rng.integers(0, 255, (48, 64, 3)).astype(np.uint8), format="rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode())


IMPORTERS: Final = (
    Importer(name="kinect_mkv", reads="Azure Kinect .mkv", read=_import, seeds=_kinect),
    Importer(name="record3d", reads="Record3D's .r3d (zip)", read=_import, seeds=_phone(_r3d)),
    Importer(name="stray_scanner", reads="Stray Scanner's folder", read=_import, seeds=_phone(_stray)),
    Importer(name="scanner3d_app", reads="3D Scanner App's folder", read=_import, seeds=_scanner),
    Importer(name="realsense_db3", reads="RealSense .db3 (SQLite)", read=_import, seeds=_db3),
    Importer(name="humman_recon", reads="HuMMan-Recon's folder", read=_import, seeds=_from_rig(_recon)),
    Importer(name="humman_point", reads="HuMMan-Point's folder", read=_import, seeds=_from_rig(_point)),
    Importer(name="humman_smc", reads="HuMMan's .smc (HDF5)", read=_import, seeds=_from_rig(_smc)),
    Importer(name="dna_smc", reads="DNA-Rendering's .smc (HDF5)", read=_import_dna, seeds=_from_rig(_dna)),
    Importer(name="rgbd_folder", reads="folders of depth and colour images", read=_import, seeds=_from_rig(_rgbd)),
    Importer(name="videos", reads="synchronised videos with cameras", read=_import, seeds=_from_rig(_videos)),
    Importer(name="video", reads="one video: mp4, avi, mkv, mov", read=_footage, seeds=_clips),
)
