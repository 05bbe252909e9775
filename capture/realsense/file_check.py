"""Whether a file of the SDK's recorder is whole, before the SDK opens it: .db3 (SQLite) and .bag (ROS 1)."""

from __future__ import annotations

import functools
import sqlite3
import struct
from pathlib import Path

from capture.errors import CaptureError

SUFFIXES = (".db3", ".bag")
SQLITE_MAGIC, BAG_MAGIC = b"SQLite format 3\x00", b"#ROSBAG V2.0\n"
DEVICE_TOPIC = "/device_"
"""What topics of the SDK's recorder begin with."""


def check_whole(path: Path) -> None:
    """Raises CaptureError, in one sentence, for a file that is missing, cut short or not of the SDK's recorder."""
    try:
        with path.open("rb") as file:
            head = file.read(256)
        size = path.stat().st_size
    except OSError as error:
        raise CaptureError(f"{path} cannot be opened ({error.strerror}); check the path") from None
    if not size:
        raise CaptureError(f"{path} is empty; copy it again from the recording computer")
    _check(path, head, size, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _check(path: Path, head: bytes, size: int, changed_ns: int) -> None:
    """Once for each state of a file: a .db3 is read from end to end."""
    if head.startswith(SQLITE_MAGIC):
        _check_db3(path, head, size)
    elif head.startswith(BAG_MAGIC):
        _check_bag(path, head, size)
    else:
        raise CaptureError(f"{path} is neither a .db3 nor a .bag of RealSense's recorder; check the file")


def image_counts(path: Path) -> dict[str, int]:
    """Number of images by topic of a .db3; empty of a .bag, which has no cheap index."""
    if path.suffix.lower() != ".db3":
        return {}
    with _opened(path) as base:
        rows = base.execute(
            "SELECT topics.name, COUNT(*) FROM messages JOIN topics ON messages.topic_id = topics.id "
            "WHERE topics.name LIKE '%/image/data%' GROUP BY topics.name"
        ).fetchall()
    base.close()
    return {str(name): int(count) for name, count in rows}


def _check_db3(path: Path, head: bytes, size: int) -> None:
    page, pages = struct.unpack(">H", head[16:18])[0], struct.unpack(">I", head[28:32])[0]
    page = 65536 if page == 1 else page
    if pages and size < page * pages:
        raise CaptureError(f"{path} is truncated: {size} of {page * pages} bytes are there; copy it again")
    try:
        with _opened(path) as base:
            damage = base.execute("PRAGMA quick_check(1)").fetchone()[0]
            topics = [str(name) for (name,) in base.execute("SELECT name FROM topics")]
        base.close()
    except sqlite3.DatabaseError as error:
        raise CaptureError(f"{path} is damaged ({error}); copy it again from the recording computer") from None
    if damage != "ok":
        raise CaptureError(f"{path} is damaged ({str(damage).splitlines()[-1]}); copy it again")
    if not any(topic.startswith(DEVICE_TOPIC) for topic in topics):
        raise CaptureError(f"{path} is a ROS 2 recording, but not of RealSense's recorder; record it with the SDK")


def _check_bag(path: Path, head: bytes, size: int) -> None:
    at = head.find(b"index_pos=")
    index = int.from_bytes(head[at + 10 : at + 18], "little") if at >= 0 else 0
    if not index:
        raise CaptureError(f"{path} was not closed by its recorder and has no index; run: rosbag reindex {path.name}")
    if size <= index:
        raise CaptureError(f"{path} is truncated: its index at byte {index} is not there ({size} bytes); copy it again")


def _opened(path: Path) -> sqlite3.Connection:
    """The file for reading only: nothing is repaired in somebody's recording."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
