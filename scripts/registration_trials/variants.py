"""What a take is made worse by before it is measured: fewer cameras, lost frames, a camera that was moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from calibration.rig import device_of
from capture.frame_sets import HOLE, read_instants, write_instants
from capture.session import Session
from registration_trials.copies import changed_by_hand, unlinked

MOVED_M = 0.010
MOVED_CAMERA = 3
"""Its place in the list of devices."""
DROPPED = 0.3


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to measure every take."""

    name: str
    without: Callable[[Session], frozenset[str]] = lambda _: frozenset()
    """Devices that nothing may use."""
    after: str | None = None
    """A stage whose output is changed by `change` once it is there; only what comes later is run again."""
    change: Callable[[Session], None] = lambda _: None
    options: tuple[tuple[str, str, Any], ...] = ()
    """Stage, option, value."""
    known_shape: bool = False
    """Take person00's shape from the take of the row `shape` that shows them, where there is one."""


def keep_spread(count: int) -> Callable[[Session], frozenset[str]]:
    """All devices but `count`, which stand evenly in the list of the ring."""

    def without(session: Session) -> frozenset[str]:
        devices = sorted({device_of(stream) for stream in session.streams})
        kept = {devices[round(n * len(devices) / count) % len(devices)] for n in range(count)}
        return frozenset(devices) - kept

    return without


def drop_frames(session: Session) -> None:
    """Each camera loses 30 % of its colour and of its depth frames, each for itself."""
    rng = np.random.default_rng(30)
    instants = []
    for instant in read_instants(session.path("sync", "frames.parquet")):
        lost = {stream for stream in instant.index if rng.random() < DROPPED}
        index = {stream: HOLE if stream in lost else n for stream, n in instant.index.items()}
        offset = {stream: 0 if stream in lost else us for stream, us in instant.offset_us.items()}
        instants.append(replace(instant, index=index, offset_us=offset))
    path = session.path("sync", "frames.parquet")
    path.unlink()
    write_instants(path, instants)


def move_camera(session: Session) -> None:
    """One device stands 10 mm to the side of where its calibration says."""
    path = session.path("calibration", "cameras.json")
    values = json.loads(path.read_text())
    device = sorted({device_of(camera["name"]) for camera in values["cameras"]})[MOVED_CAMERA]
    its = [camera for camera in values["cameras"] if device_of(camera["name"]) == device]
    across = np.cross(np.array(its[0]["T_world_camera"])[:3, 2], [0, 0, 1.0])
    for camera in its:
        T = np.array(camera["T_world_camera"])
        T[:3, 3] += MOVED_M * across / np.linalg.norm(across)
        camera["T_world_camera"] = T.tolist()
    unlinked(path).write_text(json.dumps(values))


def apply(variant: Variant, session: Session) -> None:
    """Changes the output of the variant's stage, once: the manifest is brought in line."""
    assert variant.after is not None
    mark = session.folder / f".changed_{variant.name}"
    if not mark.exists():
        variant.change(session)
        changed_by_hand(session, variant.after)
        mark.touch()


def marked(session: Session, variant: Variant) -> Path:
    """The file that says that the variant's change was made."""
    return session.folder / f".changed_{variant.name}"


VARIANTS: Final = {
    "base": Variant(name="base"),
    "cameras4": Variant(name="cameras4", without=keep_spread(4)),
    "camera1": Variant(name="camera1", without=keep_spread(1)),
    "dropped30": Variant(name="dropped30", after="sync", change=drop_frames),
    "camera_off10mm": Variant(name="camera_off10mm", after="calibrate", change=move_camera),
    "keypoints_only": Variant(name="keypoints_only", options=(("register", "surface", False),)),
    "shape_from": Variant(name="shape_from", known_shape=True),
    "betas10": Variant(name="betas10", options=(("register", "betas", 10),)),
}
