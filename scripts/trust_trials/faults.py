"""Faults of recordings and rigs, put into a copy of a sound take whose truth is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from registration_trials.copies import unlinked
from registration_trials.variants import keep_spread

from body.loading import load_body_model
from calibration.rig import device_of
from capture.frame_sets import read_instants, write_instants
from capture.mcap_recording import McapWriter
from capture.session import INFO_FILE, Session
from capture.session_info import write_info
from capture.virtual.true_frames import read_true_frames, recorded_exposures, write_true_frames
from geometry.rigid import from_rotvec
from humanrig.registering.shape_file import write_shape
from registration.shape.estimate import ShapeEstimate

FAULTY = 2
"""Place of the faulty device in the list of devices."""
LATE_FRAMES = 3
LOST = 0.5
TALL = 2.5
"""Deviations of the first and second coefficient of a shape that is somebody else's."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong."""

    name: str
    text: str
    keep: int | None = None
    """So many devices are left."""
    recording: Callable[[Session], None] | None = None
    """Changes what was recorded."""
    after: str | None = None
    """A stage whose output `change` makes wrong."""
    change: Callable[[Session], None] | None = None
    options: Callable[[Path], dict[str, dict[str, object]]] = lambda folder: {}
    """Stage options; may write a file into the folder."""
    blames: bool = False
    """Whether it is the fault of one device."""

    def without(self, session: Session) -> frozenset[str]:
        """Devices that nothing may use."""
        return frozenset() if self.keep is None else keep_spread(self.keep)(session)


def faulty_device(session: Session) -> str:
    """The device that faults are put into."""
    return sorted(session.devices)[FAULTY]


def moved(side_m: float, turn_deg: float) -> Callable[[Session], None]:
    """The device stands to the side of where its calibration says, and looks past."""

    def change(session: Session) -> None:
        path = session.path("calibration", "cameras.json")
        values = json.loads(path.read_text())
        its = [c for c in values["cameras"] if device_of(c["name"]) == faulty_device(session)]
        first = np.array(its[0]["T_world_camera"])
        across = np.cross(first[:3, 2], [0, 0, 1.0])
        turn = from_rotvec(np.array([0, 0, np.radians(turn_deg)]), np.zeros(3))[:3, :3]
        for camera in its:
            T = np.array(camera["T_world_camera"])
            T[:3, 3] = first[:3, 3] + turn @ (T[:3, 3] - first[:3, 3])
            T[:3, 3] += side_m * across / np.linalg.norm(across)
            T[:3, :3] = turn @ T[:3, :3]
            camera["T_world_camera"] = T.tolist()
        unlinked(path).write_text(json.dumps(values))

    return change


def late(session: Session) -> None:
    """The device's frames are those of three instants later, and its clock does not say so."""
    path = session.path("sync", "frames.parquet")
    instants, device = read_instants(path), faulty_device(session)
    changed = []
    for n, instant in enumerate(instants):
        source = instants[min(n + LATE_FRAMES, len(instants) - 1)]
        index = {s: source.index[s] if device_of(s) == device else i for s, i in instant.index.items()}
        changed.append(replace(instant, index=index))
    path.unlink()
    write_instants(path, changed)


def lose_frames(session: Session) -> None:
    """Every second device loses half of its frames, while it recorded."""
    _own(session, "recording")
    _own(session, "truth")
    rng = np.random.default_rng(7)
    losing = sorted(session.devices)[::2]
    old = {name: session.streams[name] for name in session.streams}
    path = session.path("recording", "rig.mcap")
    reader, counts = session.recording("recording/rig.mcap"), dict.fromkeys(old, 0)
    lost: dict[str, list[int]] = {name: [] for name in old}
    fresh = path.with_name("fewer.mcap")
    with McapWriter(fresh, syncs=False) as writer:
        for stream in old.values():
            writer.add_stream(
                f"/{stream.name}", stream.encoding, {"width": str(stream.width), "height": str(stream.height)}
            )
        for stream in old.values():
            for index in range(stream.frames):
                inside = 0 < index < stream.frames - 1
                if inside and stream.device in losing and rng.random() < LOST:
                    lost[stream.name].append(index)
                    continue
                message = reader.read(stream.topic or "", index)
                writer.write(f"/{stream.name}", message.data, device_us=message.device_us, host_us=message.host_us)
                counts[stream.name] += 1
    path.unlink()
    fresh.rename(path)
    for name, indices in lost.items():
        true = read_true_frames(session, name)
        delivered = true.delivered.copy()
        delivered[recorded_exposures(true)[indices]] = False
        write_true_frames(session.folder, {name: replace(true, delivered=delivered)})
    streams = [replace(stream, frames=counts[stream.name]) for stream in session.info.streams]
    session.path(INFO_FILE).unlink()
    write_info(session.path(INFO_FILE), replace(session.info, streams=streams))


def _own(session: Session, folder: str) -> None:
    """A copy of a folder instead of a link to that of the take."""
    link = session.path(folder)
    shared = link.resolve()
    if link.is_symlink():
        link.unlink()
        shutil.copytree(shared, link, symlinks=True)


def others_shape(folder: Path) -> dict[str, dict[str, object]]:
    """The shape of somebody else, given as if it were known well."""
    model = load_body_model()
    betas = np.zeros(16)
    betas[:2] = TALL, -TALL
    path = folder / "other_shape.npz"
    estimate = ShapeEstimate(
        betas=betas, child=0.0, covariance=1e-6 * np.eye(17), height_m=1.9, height_sigma_m=0.005, residual_mm={},
        coverage={}, margin_mm={}, sources=("a take of somebody else",),
    )  # fmt: skip
    write_shape(estimate, model, path)
    return {"register": {"shape": path}}


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(name="none", text="the take as it is"),
        Fault(name="nudged", text="a camera was pushed by 10 mm after the calibration", after="calibrate",
              change=moved(0.010, 0.0), blames=True),
        Fault(name="moved", text="a camera was pushed by 40 mm and turned by 2°", after="calibrate",
              change=moved(0.040, 2.0), blames=True),
        Fault(name="late", text="a camera is three frames late and its clock does not say so", after="sync",
              change=late, blames=True),
        Fault(name="lost", text="every second camera lost half of its frames", recording=lose_frames),
        Fault(name="few", text="two cameras are left", keep=2),
        Fault(name="shape", text="somebody else's shape was given", options=others_shape),
    )
}  # fmt: skip
