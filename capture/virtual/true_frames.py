"""When every frame of a simulated session was really exposed, and which were lost: `truth/frames/STREAM.npz`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from capture.errors import CaptureError
from capture.session import Session
from capture.virtual.clocks import ClockedFrames

FOLDER = ("truth", "frames")


def write_true_frames(folder: Path, streams: Mapping[str, ClockedFrames]) -> None:
    """Writes one file for each stream of a session's folder."""
    for stream, frames in streams.items():
        path = folder.joinpath(*FOLDER, f"{stream}.npz")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            exposed_us=frames.exposed_us,
            device_us=frames.device_us,
            arrived_us=frames.arrived_us,
            delivered=frames.delivered,
        )


def read_true_frames(session: Session, stream: str) -> ClockedFrames:
    """All exposures of a stream, lost ones too. Rig time 0 is the take's first instant.

    Raises CaptureError when the session was not simulated or has no such stream.
    """
    path = session.path(*FOLDER, f"{stream}.npz")
    if not path.is_file():
        raise CaptureError(f"{path} is missing: {session.folder} was not simulated, or has no stream '{stream}'")
    with np.load(path) as arrays:
        return ClockedFrames(**arrays)


def true_instants(session: Session) -> Int64[np.ndarray, "instants"]:
    """Which instant of truth/ each instant of sync/ is: the same number only while nothing is lost.

    Raises CaptureError before the stage `sync` has run.
    """
    instants = session.instants()
    if not session.path(*FOLDER).is_dir():
        return np.arange(len(instants))  # simulated before frames could be lost
    exposures: dict[str, np.ndarray] = {}
    found = []
    for instant in instants:
        stream = next(iter(instant.streams))  # an instant has a frame, and those of one instant belong together
        if stream not in exposures:
            exposures[stream] = recorded_exposures(read_true_frames(session, stream))
        found.append(exposures[stream][instant.index[stream]])
    return np.array(found, np.int64)


def recorded_exposures(frames: ClockedFrames) -> Int64[np.ndarray, "recorded"]:
    """Number of the exposure of each recorded frame; images in truth/ carry this number."""
    return np.flatnonzero(frames.delivered)
