"""Writing a camera file so that a reader finds the old file or the new one, never a part of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NUMBER_LIST = re.compile(r"\[\n\s*(-?[\d.eE+-]+(?:,\n\s*-?[\d.eE+-]+)*)\n\s*\]")


def write_text(path: Path | str, text: str) -> None:
    """Writes a text file (UTF-8) beside its place, syncs it to disk and renames it; makes the folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    """Writes JSON, each list of numbers on one line. Raises ValueError on NaN and infinity, which JSON has not."""
    text = json.dumps(content, indent=1, allow_nan=False)
    write_text(path, _NUMBER_LIST.sub(lambda found: "[" + re.sub(r",\s+", ", ", found[1]) + "]", text) + "\n")
