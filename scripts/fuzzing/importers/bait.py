"""A reader that does everything a reader must not do: by it the tests see that each of these is found."""

from __future__ import annotations

import ctypes
import os
import pickle
import socket
import tempfile
import threading
import zlib
from pathlib import Path
from typing import Final

from capture.errors import CaptureError
from fuzzing.importer import Importer

WHOLE: Final = b"whole " * 700
DEEDS: Final = (
    "read",
    "refused",
    "traceback",
    "code",
    "pickle",
    "network",
    "outside",
    "here",
    "memory",
    "crash",
    "hang",
    "stuck",
)
"""What the reader does with a damaged file, by its checksum."""


def deed_of(data: bytes) -> str:
    """What the reader does with these bytes."""
    return "read" if data == WHOLE else DEEDS[zlib.crc32(data) % len(DEEDS)]


def _read(path: Path, to: Path) -> None:
    deed = deed_of(path.read_bytes())
    if deed == "traceback":
        raise KeyError("no sentence")
    if deed == "code":
        os.system("true")
    elif deed == "pickle":
        pickle.loads(b"\x80\x02cos\ngetpid\n)R.")
    elif deed == "network":
        socket.getaddrinfo("127.0.0.1", 9)
    elif deed == "outside":
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
    elif deed == "here":
        os.mknod("left")  # an event that nothing listens to: the folder is looked at
    elif deed == "memory":
        bytearray(b"x") * (700 << 20)
    elif deed == "crash":
        ctypes.string_at(8)
    elif deed == "hang":
        while True:
            pass
    elif deed == "stuck":
        threading.Event().wait()
    elif deed == "refused":
        raise CaptureError(f"{path} is damaged; write it again")


def _seeds(folder: Path) -> None:
    (folder / "whole.bait").write_bytes(WHOLE)


IMPORTERS: Final = (Importer(name="bait", reads="nothing", read=_read, seeds=_seeds),)
