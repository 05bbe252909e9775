"""Simulates a take: virtual Azure Kinects watch people and things, and the session looks like a real rig's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from capture.errors import CaptureError
from capture.mcap_recording import McapReader, McapWriter
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.virtual.config import SimulationConfig
from capture.virtual.disk_space import Reserve, is_full
from capture.virtual.processes import Runner, runner
from capture.virtual.rendering import Payload, drop_truth_from, remove_work, store_vertices
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
    people: Subject | Sequence[Subject] = (),
    *,
    things: Sequence[Thing] = (),
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Writes a session with one frame set for each instant of the scene, and what was really there in `truth/`.

    The colour cameras expose at the same moment, the depth cameras one after another (`depth_stagger_us`). Without
    people it lasts as long as the configuration says. The frames depend on `config`, the people and the things alone,
    not on `workers` (None: one process for each processor). The folder appears whole or not at all, but for a disk that
    fills up: then it holds the instants that were whole, and the error says how many. Raises CaptureError for that and
    when the folder exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise CaptureError(f"{folder} exists; a simulation never overwrites, choose another folder or remove it")
    nobody = not isinstance(people, Subject) and not people
    scene = Scene.of(people, things, frame_count(config) if nobody else None)
    partial = folder.with_name(f".{folder.name}.partial{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        return _take(folder, partial, config, scene, workers, on_progress)
    except OSError as error:
        if not is_full(error):
            raise
        raise CaptureError(f"{folder}: the disk is full before anything was whole; free some space") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def frame_count(config: SimulationConfig) -> int:
    """Number of instants of a take."""
    return max(1, round(config.seconds * config.rate_hz))


def times_us(config: SimulationConfig, frames: int) -> np.ndarray:
    """Device time of the pulse of each frame set; the devices share the master's clock."""
    return FIRST_US + np.rint(np.arange(frames) * 1e6 / config.rate_hz).astype(np.int64)


def _take(
    folder: Path,
    partial: Path,
    config: SimulationConfig,
    scene: Scene,
    workers: int | None,
    on_progress: Callable[[int, int], None] | None,
) -> Session:
    reserve = Reserve.of(partial)
    store_vertices(partial, scene.vertices())
    done = _Progress(config.cameras + config.background_frames + scene.frames, on_progress)
    rig = build_rig(config)
    full: OSError | None = None
    with runner(config, scene.figure(), partial, workers) as run:
        for _ in run("prepare", config.cameras):
            done.step()
        links = _record_background(partial, config, rig, folder.name, run, done)
        try:
            _record(partial / RECORDING, config, rig, run, "instant", scene.frames, done, reserve)
        except OSError as error:
            if not is_full(error):
                raise
            full = error
    remove_work(partial)
    reserve.free()
    counts = _counts(partial / RECORDING)
    whole = min(counts.values(), default=0)
    if full is not None:
        if whole == 0:
            raise full
        drop_truth_from(partial, whole)
    write_truth(partial, config, rig, scene.first(whole), times_us(config, whole))
    write_cameras(partial.joinpath(*RECORDED_CAMERAS), _cameras(rig), source="virtual rig, as placed")
    _create(partial, config, rig, RECORDING, counts, id=folder.name, links=links)
    partial.replace(folder)
    if full is not None:
        raise CaptureError(
            f"{folder}: the disk is full; {whole} of {scene.frames} instants are whole and kept; free some space and "
            "simulate again into another folder for the rest"
        ) from full
    return Session.open(folder)


def _counts(path: Path) -> dict[str, int]:
    """Number of whole frames of each stream."""
    reader = McapReader(path)
    try:
        return {topic.removeprefix("/"): reader.count(topic) for topic in reader.topics}
    finally:
        reader.close()


def _record_background(
    folder: Path, config: SimulationConfig, rig: tuple[VirtualDevice, ...], name: str, run: Runner, done: _Progress
) -> dict[str, str]:
    """The empty room as a session of its own inside the recording, and the link to it."""
    if not config.background_frames:
        return {}
    inner = folder / BACKGROUND
    _record(inner / RECORDING, config, rig, run, "empty", config.background_frames, done)
    counts = _counts(inner / RECORDING)
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
    reserve: Reserve | None = None,
) -> None:
    """Writes one MCAP file. When the disk fills up, what is in it already stays readable; raises the OSError."""
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
        try:
            for time_us, payloads in zip(times_us(config, frames), run(method, frames), strict=True):
                with writer.abandoned_on_error():
                    for payload in payloads:
                        _write(writer, payload, int(time_us) + delays_us[payload.stream], rng)
                done.step()
        except OSError:
            if reserve is not None:
                reserve.free()
            raise


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
