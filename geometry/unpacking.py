"""How large a packed file may become: one that was made to fill the memory is refused before it is unpacked."""

from __future__ import annotations

import zipfile
from typing import Final

ALWAYS_BYTES: Final = 2**28
"""That any file may become: the arrays of a long take of ours have half of it."""
LARGEST_RATIO: Final = 100
"""To which a larger file may grow. Arrays of data sets shrink to a tenth at most, constant ones to a thousandth."""


class TooLarge(ValueError):
    """A file that would become larger than one of its size may; its words follow the file's name."""


def most_bytes(packed: int) -> int:
    """Bytes that a file of `packed` bytes may become."""
    return max(ALWAYS_BYTES, LARGEST_RATIO * packed)


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of a member, no longer than the archive says that it is: `ZipFile.read` unpacks up to 2 GiB first.

    Raises KeyError for a name that is not there, and as zipfile does for what is damaged.
    """
    with archive.open(name) as file:
        return file.read(archive.getinfo(name).file_size)


def check_archive(archive: zipfile.ZipFile, packed: int) -> None:
    """Raises TooLarge for an archive of `packed` bytes that would become too large.

    No member gives more bytes than the archive says that it has.
    """
    size, most = sum(member.file_size for member in archive.infolist()), most_bytes(packed)
    if size > most:
        raise TooLarge(
            f"would become {size / 2**30:.1f} GiB, more than the {most / 2**30:.1f} GiB that are allowed for its "
            "size; if you trust it, store it without compression"
        )
