"""HumanData's .npz: arrays, and dictionaries and lists that numpy stored as pickles, opened without running anything.

After mmhuman3d's `human_data.py`: the file is `np.savez_compressed` of a dictionary. Of what a pickle may name only
numpy's arrays are admitted (`body.pickles`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from body.errors import BodyError
from body.pickles import read_pickled_values
from geometry.npz_files import DAMAGED
from hps.errors import HpsError

POINTS: Final = 190
KEYS: Final = ("image_path", "bbox_xywh")
"""That every HumanData of pictures has."""


def is_human_data(path: Path) -> bool:
    """Whether an .npz has HumanData's keys; False for anything that cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{key}.npy" for key in KEYS} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read_human_data(path: Path) -> dict[str, Any]:
    """Everything in the file; what is stored as one object (a dictionary, a text) as itself.

    Raises HpsError for a missing or damaged file, and for a pickle that names anything but arrays.
    """
    found: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".npy"):
                    value = _member(archive.read(name), f"{path}: {name}")
                    found[name.removesuffix(".npy")] = value.item() if np.shape(value) == () else value
    except FileNotFoundError:
        raise HpsError(f"{path} is missing; check the path") from None
    except DAMAGED as error:
        raise HpsError(f"{path} cannot be read ({error}); obtain the file again") from None
    return found


def _member(content: bytes, where: str) -> np.ndarray:
    file = BytesIO(content)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if not dtype.hasobject:
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    try:
        values = read_pickled_values(file.read(), where)
    except BodyError as error:
        raise HpsError(str(error)) from None
    if not isinstance(values, np.ndarray) or values.shape != shape:
        raise HpsError(f"{where} holds no array of shape {shape}; obtain the file again")
    return values


def dictionary(data: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    """One of the file's dictionaries, empty where it has none. Raises HpsError for a value that is no dictionary."""
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise HpsError(f"{path}: {key} is a {type(value).__name__}, a dictionary was expected")
    return {str(name): entry for name, entry in value.items()}


def points190(data: dict[str, Any], key: str, path: Path) -> Float[np.ndarray, "rows 190 _"] | None:
    """A set of keypoints in the convention human_data, whole again where it was compressed by its mask.

    None where the file has none. Raises HpsError when the array does not fit its mask.
    """
    if key not in data:
        return None
    values, mask = np.asarray(data[key], np.float64), np.asarray(data.get(f"{key}_mask", np.ones(POINTS))) > 0
    if values.ndim == 3 and values.shape[1] == POINTS:
        return values
    if values.ndim != 3 or mask.shape != (POINTS,) or values.shape[1] != int(mask.sum()):
        raise HpsError(f"{path}: {key} has shape {values.shape}, its mask {int(mask.sum())} of {mask.size} points")
    whole = np.zeros((len(values), POINTS, values.shape[2]))
    whole[:, mask] = values
    return whole


def texts(data: dict[str, Any], key: str, rows: int, path: Path) -> Sequence[str] | None:
    """A list of texts, one a row; None where the file has none. Raises HpsError for another length."""
    if key not in data:
        return None
    values = [str(value) for value in np.atleast_1d(np.asarray(data[key], object)).tolist()]
    if len(values) != rows:
        raise HpsError(f"{path}: {key} has {len(values)} entries, the file {rows} rows")
    return values
