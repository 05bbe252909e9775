"""Work that waits in a session's cache for its stage: files that are whole, each with a note of what became of it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LENGTH = "file_bytes"


def partial_path(path: Path) -> Path:
    """Where a file is written before it is renamed: beside it, by a name that no other process or machine uses."""
    return path.with_name(f".{path.stem}.{platform.node()}.{os.getpid()}{path.suffix}")


def write_note(path: Path, values: Mapping[str, Any]) -> None:
    """Notes beside a finished file what became of it, and its length; the note is the sign that the file is whole."""
    note = path.with_suffix(".json")
    partial = partial_path(note)
    partial.write_text(json.dumps({**values, LENGTH: path.stat().st_size}))
    partial.replace(note)


def read_note(path: Path) -> dict[str, Any] | None:
    """What was noted beside a file; None where it is missing, or it or its note was cut off, as by a loss of power."""
    note = path.with_suffix(".json")
    if not (path.is_file() and note.is_file()):
        return None
    try:
        values = json.loads(note.read_text())
    except (OSError, ValueError):
        return None
    whole = isinstance(values, dict) and values.pop(LENGTH, None) == path.stat().st_size
    return values if whole else None
