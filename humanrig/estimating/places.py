"""Whether a file can be written where the user wants it, asked before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from humanrig.errors import HumanrigError


def check_place(option: str, path: Path, endings: tuple[str, ...], source: Path, what: str) -> None:
    """Raises HumanrigError for a name with another ending, and where a file cannot be written or would replace `what`,
    the source."""
    if path.suffix.lower() not in endings:
        raise HumanrigError(f"{option} {path}: the name must end in {' or '.join(endings)}")
    if path.is_dir():
        raise HumanrigError(f"{option} {path} is a folder; give the name of a file")
    if path.exists() and source.is_file() and path.samefile(source):
        raise HumanrigError(f"{option} {path} would overwrite {what} itself; give another name")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not folder.is_dir():
        raise HumanrigError(f"{option} {path}: {folder} is a file, not a folder; give another place")
    if not os.access(folder, os.W_OK):
        raise HumanrigError(f"{option} {path}: {folder} cannot be written to; give another place")
