"""Clears what a program that was killed left of a data set's tables, motions and report."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from hps.synthesis.production.factory import BODIES, CACHE
from hps.synthesis.scenes.files import FOLDER

OLD_S: Final = 600.0
"""Something half-written in the cache for so long belongs to a process that is gone."""
HIDDEN: Final = (".*.partial", ".*.part[0-9]*")


def clear_left_over(folder: Path) -> None:
    """Only for who holds the data set as a whole: nobody else writes these files at that time."""
    for place in (folder, folder / BODIES, folder / FOLDER):
        for pattern in HIDDEN:
            for path in place.glob(pattern):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
    for path in (folder / CACHE).rglob(HIDDEN[1]):  # other programs may be writing here
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > OLD_S:
                path.unlink()
