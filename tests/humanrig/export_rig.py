"""A small ray-cast rig with lenses, a phone and lost frames, calibrated and paired, for the exports of recordings."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "capture"))
from other_rigs import build_rig

from capture.frame_sets import Instant, write_instants
from capture.session import Session
from capture.session_info import write_info

RECORDED, FIRST = 4, 2
"""Frames of each stream, and the instant of the first."""
LOST = {"kinect_001/color": 2, "kinect_002/depth": 3}
"""Which frame of a stream was never recorded."""


def recorded_index(stream: str, frame: int) -> int:
    """Where the frame of a moment lies in its stream: frames after a lost one move up."""
    return frame - (LOST.get(stream, RECORDED) < frame)


@cache
def recorded_rig() -> Session:
    """Built once for all tests of a run, which must not change it."""
    folder = Path(tempfile.mkdtemp(prefix="export-rig-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder = folder / "rig"
    build_rig(folder / "recording" / "background", frames=1)
    session = build_rig(folder, frames=RECORDED, phone=True, lost=list(LOST.items()))
    info = replace(session.info, links={"background_from": "recording/background"})
    write_info(folder / "session.toml", info)
    session = Session(folder, info)
    session.path("calibration").mkdir()
    shutil.copy(session.path("recording", "cameras.json"), session.path("calibration", "cameras.json"))
    images = [name for name, stream in session.streams.items() if stream.is_image]
    instants = []
    for n in range(RECORDED):
        index = {name: -1 if LOST.get(name) == n else recorded_index(name, n) for name in images}
        offset = {"kinect_001/color": 160}
        instants.append(Instant(instant=FIRST + n, time_us=n * 33333, index=index, offset_us=offset))
    write_instants(session.path("sync", "frames.parquet"), instants)
    for name, camera in session.cameras().items():
        mask = np.zeros((camera.height, camera.width), np.uint8)
        mask[10:30, 20:40] = 255
        session.path("masks", *name.split("/")).mkdir(parents=True)
        for n in range(RECORDED):
            cv2.imwrite(str(session.path("masks", *name.split("/"), f"{FIRST + n:06d}.png")), mask)
    return session
