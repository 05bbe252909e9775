"""Whether scene tables are the published ones: to the last bit, or but for rounding."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from enum import Enum
from typing import Final

from hps.benchmark.points.set.part_table import PartRow
from hps.synthesis.scenes.table import TABLES, SceneTable

ROUNDED: Final = "motion_sha256"
"""Text that rounding changes: of floating-point numbers to the last bit."""


class Sameness(Enum):
    """How scene tables compare with the published ones."""

    EXACT = "the same to the last bit"
    CHOICES = "the same choices; numbers differ by rounding, as between kinds of processors"
    UNPUBLISHED = "no checksum was published"
    OTHER = "other scenes than the published ones"


def choices_digest(table: SceneTable) -> str:
    """SHA-256 of all text and whole numbers of the tables: who, in what, doing what, where drawn from, in which seeds.

    Whatever is a floating-point number, or a checksum of such, is left out: processors round it differently.
    """
    values = {
        name: [
            [
                value
                for field in fields(row)
                if field.name != ROUNDED and not isinstance(value := getattr(row, field.name), float)
            ]
            for row in getattr(table, name)
        ]
        for name in TABLES
    }
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).hexdigest()


def compare(row: PartRow, table: SceneTable) -> Sameness:
    """How the tables of a data set compare with what its row says of them."""
    if not row.choices_sha256:
        return Sameness.UNPUBLISHED
    if table.digest == row.table_sha256:
        return Sameness.EXACT
    return Sameness.CHOICES if choices_digest(table) == row.choices_sha256 else Sameness.OTHER
