"""Makes a session whole whose recorder was killed: its recordings get their index, and session.toml is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from capture.errors import CaptureError
from capture.file_lock import locked
from capture.mcap_damage import damaged_chunks
from capture.mcap_reading import McapReader
from capture.mcap_repair import RewrittenRecording, rewrite
from capture.recorder.take_description import CAMERAS_ATTACHMENT, TakeDescription
from capture.session import INFO_FILE, RECORDED_CAMERAS, Session
from capture.session_info import SessionInfo, write_info

PARTIAL_SUFFIX = ".repaired"
DAMAGED_SUFFIX = ".damaged"
"""Of an original that has chunks which its rewritten recording has not."""
LEFTOVERS = (".reserve", "recording/.*.repaired", ".session.toml.partial", "recording/.cameras.json.*")
MARGIN_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What a repair did, and what could not be saved."""

    session: Session
    changed: tuple[str, ...]
    """What was done, a sentence each; empty when the session was whole already."""
    lost: tuple[str, ...]
    """What could not be saved, a sentence each."""
    lost_s: float
    """The longest stretch at the end of a recording of which the file tells but has no complete frames. What was
    still in memory when the program ended shows in no file: at most about a second."""
    damaged: tuple[str, ...] = ()
    """What is still in the recordings although its checksum fails, a sentence a file; nothing was dropped."""


def repair_session(
    folder: Path, on_progress: Callable[[int, int], None] | None = None, *, drop_damaged: bool = False
) -> Repaired:
    """Makes the session in a folder readable; does nothing, and says so, when it is. Reads every checksum.

    Each recording without an index is rewritten beside itself from its complete chunks, read back, and only then put
    in the place of the original. session.toml and recording/cameras.json are made from the recording's attachments
    where they are missing; where session.toml is there, its numbers of frames are brought in line with shortened
    recordings, and the notes of its devices tell of the repair.

    A recording that has its index and damaged chunks is left as it is, as most of their frames may be unharmed, unless
    `drop_damaged` says to leave these chunks out. An original with chunks that the rewritten recording lacks is kept
    beside it. Raises CaptureError when there is nothing to repair, a recording is still being written, or there is too
    little room.
    """
    folder = Path(folder)
    files = sorted((folder / "recording").glob("*.mcap"))
    if not files:
        if (folder / INFO_FILE).exists():
            return Repaired(session=Session.open(folder), changed=(), lost=(), lost_s=0.0)
        raise CaptureError(f"{folder} has no recording/*.mcap to repair; give the folder of a take")
    with locked(files):
        return _repair(folder, files, on_progress, drop_damaged=drop_damaged)


def _repair(
    folder: Path, files: list[Path], on_progress: Callable[[int, int], None] | None, *, drop_damaged: bool
) -> Repaired:
    _remove_leftovers(folder)
    changed: list[str] = []
    lost: list[str] = []
    damaged: list[str] = []
    notes: dict[str, str] = {}
    lost_s = 0.0
    empty = [file for file in files if not file.stat().st_size]
    if len(empty) < len(files):
        files = [file for file in files if file not in empty]
        lost.extend(f"{file.name} is empty" for file in empty)
    for file in files:
        complete = _is_complete(file)
        sound = complete and _is_sound(file, on_progress)
        bad = damaged_chunks(file, on_progress) if complete and not sound else ()
        if bad and not drop_damaged:
            damaged.append(f"{file.name}: the checksum fails of {', '.join(map(str, bad))}")
        elif not sound:
            done = _rewrite(file, on_progress)
            lost.extend(f"{file.name}: {chunk}" for chunk in bad)
            changed.append(f"{file.name}: {done.frames} frames in {done.chunks} complete chunks have their index again")
            losses = _losses(file, done)
            lost.extend(losses)
            notes[f"recording/{file.name}"] = _note(file, losses)
            lost_s = max(lost_s, done.lost_s)
    if not (folder / INFO_FILE).exists():
        _write_session(folder, files)
        changed.append(f"{INFO_FILE} was made from what the recording says of itself")
    else:
        changed.extend(_correct_counts(folder))
    _write_notes(folder, notes)
    session = Session.open(folder)
    return Repaired(session=session, changed=tuple(changed), lost=tuple(lost), lost_s=lost_s, damaged=tuple(damaged))


def _is_complete(file: Path) -> bool:
    """Whether it has an index that can be read."""
    try:
        with McapReader(file) as reader:
            return not reader.recovered
    except CaptureError:
        return False  # a damaged index, or no recording at all: the rewriting tells


def _is_sound(file: Path, on_progress: Callable[[int, int], None] | None) -> bool:
    """Whether every checksum is right and the index tells of the messages that the chunks hold."""
    try:
        with McapReader(file) as reader:
            reader.verify(on_progress)
    except CaptureError:
        return False
    return True


def _rewrite(file: Path, on_progress: Callable[[int, int], None] | None) -> RewrittenRecording:
    partial = file.with_name(f".{file.name}{PARTIAL_SUFFIX}")
    need, free = file.stat().st_size + MARGIN_BYTES, shutil.disk_usage(file.parent).free
    if free < need:
        raise CaptureError(
            f"{file} is repaired beside the original and needs {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; "
            "make room, or copy the session to another disk and repair it there"
        )
    try:
        done = rewrite(file, partial, on_progress)
        if done.lost_chunks:
            _keep(file)
        partial.replace(file)
    except OSError as error:
        raise CaptureError(f"{file} cannot be repaired ({error.strerror}); the original is untouched") from None
    finally:
        partial.unlink(missing_ok=True)
    return done


def _losses(file: Path, done: RewrittenRecording) -> list[str]:
    lost = []
    if done.lost_bytes:
        seconds = f", the last {done.lost_s:.2f} s" if done.lost_s else ""
        lost.append(f"{file.name}: {done.lost_bytes / 1e6:.1f} MB of a chunk that was not complete{seconds}")
    if done.lost_chunks:
        chunks = f"{done.lost_chunks} chunk{'s' if done.lost_chunks > 1 else ''} whose checksum does not match"
        lost.append(f"{file.name}: {chunks}; the original is kept as recording/{file.name}{DAMAGED_SUFFIX}")
    return lost


def _keep(file: Path) -> None:
    """Gives a damaged original a second name. Raises CaptureError where another file has it already."""
    kept = file.with_name(file.name + DAMAGED_SUFFIX)
    if kept.exists():
        if kept.samefile(file):
            return
        raise CaptureError(f"{kept} lies there from an earlier repair; move it elsewhere and repair again")
    try:
        os.link(file, kept)
    except OSError:  # a disk without hard links
        file.rename(kept)


def _note(file: Path, losses: list[str]) -> str:
    """What session.toml says of a device whose recording was rewritten."""
    lost = "; ".join(text.removeprefix(f"{file.name}: ").split("; the original")[0] for text in losses)
    return f"{file.name} was cut short or damaged and came back by repair; lost: {lost or 'nothing that it told of'}"


def _write_notes(folder: Path, notes: dict[str, str]) -> None:
    """Adds a note, by file, to the devices whose streams it holds."""
    if not notes:
        return
    info = Session.open(folder).info
    of_device = {stream.device: notes[stream.file] for stream in info.streams if stream.file in notes}
    devices = [
        replace(d, note="; ".join(filter(None, (d.note, of_device[d.name])))) if d.name in of_device else d
        for d in info.devices
    ]
    write_info(folder / INFO_FILE, replace(info, devices=devices))


def _write_session(folder: Path, files: list[Path]) -> None:
    """From the descriptions of one recording, or of several hosts' that lie side by side."""
    takes: list[TakeDescription] = []
    frames: dict[str, int] = {}
    for file in files:
        with McapReader(file) as reader:
            takes.append(TakeDescription.of(reader.attachments, str(file)))
            frames.update({topic[1:]: reader.count(topic) for topic in reader.topics})
            cameras = reader.attachments.get(CAMERAS_ATTACHMENT)
            path = folder.joinpath(*RECORDED_CAMERAS)
            if cameras is not None and not path.exists():
                path.write_bytes(cameras)
    first = takes[0].info
    whole = TakeDescription(
        info=replace(
            first,
            streams=[stream for take in takes for stream in take.info.streams],
            devices=[device for take in takes for device in take.info.devices],
            hosts=[host for take in takes for host in take.info.hosts],
        )
    )
    whole.write_session(folder, frames)


def _correct_counts(folder: Path) -> list[str]:
    session = Session.open(folder)
    streams, said = [], []
    for stream in session.info.streams:
        there = stream.frames
        if stream.topic is not None and session.path(stream.file).exists():
            reader = session.recording(stream.file)
            there = min(stream.frames, reader.count(stream.topic)) if stream.topic in reader.topics else 0
        if there != stream.frames:
            said.append(f"{stream.name} has {there} frames, {INFO_FILE} said {stream.frames}")
        streams.append(replace(stream, frames=there))
    if said:
        info: SessionInfo = replace(session.info, streams=streams)
        write_info(folder / INFO_FILE, info)
    return said


def _remove_leftovers(folder: Path) -> None:
    for pattern in LEFTOVERS:
        for path in folder.glob(pattern):
            path.unlink()
