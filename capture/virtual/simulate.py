"""Simulates a take: virtual Azure Kinects watch a person, and the session looks like a real rig's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from capture.errors import CaptureError
from capture.mcap_recording import McapWriter
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.virtual.config import SimulationConfig
from capture.virtual.processes import Runner, runner
from capture.virtual.rendering import Payload, remove_work, store_vertices
from capture.virtual.rig import VirtualDevice, build_rig, depth_delay_us
from capture.virtual.scene import Scene, Thing
from capture.virtual.subject import Subject
from capture.virtual.truth_writing import write_truth
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.camera_files.cameras_json import write_cameras

RECORDING = "recording/rig.mcap"
BACKGROUND = "recording/background"
FIRST_US = 1_000_000
"""Device time of the first frame."""
HOST_AHEAD_US = 40_000_000
LATENCY_US = {"color": 45_000, "depth": 31_000}
LATENCY_SPREAD_US = 1500
HOST_SEED = 20


def simulate(
    folder: Path,
    config: SimulationConfig,
    people: Subject | Sequence[Subject],
    *,
    things: Sequence[Thing] = (),
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Writes a session with one frame set for each frame of the people, and what was really there in `truth/`.

    The colour cameras expose at the same moment, the depth cameras one after another (`depth_stagger_us`). The frames
    depend on `config`, the people and the things alone, not on `workers` (None: one process for each processor). The
    folder appears whole or not at all. Raises CaptureError when it exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise CaptureError(f"{folder} exists; a simulation never overwrites, choose another folder or remove it")
    scene = Scene.of(people, things)
    frames = scene.frames
    partial = folder.with_name(f".{folder.name}.partial{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        store_vertices(partial, scene.vertices())
        done = _Progress(config.cameras + config.background_frames + frames, on_progress)
        with runner(config, scene.figure(), partial, workers) as run:
            for _ in run("prepare", config.cameras):
                done.step()
            rig = build_rig(config)
            links = _record_background(partial, config, rig, folder.name, run, done)
            counts = _record(partial / RECORDING, config, rig, run, "instant", frames, done)
        remove_work(partial)
        write_truth(partial, config, rig, scene, times_us(config, frames))
        write_cameras(partial.joinpath(*RECORDED_CAMERAS), _cameras(rig), source="virtual rig, as placed")
        _create(partial, config, rig, RECORDING, counts, id=folder.name, links=links)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Session.open(folder)


def times_us(config: SimulationConfig, frames: int) -> np.ndarray:
    """Device time of the pulse of each frame set; the devices share the master's clock."""
    return FIRST_US + np.rint(np.arange(frames) * 1e6 / config.rate_hz).astype(np.int64)


def _record_background(
    folder: Path, config: SimulationConfig, rig: tuple[VirtualDevice, ...], name: str, run: Runner, done: _Progress
) -> dict[str, str]:
    """The empty room as a session of its own inside the recording, and the link to it."""
    if not config.background_frames:
        return {}
    inner = folder / BACKGROUND
    counts = _record(inner / RECORDING, config, rig, run, "empty", config.background_frames, done)
    write_cameras(inner.joinpath(*RECORDED_CAMERAS), _cameras(rig), source="virtual rig, as placed")
    _create(inner, config, rig, RECORDING, counts, id=f"{name}_background", links={})
    return {"background_from": BACKGROUND}


def _record(
    path: Path,
    config: SimulationConfig,
    rig: tuple[VirtualDevice, ...],
    run: Runner,
    method: str,
    frames: int,
    done: _Progress,
) -> dict[str, int]:
    """Writes one MCAP file and returns the number of frames by stream."""
    attachments = {
        f"{device.name}/calibration.json": calibration_json(device.depth, device.color, device.unit.serial).encode()
        for device in rig
    }
    rng = np.random.default_rng([config.seed, HOST_SEED])
    with McapWriter(path, attachments) as writer:
        for camera in _cameras(rig):
            size = {"width": str(camera.width), "height": str(camera.height)}
            writer.add_stream(f"/{camera.name}", _encoding(camera.name), size)
        delays_us = _delays_us(config, rig)
        for time_us, payloads in zip(times_us(config, frames), run(method, frames), strict=True):
            for payload in payloads:
                _write(writer, payload, int(time_us) + delays_us[payload.stream], rng)
            done.step()
        return {topic.removeprefix("/"): count for topic, count in writer.counts.items()}


def _write(writer: McapWriter, payload: Payload, time_us: int, rng: np.random.Generator) -> None:
    latency = LATENCY_US[payload.stream.rsplit("/", maxsplit=1)[1]] + abs(rng.normal(0, LATENCY_SPREAD_US))
    writer.write(
        f"/{payload.stream}", payload.data, device_us=time_us, host_us=time_us + HOST_AHEAD_US + round(latency)
    )


def _create(
    folder: Path,
    config: SimulationConfig,
    rig: tuple[VirtualDevice, ...],
    file: str,
    counts: dict[str, int],
    *,
    id: str,
    links: dict[str, str],
) -> None:
    streams = [
        StreamInfo(
            name=camera.name,
            kind="color" if camera.name.endswith("/color") else "depth",
            file=file,
            encoding="jpeg" if camera.name.endswith("/color") else "dzp",
            frames=counts[camera.name],
            topic=f"/{camera.name}",
            width=camera.width,
            height=camera.height,
            rate_hz=config.rate_hz,
            delay_us=_delays_us(config, rig)[camera.name],
        )
        for camera in _cameras(rig)
    ]
    devices = [
        DeviceInfo(
            name=device.name,
            model="virtual Azure Kinect",
            serial=device.unit.serial,
            sync="master" if number == 0 else "subordinate",
        )
        for number, device in enumerate(rig)
    ]
    Session.create(folder, streams=streams, devices=devices, origin="virtual", id=id, action=config.clip, links=links)


def _cameras(rig: tuple[VirtualDevice, ...]) -> list:
    return [camera for device in rig for camera in (device.color, device.depth)]


def _delays_us(config: SimulationConfig, rig: tuple[VirtualDevice, ...]) -> dict[str, int]:
    return {
        camera.name: depth_delay_us(config, index) if camera is device.depth else 0
        for index, device in enumerate(rig)
        for camera in (device.color, device.depth)
    }


def _encoding(stream: str) -> str:
    return "jpeg" if stream.endswith("/color") else "dzp"


class _Progress:
    def __init__(self, total: int, report: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._report = 0, total, report

    def step(self) -> None:
        self._done += 1
        if self._report is not None:
            self._report(self._done, self._total)
