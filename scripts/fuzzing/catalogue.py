"""Every importer that is fuzzed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from fuzzing.importer import Importer

GROUPS: Final = (
    "cameras",
    "meshes",
    "bodies",
    "sessions",
    "recordings",
    "pictures",
    "catalogues",
    "people",
    "datasets",
    "results",
    "networks",
)
"""Modules of `fuzzing.importers`."""


@cache
def importers() -> tuple[Importer, ...]:
    """All of them, in the order of the table."""
    found = [each for group in GROUPS for each in import_module(f"fuzzing.importers.{group}").IMPORTERS]
    assert len({each.name for each in found}) == len(found)
    return tuple(found)


def importer_named(name: str) -> Importer:
    """One of them, or the tests' bait. Raises KeyError for a name that there is not."""
    if name == "bait":
        return import_module("fuzzing.importers.bait").IMPORTERS[0]
    return {each.name: each for each in importers()}[name]
