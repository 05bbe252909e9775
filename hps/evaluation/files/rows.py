"""Rows of one person: what is told once is said of every frame, and boxes change their spelling."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations

GENDERS: Final = {"f": "female", "m": "male", "n": "neutral"}


def gender_of(text: str) -> str:
    """`female`, `male`, `neutral`, or `unknown` for anything else."""
    return GENDERS.get(text.strip().lower()[:1], "unknown")


def repeated(value: Float[np.ndarray, "*shape"], frames: int) -> Float[np.ndarray, "frames *shape"]:
    """The same for every frame."""
    return np.repeat(np.asarray(value, np.float64)[None], frames, 0)


def xywh_of_xyxy(boxes: Float[np.ndarray, "frames 4"]) -> Float[np.ndarray, "frames 4"]:
    """Left, top, width, height of left, top, right, bottom."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)


def xyxy_of_xywh(boxes: Float[np.ndarray, "frames 4"]) -> Float[np.ndarray, "frames 4"]:
    """Left, top, right, bottom of left, top, width, height."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def xywh_of_center(
    center: Float[np.ndarray, "frames 2"], side: Float[np.ndarray, "frames"]
) -> Float[np.ndarray, "frames 4"]:
    """A square box about a centre."""
    return np.concatenate([center - side[:, None] / 2, np.repeat(side[:, None], 2, 1)], 1)


def told(person: PersonAnnotations, path: Path, *names: str) -> list[np.ndarray]:
    """Some of a person's arrays, which a file cannot be written without. Raises HpsError where one is None."""
    missing = [name for name in names if getattr(person, name) is None]
    if missing:
        raise HpsError(
            f"{path} cannot be written: person '{person.person}' of '{person.sequence}' has no {', '.join(missing)}"
        )
    return [getattr(person, name) for name in names]


def once(rows: np.ndarray, name: str, path: Path) -> np.ndarray:
    """What all frames have alike. Raises HpsError where they differ: the file has one place for it."""
    if not len(rows) or not (rows == rows[0]).all():
        raise HpsError(f"{path} has one {name} for all frames; here the frames differ")
    return rows[0]
