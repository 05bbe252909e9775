"""RealSense, Record3D and Stray Scanner files as the maker's library and plain readers of their formats read them."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import cv2
import liblzfse
import numpy as np

from capture.realsense.sdk import load_sdk
from geometry.camera import Camera
from native_files.reading import Project, Reading

rs = load_sdk()
KINDS = {rs.stream.depth: "depth", rs.stream.color: "color", rs.stream.infrared: "ir"}
SETTLE_S = 0.3
PNG = b"\x89PNG\r\n\x1a\n"


def with_librealsense(path: Path) -> Reading:
    """Times, pixels and lenses through the SDK's playback."""
    found, profiles, lock = Reading(), {}, threading.Lock()

    def arrived(frame: Any) -> None:
        with lock:
            kind = KINDS[frame.get_profile().stream_type()]
            found.add_time(kind, frame.get_frame_metadata(rs.frame_metadata_value.sensor_timestamp))
            pixels = np.array(frame.get_data())
            if kind == "color":
                found.add_color(rgb=pixels)
            else:
                found.add16(kind, pixels)

    context = rs.context()
    unit = context.load_device(str(path))
    unit.set_real_time(False)
    sensors = unit.query_sensors()
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles())
        profiles |= {KINDS[p.stream_type()]: p.as_video_stream_profile() for p in sensor.get_stream_profiles()}
    unit.pause()
    for sensor in sensors:
        sensor.start(arrived)
    unit.resume()
    while unit.current_status() != rs.playback_status.stopped:
        time.sleep(SETTLE_S)
    time.sleep(SETTLE_S)
    for sensor in sensors:
        sensor.stop()
        sensor.close()
    found.project = _projector(profiles)
    return found


def _projector(profiles: Mapping[str, Any]) -> Project:
    """The SDK's own projection; it is asked now, for its answers end with the device."""
    lenses = {kind: profile.get_intrinsics() for kind, profile in profiles.items()}
    places = {kind: profiles["depth"].get_extrinsics_to(profile) for kind, profile in profiles.items()}

    def project(kind: str, points: np.ndarray) -> np.ndarray:
        moved = [rs.rs2_transform_point_to_point(places[kind], [float(v) for v in point]) for point in points]
        return np.array([rs.rs2_project_point_to_pixel(lenses[kind], point) for point in moved], np.float64)

    return project


def with_sqlite(path: Path) -> Reading:
    """Images alone, straight from the database: PNG behind a header of ROS."""
    found = Reading()
    base = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    rows = base.execute(
        "SELECT topics.name, messages.data FROM messages JOIN topics ON messages.topic_id = topics.id "
        "WHERE topics.name LIKE '%/image/data%' ORDER BY messages.id"
    )
    for topic, data in rows:
        kind = next(k for word, k in (("Depth", "depth"), ("Color", "color"), ("Infrared", "ir")) if word in topic)
        image = _png(data[data.index(PNG) :])
        if kind == "color":
            found.add_color(rgb=image[..., ::-1])
        else:
            found.add16(kind, image)
    base.close()
    return found


def with_zipfile(path: Path) -> Reading:
    """An .r3d by the words of its format: zip, JSON, LZFSE."""
    found = Reading()
    with zipfile.ZipFile(path) as archive:
        metadata = json.loads(archive.read("metadata"))
        names = set(archive.namelist())
        for index, time_s in enumerate(metadata["frameTimestamps"]):
            found.add_time("color", round(1e6 * time_s))
            found.add_color(jpeg=archive.read(f"rgbd/{index}.jpg"))
            if f"rgbd/{index}.depth" in names:
                metres = np.frombuffer(liblzfse.decompress(archive.read(f"rgbd/{index}.depth")), np.float32)
                found.add_time("depth", round(1e6 * time_s))
                found.add16("depth", np.nan_to_num(np.rint(1000 * metres)).reshape(metadata["dh"], metadata["dw"]))
    K = np.array(metadata["K"]).reshape(3, 3).T
    color = Camera(name="color", K=K, width=metadata["w"], height=metadata["h"])
    depth = color.resized(metadata["dw"], metadata["dh"])
    found.project = lambda kind, points: {"color": color, "depth": depth}[kind].project_camera(points)
    return found


def with_folder(path: Path) -> Reading:
    """A Stray Scanner folder by the words of its format: CSV, PNG, and the video through FFmpeg."""
    found = Reading()
    table = np.genfromtxt(path / "odometry.csv", delimiter=",", skip_header=1)
    with av.open(str(path / "rgb.mp4")) as container:
        for row, frame in zip(table, container.decode(video=0), strict=True):
            assert frame.time is not None
            if abs(frame.time - (row[0] - table[0, 0])) > 2e-6:
                raise SystemExit(f"{path}: the video's time {frame.time} is not that of the table")
            found.add_time("color", round(1e6 * row[0]))
            found.add_color(rgb=frame.to_ndarray(format="rgb24"))
    for row in table:
        image = path / "depth" / f"{int(row[1]):06d}.png"
        if image.exists():
            found.add_time("depth", round(1e6 * row[0]))
            found.add16("depth", _png(image.read_bytes()))
    fx, fy, cx, cy = table[0, 9:13]
    height, width = _png((path / "depth" / f"{int(table[0, 1]):06d}.png").read_bytes()).shape
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    color = Camera(name="color", K=K, width=found.pixels[0].shape[1], height=found.pixels[0].shape[0])
    depth = color.resized(width, height)
    found.project = lambda kind, points: {"color": color, "depth": depth}[kind].project_camera(points)
    return found


def _png(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image
