"""Simulates a take: virtual Azure Kinects watch people and things, and the session looks like a real rig's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from capture.disk_space import Reserve, is_full
from capture.errors import CaptureError
from capture.mcap_recording import McapReader, McapWriter
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.virtual.clocks import ClockEffects, write_clocks
from capture.virtual.config import SimulationConfig
from capture.virtual.other_devices import OtherDevice, devices_of_take, jobs
from capture.virtual.other_recording import OtherRecorded, describe_recorded, record_other_devices, write_other_truth
from capture.virtual.processes import Runner, runner
from capture.virtual.rendering import drop_truth_from, remove_work, store_vertices
from capture.virtual.rig import VirtualDevice, build_rig, delivered_rig
from capture.virtual.scene import Scene, Thing
from capture.virtual.subject import Subject
from capture.virtual.take_clocks import TakeClocks, take_clocks, write_frame
from capture.virtual.true_frames import write_true_frames
from capture.virtual.truth_writing import write_truth
from geometry.camera import Camera
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.camera_files.cameras_json import write_cameras

RECORDING = "recording/rig.mcap"
BACKGROUND = "recording/background"


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
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise CaptureError(f"{folder} cannot be made ({error.strerror}); choose another place") from error
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
    rig, others = build_rig(config), devices_of_take(config, scene.frames)
    clocks, other_jobs = _clocks(config, rig, scene.frames, config.clocks), jobs(others)
    pieces = config.cameras + config.background_frames + scene.frames + bool(others) + len(other_jobs)
    done = _Progress(pieces, on_progress)
    full: OSError | None = None
    with runner(config, scene.figure(), scene.standing(), partial, workers) as run:
        for _ in run("prepare", config.cameras):
            done.step()
        links = _record_background(partial, config, rig, folder.name, run, done)
        try:
            _record(partial / RECORDING, rig, config, clocks, run, "instant", done, reserve)
            _record_others(partial, others, other_jobs, run, done, reserve)
        except OSError as error:
            if not is_full(error):
                raise
            full = error
    remove_work(partial)
    reserve.free()
    counts = _counts(partial / RECORDING)
    whole = clocks.whole_instants(counts)
    if full is not None:
        if whole == 0:
            raise full
        if whole < scene.frames:
            drop_truth_from(partial, whole)
    if not any(counts.values()):
        raise CaptureError(f"every frame of {', '.join(counts)} is lost; make the take longer, or lose less of it")
    recorded = describe_recorded(partial, others)
    write_truth(partial, config, rig, scene.first(whole), clocks.session_us[:whole])
    write_clocks(partial / "truth" / "clocks.json", clocks.clocks)
    write_true_frames(partial, clocks.frames)
    write_other_truth(partial, others, effects=config.noise, seed=config.seed)
    _write_recorded_cameras(partial, config, recorded)
    _create(partial, config, rig, clocks, counts, recorded, id=folder.name, links=links)
    partial.replace(folder)
    if full is not None:
        cut = "" if whole < scene.frames else "; the recordings of phones and RealSense units are cut short"
        raise CaptureError(
            f"{folder}: the disk is full; {whole} of {scene.frames} instants are whole and kept{cut}; free some space "
            "and simulate again into another folder for the rest"
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
    clocks = _clocks(config, rig, config.background_frames, None)
    _record(inner / RECORDING, rig, config, clocks, run, "empty", done)
    counts = _counts(inner / RECORDING)
    _write_recorded_cameras(inner, config, OtherRecorded())
    _create(inner, config, rig, clocks, counts, OtherRecorded(), id=f"{name}_background", links={})
    return {"background_from": BACKGROUND}


def _record(
    path: Path,
    rig: tuple[VirtualDevice, ...],
    config: SimulationConfig,
    clocks: TakeClocks,
    run: Runner,
    method: str,
    done: _Progress,
    reserve: Reserve | None = None,
) -> None:
    """Writes one MCAP file. When the disk fills up, what is in it already stays readable; raises the OSError."""
    attachments = {
        f"{device.name}/calibration.json": calibration_json(device.depth, device.color, device.unit.serial).encode()
        for device in delivered_rig(config)
    }
    with McapWriter(path, attachments) as writer:
        for name, camera in _streams(rig, config.infrared).items():
            size = {"width": str(camera.width), "height": str(camera.height)}
            writer.add_stream(f"/{name}", _encoding(name), size)
        try:
            for instant, payloads in enumerate(run(method, len(clocks.pulse_us))):
                with writer.abandoned_on_error():
                    for payload in payloads:
                        write_frame(writer, payload.stream, payload.data, clocks.frames[payload.stream], instant)
                done.step()
        except OSError:
            if reserve is not None:
                reserve.free()
            raise


def _record_others(
    folder: Path,
    others: tuple[OtherDevice, ...],
    other_jobs: list[tuple[int, int]],
    run: Runner,
    done: _Progress,
    reserve: Reserve,
) -> None:
    """Writes one MCAP file for each phone and RealSense unit; a full disk as in `_record`."""
    if not others:
        return
    for _ in run("prepare_others", 1):
        done.step()

    def frames() -> Iterator[dict[str, bytes]]:
        for payloads in run("other", len(other_jobs)):
            yield payloads
            done.step()

    try:
        record_other_devices(folder, others, other_jobs, frames())
    except OSError:
        reserve.free()
        raise


def _clocks(
    config: SimulationConfig, rig: tuple[VirtualDevice, ...], instants: int, effects: ClockEffects | None
) -> TakeClocks:
    return take_clocks(
        [device.name for device in rig],
        [device.name for device in devices_of_take(config, 1)],
        instants=instants,
        rate_hz=config.rate_hz,
        stagger_us=config.depth_stagger_us,
        effects=effects,
        seed=config.seed,
        infrared=config.infrared,
    )


def _create(
    folder: Path,
    config: SimulationConfig,
    rig: tuple[VirtualDevice, ...],
    clocks: TakeClocks,
    counts: dict[str, int],
    recorded: OtherRecorded,
    *,
    id: str,
    links: dict[str, str],
) -> None:
    streams = [
        StreamInfo(
            name=name,
            kind=_kind(name),
            file=RECORDING,
            encoding=_encoding(name),
            frames=counts[name],
            topic=f"/{name}",
            width=camera.width,
            height=camera.height,
            rate_hz=config.rate_hz,
            delay_us=clocks.delay_us(name),
        )
        for name, camera in _streams(rig, config.infrared).items()
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
    Session.create(
        folder,
        streams=[*streams, *recorded.streams],
        devices=[*devices, *recorded.devices],
        origin="virtual",
        id=id,
        action=config.clip if config.scenario == "people" else config.scenario,
        links=links,
    )


def _write_recorded_cameras(folder: Path, config: SimulationConfig, others: OtherRecorded) -> None:
    """The cameras as their own calibrations describe them."""
    kinects = _cameras(delivered_rig(config))
    unplaced = [] if config.placed else [camera.name for camera in kinects]
    write_cameras(
        folder.joinpath(*RECORDED_CAMERAS),
        [*kinects, *others.cameras],
        source="virtual rig, as placed" if config.placed else "virtual rig, as the factory calibrated each device",
        unplaced=[*unplaced, *others.unplaced],
    )


def _cameras(rig: tuple[VirtualDevice, ...]) -> list[Camera]:
    return [camera for device in rig for camera in (device.color, device.depth)]


def _streams(rig: tuple[VirtualDevice, ...], infrared: bool) -> dict[str, Camera]:
    """The image streams and the camera that takes each: the depth camera takes the infrared images."""
    streams = {camera.name: camera for camera in _cameras(rig)}
    if infrared:
        streams |= {f"{device.name}/ir": device.depth for device in rig}
    return streams


def _kind(stream: str) -> Literal["color", "depth", "ir"]:
    kinds: dict[str, Literal["color", "depth", "ir"]] = {"color": "color", "depth": "depth", "ir": "ir"}
    return kinds[stream.rsplit("/", maxsplit=1)[1]]


def _encoding(stream: str) -> Literal["jpeg", "dzp"]:
    return "jpeg" if _kind(stream) == "color" else "dzp"


class _Progress:
    def __init__(self, total: int, report: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._report = 0, total, report

    def step(self) -> None:
        self._done += 1
        if self._report is not None:
            self._report(self._done, self._total)
