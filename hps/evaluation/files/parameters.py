"""SMPL-format parameters as data sets store them, brought to one row a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.evaluation.files.entries import Entries

NAMES: Final = ("betas", "body_pose", "global_orient", "transl")
COLUMNS: Final = {"body_pose": (69, 63), "global_orient": (3,), "transl": (3,)}


def parameter_rows(entries: Entries, names: Sequence[str] = NAMES) -> dict[str, Float[np.ndarray, "frames _"]]:
    """Each of `names` as (frames, columns), however it is stored: (N, 23, 3), (1, 10), (10,), ….

    `body_pose` keeps its columns: 69 of SMPL, 63 of SMPL-X and SMPL-H. Raises HpsError for a missing array, for
    anything but numbers, and for lengths that do not agree.
    """
    missing = [name for name in names if name not in entries]
    if missing:
        there = ", ".join(map(str, entries.content)) or "nothing"
        raise HpsError(f"{entries.where} has no {', '.join(missing)}; it has {there}")
    rows: dict[str, np.ndarray] = {}
    for name in names:
        value = entries.array(name)
        if not value.size:
            raise HpsError(f"{entries.where}: {name} is empty")
        if value.ndim < 2:
            value = value.reshape(1, -1)
        rows[name] = value.reshape(len(value), -1)
    frames = max(map(len, rows.values()))
    for name, value in rows.items():
        if value.shape[1] not in COLUMNS.get(name, (value.shape[1],)) or len(value) not in (1, frames):
            shape = np.shape(entries.value(name))
            raise HpsError(f"{entries.where}: {name} has shape {shape}, which is not of {frames} frames of a body")
        rows[name] = np.repeat(value, frames, 0) if len(value) < frames else value
    return rows
