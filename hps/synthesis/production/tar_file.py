"""Tar files whose bytes depend on their members alone, and where each member lies in one."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import BinaryIO, Final

from hps.errors import HpsError

BLOCK: Final = 512
_LONGEST_NAME: Final = 100
"""Of the ustar header without its prefix field, which some readers do not know."""
_END: Final = bytes(2 * BLOCK)


def tar_member(name: str, content: bytes) -> bytes:
    """Header, content and padding of one member: owner 0, time 0, mode 0644."""
    if len(name.encode()) > _LONGEST_NAME:
        raise HpsError(f"'{name}' is too long for a name in a tar file; at most {_LONGEST_NAME} letters are possible")
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode, info.uid, info.gid, info.mtime, info.uname, info.gname = 0o644, 0, 0, 0, "", ""
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % BLOCK)


def tar_end() -> bytes:
    """What closes a tar file."""
    return _END


def find_members(path: Path) -> dict[str, tuple[int, int]]:
    """First byte and length of each member's content. Raises HpsError for a file that is no whole tar file."""
    found: dict[str, tuple[int, int]] = {}
    try:
        with path.open("rb") as file:
            total = os.fstat(file.fileno()).st_size
            while True:
                info = _header(file, path)
                if info is None:
                    return found
                first = file.tell()
                if first + info.size > total:
                    raise HpsError(f"{path} ends within '{info.name}'; make the shard again with --verify")
                found[info.name] = first, info.size
                file.seek(first + info.size + -info.size % BLOCK)
    except OSError as error:
        raise HpsError(f"{path} cannot be read ({error.strerror}); make the shard again with --verify") from None


def _header(file: BinaryIO, path: Path) -> tarfile.TarInfo | None:
    block = file.read(BLOCK)
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        if block == bytes(BLOCK):
            return None
        raise HpsError(
            f"{path} is damaged at byte {file.tell() - len(block)} ({error}); make the shard again with --verify"
        ) from None
