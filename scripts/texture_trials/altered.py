"""Copies of a take in which one thing is another: the cameras, the surface, or the exposure of the pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import simplejpeg
from jaxtyping import UInt8
from registration_trials.copies import changed_by_hand, unlinked
from scipy.spatial.transform import Rotation

from calibration.given import read_calibration, write_calibration
from calibration.rig import device_of
from capture.mcap_reading import McapReader
from capture.mcap_recording import McapWriter
from capture.session import CALIBRATED_CAMERAS, Session
from geometry.camera import Camera
from texture.files.mesh_sequence import Segment, write_index, write_segment
from texture_trials.takes import Take

TURNED_DEG, MOVED_M = 0.1, 0.003
"""What a calibration is made worse by: each device turns by this about an axis of its own, and moves as far."""
STOPS = 0.5
"""Largest change of exposure, EV."""
JPEG_QUALITY = 97
"""Of pictures that are encoded a second time: its error, 0.5 levels, is below the noise of the recorded ones."""
DONE: Final = ".altered"


def disturbed(cameras: Mapping[str, Camera], rng: np.random.Generator) -> dict[str, Camera]:
    """The cameras, each device turned by `TURNED_DEG` and moved by `MOVED_M` in directions of its own."""
    found: dict[str, Camera] = {}
    moves: dict[str, np.ndarray] = {}
    for name, camera in cameras.items():
        if device_of(name) not in moves:
            axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
            move = np.eye(4)
            move[:3, :3] = Rotation.from_rotvec(np.deg2rad(TURNED_DEG) * axis).as_matrix()
            move[:3, 3] = MOVED_M * way
            moves[device_of(name)] = move
        move, T = moves[device_of(name)], camera.T_world_camera.copy()
        T[:3, :3] = move[:3, :3] @ T[:3, :3]  # about the camera's own centre
        T[:3, 3] += move[:3, 3]
        found[name] = camera.at(T)
    return found


def with_cameras(copy: Session, cameras: Mapping[str, Camera]) -> None:
    """Puts other cameras into the calibration of a copy, once; what else is known of the rig stays."""
    if _is_done(copy, "cameras"):
        return
    path = unlinked(copy.path(*CALIBRATED_CAMERAS))
    rig = read_calibration(path)
    write_calibration(path, replace(rig, cameras={**rig.cameras, **cameras}))
    changed_by_hand(copy, "calibrate")
    _set_done(copy, "cameras")


def with_true_surface(take: Take, folder: Path) -> None:
    """Writes the true surface of every instant into a mesh/ folder, as one segment with its own layout."""
    instants = take.results.instants
    surfaces = [take.true_surface(instant) for instant in instants]
    first = surfaces[0]
    assert first.uv is not None
    assert first.uv_faces is not None
    segment = Segment(
        instants=np.array(instants),
        vertices=np.stack([s.vertices for s in surfaces]).astype(np.float32),
        faces=first.faces,
        uv=first.uv.astype(np.float64),
        uv_faces=first.uv_faces,
    )
    person = take.results.person
    write_segment(folder, person, 0, segment)
    write_index(folder, person, [(instant, 0, "") for instant in instants])


def replaced_mesh(take: Take, copy: Session) -> None:
    """Puts the take's true surface in the place of the stage mesh's in a copy, once; the stage must have run.

    `take` still has its own cameras, by which the truth is brought into its world.
    """
    if _is_done(copy, "mesh"):
        return
    folder = copy.path("mesh")
    for path in folder.iterdir():
        if path.name != "manifest.json":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with_true_surface(take, folder)
    changed_by_hand(copy, "mesh")
    _set_done(copy, "mesh")


def exposed(image: UInt8[np.ndarray, "rows columns 3"], stops: float) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture as if exposed for 2^stops times as long: scaled in linear light, clipped at white."""
    return cv2.LUT(image, exposure_table(stops))


def exposure_table(stops: float) -> UInt8[np.ndarray, "256"]:
    """The level that each sRGB level becomes."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4) * 2.0**stops
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.clip(np.rint(255 * encoded), 0, 255).astype(np.uint8)


def stops_of(streams: list[str]) -> dict[str, float]:
    """How much each camera's exposure is changed: evenly from -STOPS to +STOPS, neighbours far apart."""
    steps = np.linspace(-STOPS, STOPS, len(streams))
    order = np.argsort(np.arange(len(streams)) * 3 % max(len(streams), 1), kind="stable")
    return {stream: float(steps[n]) for stream, n in zip(streams, order, strict=True)}


def with_exposures(copy: Session, stops: Mapping[str, float]) -> None:
    """Encodes the pictures of a copy's recording anew with other exposures, once."""
    if _is_done(copy, "exposures"):
        return
    own, shared = copy.path(".recording.partial"), copy.path("recording")
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    for path in shared.resolve().iterdir():
        if path.suffix != ".mcap":
            (own / path.name).symlink_to(path)
    for path in shared.resolve().glob("*.mcap"):
        _expose(path, own / path.name, {f"/{stream}": value for stream, value in stops.items()})
    shared.unlink()
    own.rename(shared)
    _set_done(copy, "exposures")


def _expose(source: Path, target: Path, stops: Mapping[str, float]) -> None:
    with McapReader(source) as reader, McapWriter(target, reader.attachments, syncs=False) as writer:
        for topic in reader.topics:
            writer.add_stream(topic, reader.encoding(topic), reader.metadata(topic))
            table = exposure_table(stops.get(topic, 0.0))
            for index in range(reader.count(topic)):
                message = reader.read(topic, index)
                data = bytes(message.data)
                if stops.get(topic, 0.0):
                    image = cv2.LUT(simplejpeg.decode_jpeg(data), table)
                    data = simplejpeg.encode_jpeg(image, quality=JPEG_QUALITY, colorsubsampling="444")
                writer.write(topic, data, device_us=message.device_us, host_us=message.host_us)


def _is_done(copy: Session, what: str) -> bool:
    path = copy.folder / DONE
    return path.is_file() and what in json.loads(path.read_text())


def _set_done(copy: Session, what: str) -> None:
    path = copy.folder / DONE
    done = json.loads(path.read_text()) if path.is_file() else []
    path.write_text(json.dumps([*done, what]))
