"""The small whole files that inputs are made of, made once and kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fuzzing.importer import Importer


class CannotMake(RuntimeError):
    """The whole files cannot be made: what writes them is missing or has changed."""


def corpus_of(importer: Importer, folder: Path) -> Path:
    """The folder of an importer's whole files; it is made where it is not there, whole or not at all."""
    place = folder / importer.name
    if place.is_dir():
        return place
    partial = folder / f".{importer.name}.{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        try:
            importer.seeds(partial)
        except Exception as error:
            raise CannotMake(f"{importer.name}: {type(error).__name__}: {error}") from error
        if not any(partial.iterdir()):
            raise RuntimeError(f"{importer.name} made no whole file")
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return place
