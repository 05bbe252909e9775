"""Keep a clip that was costly to make in a file of our own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from body.errors import BodyError
from body.motion.clip import MotionClip
from geometry.npz_files import DAMAGED, read_npz
from geometry.told_values import json_of

_ARRAYS = ("rotations", "root_positions", "root_to_hips")


def write_clip(path: Path | str, clip: MotionClip) -> None:
    """Write the clip as an .npz, float32; the file appears whole or not at all. Raises BodyError when it cannot."""
    path = Path(path)
    words = {name: getattr(clip, name) for name in ("name", "rate_hz", "leg_length_m", "loops", "licence")}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            arrays = {name: getattr(clip, name).astype(np.float32) for name in _ARRAYS}
            np.savez_compressed(file, words=json.dumps({**words, "description": clip.description}), **arrays)
        os.replace(temporary, path)
    except OSError as error:
        raise BodyError(f"cannot write motion clip {path}: {error.strerror}; choose another folder") from error


def read_clip(path: Path | str) -> MotionClip:
    """A clip that `write_clip` wrote. Raises BodyError for a missing file or another kind of file."""
    path = Path(path)
    try:
        file = read_npz(path)
        words = json_of(str(file["words"]))
        arrays: dict[str, Any] = {name: file[name].astype(np.float64) for name in _ARRAYS}
        return MotionClip(**words, **arrays)
    except FileNotFoundError:
        raise BodyError(f"motion clip {path} does not exist; check the path") from None
    except DAMAGED as error:
        raise BodyError(f"{path} is no motion clip of humanrig ({error}); remove it") from error
