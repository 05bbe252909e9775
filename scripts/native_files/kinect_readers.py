"""Azure Kinect .mkv as the maker's library, Open3D and FFmpeg read it."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from pathlib import Path

import av
import numpy as np

from capture.azure_kinect.finding import find_library
from capture.azure_kinect.library import K4aLibrary, open_shared
from capture.azure_kinect.structures import Handle
from native_files.reading import Project, Reading

CALIBRATION_BYTES = 1 << 14
"""More than `k4a_calibration_t` has, which only the library looks into."""
SENSORS = {"depth": 0, "color": 1}
PLAYBACK = {
    "k4a_playback_open": (c_int, (c_char_p, POINTER(Handle))),
    "k4a_playback_get_calibration": (c_int, (Handle, c_void_p)),
    "k4a_playback_get_next_capture": (c_int, (Handle, POINTER(Handle))),
    "k4a_playback_close": (None, (Handle,)),
}
IMAGES = {
    **{f"k4a_capture_get_{kind}_image": (c_void_p, (Handle,)) for kind in ("color", "depth", "ir")},
    "k4a_capture_release": (None, (Handle,)),
    "k4a_image_get_buffer": (c_void_p, (c_void_p,)),
    "k4a_image_get_size": (c_size_t, (c_void_p,)),
    "k4a_image_get_device_timestamp_usec": (c_uint64, (c_void_p,)),
    "k4a_image_release": (None, (c_void_p,)),
    "k4a_calibration_3d_to_2d": (c_int, (c_void_p, c_void_p, c_int, c_int, c_void_p, POINTER(c_int))),
}


def with_libk4arecord(path: Path) -> Reading:
    """Times, bytes and lenses through the maker's own playback."""
    files = K4aLibrary.load().files
    assert files.record is not None
    record, k4a = open_shared(files.record, PLAYBACK), open_shared(files.k4a, IMAGES)
    found, playback, capture = Reading(), Handle(), Handle()
    if record.k4a_playback_open(str(path).encode(), byref(playback)):
        raise SystemExit(f"libk4arecord cannot open {path}")
    calibration = ctypes.create_string_buffer(CALIBRATION_BYTES)
    if record.k4a_playback_get_calibration(playback, calibration):
        raise SystemExit(f"libk4arecord finds no calibration in {path}")
    found.project = _projector(k4a, calibration)
    while record.k4a_playback_get_next_capture(playback, byref(capture)) == 0:
        for kind in ("color", "depth", "ir"):
            image = getattr(k4a, f"k4a_capture_get_{kind}_image")(capture)
            if not image:
                continue
            data = ctypes.string_at(k4a.k4a_image_get_buffer(image), k4a.k4a_image_get_size(image))
            found.add_time(kind, k4a.k4a_image_get_device_timestamp_usec(image))
            if kind == "color":
                found.add_color(jpeg=data)
            else:
                found.add16(kind, np.frombuffer(data, "<u2"))
            k4a.k4a_image_release(image)
        k4a.k4a_capture_release(capture)
    record.k4a_playback_close(playback)
    return found


def _projector(k4a: ctypes.CDLL, calibration: ctypes.Array[ctypes.c_char]) -> Project:
    """The library's own projection, in millimetres."""

    def project(kind: str, points: np.ndarray) -> np.ndarray:
        pixels = np.full((len(points), 2), np.nan)
        source, target, valid = (ctypes.c_float * 3)(), (ctypes.c_float * 2)(), c_int()
        for k, point in enumerate(points):
            source[:] = [float(1000 * value) for value in point]
            k4a.k4a_calibration_3d_to_2d(calibration, source, SENSORS["depth"], SENSORS[kind], target, byref(valid))
            if valid.value:
                pixels[k] = list(target)
        return pixels

    return project


def with_pyav(path: Path) -> Reading:
    """Packets and pixels through FFmpeg, which knows nothing of lenses."""
    found = Reading()
    kinds = {"COLOR": "color", "DEPTH": "depth", "IR": "ir"}
    with av.open(str(path)) as container:
        start_us = int(container.metadata.get("K4A_START_OFFSET_NS", 0)) // 1000
        tracks = {s.index: kinds[s.metadata["title"]] for s in container.streams.video}
        for packet in container.demux(*container.streams.video):
            if packet.pts is None or packet.time_base is None or not packet.size:
                continue
            kind = tracks[packet.stream.index]
            found.add_time(kind, start_us + round(packet.pts * packet.time_base * 1_000_000))
            if kind == "color":
                found.add_color(jpeg=bytes(packet))
                continue
            for frame in packet.decode():
                found.add16(kind, frame.reformat(format="gray16be").to_ndarray())  # pyright: ignore[reportAttributeAccessIssue]
    return found


READ_WITH_OPEN3D = """
import hashlib, json, sys, numpy as np, open3d as o3d
reader = o3d.io.AzureKinectMKVReader()
assert reader.open(sys.argv[1]), "cannot open"
out = {"depth": []}
o3d.io.write_azure_kinect_mkv_metadata(sys.argv[4], reader.get_metadata())
colors = []
while not reader.is_eof():
    frame = reader.next_frame()
    if frame is not None:
        out["depth"].append(hashlib.sha256(np.asarray(frame.depth).tobytes()).hexdigest())
        colors.append(np.array(frame.color))  # it fills the same memory each time
np.save(sys.argv[2], np.stack(colors))
json.dump(out, open(sys.argv[3], "w"))
"""


def with_open3d(path: Path) -> Reading:
    """Pictures and depth through Open3D, in a process whose library path has links of the names that it looks for.

    It tells no times of frames, and of calibrations colour's matrix alone. Without a display its depth is not aligned
    to colour.
    """
    files = find_library()
    assert files.record is not None
    with tempfile.TemporaryDirectory() as place:
        for link, target in (("libk4a.so", files.k4a), ("libk4arecord.so", files.record)):
            (Path(place) / link).symlink_to(target)
        search = os.pathsep.join([place, str(files.k4a.parent), os.environ.get("LD_LIBRARY_PATH", "")])
        environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"LD_LIBRARY_PATH": search}
        results = [str(Path(place) / name) for name in ("color.npy", "rest.json", "metadata.json")]
        subprocess.run(
            [sys.executable, "-c", READ_WITH_OPEN3D, str(path), *results],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,  # the libraries log there
        )
        colors, rest, metadata = np.load(results[0]), *(json.loads(Path(file).read_text()) for file in results[1:])
    found = Reading(digests={"depth": rest["depth"]}, counts={"depth": len(rest["depth"])})
    found.K_color = np.array(metadata["intrinsic_matrix"]).reshape(3, 3).T  # column by column
    for rgb in colors:
        found.add_color(rgb=rgb)
    return found
