"""Our own sessions: fused clouds, or single views made of depth and masks, with the true or the fitted body."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from calibration.depth.applying import corrected_depth
from calibration.errors import CalibrationError
from capture.errors import CaptureError
from capture.frame_sets import Instant
from capture.session import INFO_FILE
from geometry.errors import GeometryError
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.depth_cloud import MaskedDepth, cloud_of
from hps.datasets.protocol import CloudProtocol, protocol_of
from hps.datasets.reader import CloudReader, Entry
from hps.datasets.rig_frames import attributes_of, groups_of
from hps.datasets.session_take import TRUTHS, Take, body_at_instant, sensor_of, take_of
from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud
from registration.clouds.files import cloud_path, read_cloud, read_cloud_cameras
from registration.errors import RegistrationError
from registration.masks.files import mask_path, read_mask

DATASET: Final = "humanrig_session"
PROTOCOL: Final = "humanrig_clouds_v1"
ERRORS: Final = (CalibrationError, CaptureError, GeometryError, RegistrationError)


def is_session(path: Path) -> bool:
    """A session's folder, or a folder of them."""
    return bool(_sessions(path))


def open_session(path: Path | str, protocol: str = PROTOCOL, *, truth: str = "best") -> CloudReader:
    """Everybody at every instant of one session or of a folder of them.

    `protocol` humanrig_clouds_v1 takes the points of the stage clouds; humanrig_session_v1 and its variants make clouds
    of depth images within masks. `truth`: truth/body of simulated sessions, body/ as it was fitted, the best of both,
    or none. Raises HpsError when a stage has not run and for files that are damaged.
    """
    folders = _sessions(Path(path))
    if not folders:
        raise HpsError(f"{path} is no session and holds none: a folder with {INFO_FILE}")
    if truth not in TRUTHS:
        raise HpsError(f"truth='{truth}' is not one of {', '.join(TRUTHS)}")
    chosen = protocol_of(protocol)
    take_of.cache_clear()  # stages may have run since
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for folder in folders:
        try:
            take = take_of(str(folder), truth)
            _entries_of(take, chosen, entries, left_out)
        except ERRORS as error:
            raise HpsError(str(error)) from None
    return CloudReader(
        dataset=DATASET,
        protocol=chosen.name,
        entries=tuple(entries),
        read=partial(_read, str(folders[0].parent), chosen, truth),
        left_out=left_out,
    )


def _sessions(path: Path) -> list[Path]:
    if (path / INFO_FILE).is_file():
        return [path]
    return sorted(p.parent for p in path.glob(f"*/{INFO_FILE}")) if path.is_dir() else []


def _entries_of(take: Take, protocol: CloudProtocol, entries: list[Entry], left_out: dict[str, str]) -> None:
    name = take.session.folder.name
    for group, streams in _groups(take, protocol).items():
        for number in sorted(take.people):
            sequence = f"{name}_person{number:02d}" + (f"_{group}" if group else "")
            for instant in take.instants.values():
                key = f"{sequence}_{instant.instant:06d}"
                if why := _lacks(take, instant, streams):
                    left_out[key] = why
                    continue
                entries.append(
                    Entry(
                        key=key,
                        subject=take.subjects[number],
                        action=take.session.info.action,
                        sequence=sequence,
                        frame=instant.instant,
                        place=(name, number, *streams),
                    )
                )


def _groups(take: Take, protocol: CloudProtocol) -> dict[str, tuple[str, ...]]:
    """Depth streams that make a cloud together; none for the clouds of the stage."""
    session = take.session
    if not protocol.views:
        if not session.path("clouds").is_dir():
            raise HpsError(
                f"{session.folder} has no clouds; run: humanrig clouds {session.folder}, or take the protocol "
                "humanrig_session_v1, which needs masks alone"
            )
        return {"": ()}
    if not session.path("masks").is_dir():
        raise HpsError(f"{session.folder} has no masks; run: humanrig reconstruct {session.folder} --only masks")
    streams = [stream for stream in session.of_kind("depth") if stream in take.cameras]
    groups = groups_of(streams, protocol.views, session.folder)
    return {group.replace("/depth", "").replace("/", "_"): members for group, members in groups.items()}


def _lacks(take: Take, instant: Instant, streams: Sequence[str]) -> str:
    """Why there is no cloud at an instant; empty where there is one."""
    if not streams:
        return "" if cloud_path(take.session.path("clouds"), instant.instant).is_file() else "it has no cloud"
    masks = take.session.path("masks")
    lacking = [f"{stream} has no frame" for stream in streams if not instant.has(stream)]
    lacking += [
        f"{stream} has no mask"
        for stream in streams
        if instant.has(stream) and not mask_path(masks, stream, instant.instant).is_file()
    ]
    return ", ".join(lacking)


def _read(top: str, protocol: CloudProtocol, truth: str, entry: Entry) -> CloudSample:
    name, number, *streams = entry.place
    try:
        take = take_of(str(Path(top) / str(name)), truth)
        cloud, sensors = _cloud(take, int(number), entry.frame, [str(s) for s in streams], protocol)
    except ERRORS as error:
        raise HpsError(str(error)) from None
    body, joints, model, flags = body_at_instant(take.people[int(number)], entry.frame)
    start = min(instant.time_us for instant in take.instants.values())
    attributes = attributes_of(cloud, sensors, body, joints, entry)
    return entry.sample(
        time_s=1e-6 * (take.instants[entry.frame].time_us - start),
        sensors=sensors,
        cloud=cloud,
        truth=body,
        joints=joints,
        model=model,
        attributes=attributes | ({"truth": take.known[int(number)], "flags": flags} if body is not None else {}),
    )


def _cloud(
    take: Take, number: int, instant: int, streams: Sequence[str], protocol: CloudProtocol
) -> tuple[PersonCloud, tuple[str, ...]]:
    """One person's cloud in the session's world, and the cameras' sensors."""
    session = take.session
    up = np.array([0.0, 0, 1]) if take.is_upright else None
    if streams:
        views = [_view(take, number, instant, stream) for stream in streams]
        return cloud_of(views, protocol, up), tuple(sensor_of(session, stream) for stream in streams)
    folder = session.path("clouds")
    whole = read_cloud(cloud_path(folder, instant))
    names = read_cloud_cameras(folder)
    assert whole.person is not None  # the reader of the file fills it in
    assert whole.camera is not None
    mine = np.flatnonzero((whole.person == number) & np.isfinite(whole.points).all(1))
    cloud = PersonCloud(
        points=whole.points[mine],
        camera=whole.camera[mine].astype(np.int64),
        origins=np.array([take.cameras[name].center for name in names]).reshape(-1, 3),
        up=up,
    )
    return cloud, tuple(sensor_of(session, name) for name in names)


def _view(take: Take, number: int, instant: int, stream: str) -> MaskedDepth:
    session = take.session
    depth = session.frame(stream, take.instants[instant].index[stream]).payload
    return MaskedDepth(
        depth_m=corrected_depth(depth, take.corrections.get(stream)),
        mask=read_mask(mask_path(session.path("masks"), stream, instant), number),
        camera=take.cameras[stream],
    )
