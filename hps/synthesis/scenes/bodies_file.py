"""The motions of one scene: bodies/SCENE.npz, written when the scene is sampled and read by every pass."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError

ARRAYS = ("global_orient", "body_pose", "transl")
"""SMPL's layout, world frame (z up), before the actor is put in its place; float64."""


def motion_sha256(arrays: dict[str, Float[np.ndarray, "frames columns"]]) -> str:
    """Checksum of one actor's motion."""
    found = hashlib.sha256()
    for name in ARRAYS:
        found.update(np.ascontiguousarray(arrays[name], np.float64).tobytes())
    return found.hexdigest()


def write_bodies(path: Path, motions: Sequence[dict[str, Float[np.ndarray, "frames columns"]]]) -> None:
    """Writes the motions of a scene's actors, in their order, at once and as the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    arrays = {f"{name}_{n:02d}": m[name] for n, m in enumerate(motions) for name in ARRAYS}
    np.savez(buffer, **arrays)  # type: ignore[arg-type] - its stub takes them for allow_pickle
    part = path.with_name(f".{path.name}.part{os.getpid()}")
    try:
        part.write_bytes(buffer.getvalue())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_bodies(path: Path, actors: int) -> list[dict[str, Float[np.ndarray, "frames columns"]]]:
    """The motions of so many actors. Raises HpsError for a file that is missing, damaged or of another scene."""
    try:
        with np.load(path) as found:
            return [{name: found[f"{name}_{n:02d}"] for name in ARRAYS} for n in range(actors)]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise HpsError(
            f"{path}: the motions of {actors} actors cannot be read ({error}); restore the file, or remove the "
            "folder scenes to draw all scenes anew"
        ) from None
