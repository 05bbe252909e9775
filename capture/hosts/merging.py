"""One session of the parts that several computers recorded of one take. The parts stay as they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from capture.doubled_names import doubled_name
from capture.errors import CaptureError
from capture.hosts.address import HostError
from capture.hosts.clock_comparison import HostOffset
from capture.hosts.hosts_take import HostPart, HostsTake
from capture.mcap_recording import McapReader
from capture.session import INFO_FILE, RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, HostInfo, SessionInfo, StreamInfo, write_info
from geometry.camera_files.cameras_json import read_camera_file, write_cameras

RECORDING = "recording"


@dataclass(frozen=True, kw_only=True)
class MergedSession:
    """What came out."""

    session: Session
    notes: tuple[str, ...]
    """What is missing or only roughly known, a sentence each."""


@dataclass(frozen=True, kw_only=True)
class _Part:
    folder: Path
    session: Session
    host: HostInfo


def merge_sessions(
    folders: Sequence[Path],
    target: Path,
    host_offsets: Mapping[str, HostOffset],
    *,
    missing: Sequence[HostPart] = (),
) -> MergedSession:
    """Puts the parts' recordings into one new session; they are linked where the disk allows it, else copied.

    `host_offsets` by host; the first host of `folders` gives the session's clock. `missing` are hosts that took part
    and left nothing: the session names them and their devices. The target appears only when every recording in it was
    read to its last checksum. Raises CaptureError, and leaves nothing behind, for parts that do not fit together.
    """
    target = Path(target)
    if target.exists():
        raise HostError(f"{target} exists; choose another folder, a session is never overwritten")
    parts = [_opened(Path(folder)) for folder in folders]
    if not parts:
        raise HostError("there is no part to merge; give the folders that the hosts recorded")
    _check(parts, host_offsets)
    partial = target.with_name(f".{target.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)  # of a merging that was broken off; parts are elsewhere
    try:
        (partial / RECORDING).mkdir(parents=True)
        for part in parts:
            _take_files(part, partial)
        _merge_cameras(parts, partial)
        write_info(partial / INFO_FILE, _info(parts, target, host_offsets, missing))
        _verify(parts, partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    partial.rename(target)
    return MergedSession(session=Session.open(target), notes=_notes(parts, host_offsets, missing))


def merge_take(take: HostsTake, folders: Mapping[str, Path], target: Path) -> MergedSession:
    """The same for a take whose description was kept; hosts without a folder are missing. The order is the take's."""
    there = [part for part in take.parts if part.name in folders]
    return merge_sessions(
        [folders[part.name] for part in there],
        target,
        {part.name: part.offset for part in take.parts},
        missing=[part for part in take.parts if part.name not in folders],
    )


def _opened(folder: Path) -> _Part:
    if folder.is_dir() and not (folder / INFO_FILE).exists() and any((folder / RECORDING).glob("*.mcap")):
        raise HostError(f"{folder} was cut short and has no {INFO_FILE}; run: humanrig repair {folder}")
    session = Session.open(folder)
    if len(session.info.hosts) != 1:
        raise HostError(
            f"{folder} names {len(session.info.hosts)} hosts, the part of one was expected; give what a host recorded"
        )
    return _Part(folder=folder, session=session, host=session.info.hosts[0])


def _check(parts: Sequence[_Part], offsets: Mapping[str, HostOffset]) -> None:
    first = parts[0].session.info
    for part in parts:
        info = part.session.info
        if (info.id, info.subject, info.action) != (first.id, first.subject, first.action):
            raise HostError(
                f"{part.folder} is of take '{info.id}' ({info.subject or 'nobody'}, {info.action or 'no action'}), "
                f"{parts[0].folder} of '{first.id}' ({first.subject or 'nobody'}, {first.action or 'no action'}); "
                "merge parts of one take"
            )
    _once(parts, [p.host.name for p in parts], "host", "give each host's part once")
    for part in parts:
        if part.host.name not in offsets:
            raise HostError(
                f"the clock of host '{part.host.name}' ({part.folder}) was not compared; it is known for "
                f"{', '.join(offsets) or 'none'}"
            )
    _once(parts, [s for p in parts for s in p.session.streams], "stream", "give one device another name")
    _once(parts, [d for p in parts for d in p.session.devices], "device", "give one another name")
    serials = [d.serial for p in parts for d in p.session.info.devices if d.serial]
    _once(parts, serials, "serial", "one device cannot have been on two computers; look which part is another take's")


def _once(parts: Sequence[_Part], names: Sequence[str], what: str, hint: str) -> None:
    if (doubled := doubled_name(names)) is not None:
        folders = " and ".join(str(part.folder) for part in parts)
        raise HostError(f"{folders} have the {what} '{doubled}' more than once; {hint}")


def _target_file(part: _Part, file: str) -> str:
    """Where a part's recording goes: recording/HOST.mcap stays, other names are put under the host's."""
    name = Path(file).name
    return f"{RECORDING}/{name if Path(name).stem == part.host.name else f'{part.host.name}.{name}'}"


def _take_files(part: _Part, partial: Path) -> None:
    for path in sorted((part.folder / RECORDING).iterdir()):
        if path.is_file() and path.name != RECORDED_CAMERAS[-1] and not path.name.startswith("."):
            into = partial / _target_file(part, path.name)
            if into.exists():
                raise HostError(f"{path} would be put over the recording of another host; rename one of the hosts")
            try:
                os.link(path, into)
            except OSError:  # another disk, or one that knows no links
                shutil.copyfile(path, into)
                with into.open("rb+") as copied:
                    os.fsync(copied.fileno())


def _merge_cameras(parts: Sequence[_Part], partial: Path) -> None:
    files = [read_camera_file(p) for part in parts if (p := part.session.path(*RECORDED_CAMERAS)).exists()]
    if files:
        cameras = {name: camera for file in files for name, camera in file.cameras.items()}
        unplaced = {name for file in files for name in file.unplaced}
        source = "; ".join(dict.fromkeys(file.source for file in files))
        write_cameras(partial.joinpath(*RECORDED_CAMERAS), cameras, source=source, unplaced=unplaced)


def _info(
    parts: Sequence[_Part], target: Path, offsets: Mapping[str, HostOffset], missing: Sequence[HostPart]
) -> SessionInfo:
    first = parts[0].session.info
    devices = [replace(d, host=part.host.name) for part in parts for d in part.session.info.devices]
    for part in missing:
        devices += [
            DeviceInfo(
                name=d["name"],
                model=d["model"],
                serial=d["serial"],
                note=f"the recording of host {part.name} is missing: {part.lost or 'its part was not given'}",
                host=part.name,
            )
            for d in part.devices
        ]
    reference = offsets[parts[0].host.name]
    hosts = [_host(part.host, offsets[part.host.name], reference, is_first=part is parts[0]) for part in parts]
    hosts += [_host(HostInfo(name=m.name), m.offset, reference, is_first=False) for m in missing]
    return replace(
        first,
        id=target.name,
        created=min(part.session.info.created for part in parts),
        streams=[_stream(part, stream) for part in parts for stream in part.session.info.streams],
        devices=devices,
        hosts=hosts,
        links={k: _moved(v, parts[0].folder, target) for k, v in first.links.items()},
    )


def _stream(part: _Part, stream: StreamInfo) -> StreamInfo:
    return replace(stream, file=_target_file(part, stream.file))


def _host(host: HostInfo, offset: HostOffset, reference: HostOffset, *, is_first: bool) -> HostInfo:
    """Both were compared with the computer that started the take; the errors of both add."""
    if is_first:
        return replace(host, offset_us=0.0, offset_uncertainty_us=0.0, drift_ppm=0.0)
    return replace(
        host,
        offset_us=offset.offset_us - reference.offset_us,
        offset_uncertainty_us=offset.uncertainty_us + reference.uncertainty_us,
        drift_ppm=offset.drift_ppm - reference.drift_ppm if offset.after and reference.after else 0.0,
        offset_at_us=round(offset.at_us + offset.offset_us),
    )


def _moved(link: str, old: Path, new: Path) -> str:
    return os.path.relpath((old / link).resolve(), new.resolve())


def _verify(parts: Sequence[_Part], partial: Path) -> None:
    """Raises CaptureError unless every recording is whole and has the frames that its part stated."""
    merged = Session.open(partial)
    for part in parts:
        for file in dict.fromkeys(stream.file for stream in part.session.info.streams):
            into = _target_file(part, file)
            try:
                _verify_file(part, file, merged.path(into))
            except CaptureError as error:  # the merged file is removed: the part's is the one to look at
                raise HostError(str(error).replace(str(merged.path(into)), str(part.folder / file))) from None


def _verify_file(part: _Part, file: str, into: Path) -> None:
    with McapReader(into) as reader:
        if reader.recovered:
            raise HostError(f"{part.folder / file} was cut short; run: humanrig repair {part.folder}")
        reader.verify()
        for stream in part.session.info.streams:
            if stream.file == file and reader.count(stream.topic or "") < stream.frames:
                raise HostError(
                    f"{part.folder / file} has fewer frames of {stream.name} than it states; "
                    f"run: humanrig check {part.folder}"
                )


def _notes(parts: Sequence[_Part], offsets: Mapping[str, HostOffset], missing: Sequence[HostPart]) -> tuple[str, ...]:
    notes = [
        f"the part of host {m.name} is missing ({', '.join(d['name'] for d in m.devices)}): "
        f"{m.lost or 'its folder was not given'}"
        for m in missing
    ]
    for part in parts:
        offset = offsets[part.host.name]
        if offset.after is None:
            notes.append(
                f"the clock of host {part.host.name} was not compared after the take: its drift is not known, its "
                f"offset only to {offset.uncertainty_us / 1000:.1f} ms"
            )
    return tuple(notes)
