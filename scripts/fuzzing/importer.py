"""What is fuzzed: a reader of files, and small whole files to start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Importer:
    """One reader."""

    name: str
    reads: str
    """What its files are, for the table."""
    read: Callable[[Path, Path], Any]
    """(file or folder, empty scratch folder): reads all that a use of the file would read. It may raise one of
    `humanrig.expected_errors`, and nothing else."""
    seeds: Callable[[Path], Any]
    """Writes small whole files into an empty folder; each entry of the folder is one input. The same each time."""
    hidden: frozenset[str] = frozenset()
    """Endings of files within the seeds that are not touched, as they belong to another importer."""
