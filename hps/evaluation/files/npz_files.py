"""Archives of arrays (.npz), also those in which numpy stored dictionaries and lists as pickles."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from body.errors import BodyError
from body.pickles import read_pickled_values
from geometry.npz_files import DAMAGED, damage
from geometry.npz_files import read_npz as arrays_of
from geometry.unpacking import TooLarge, check_archive, member
from hps.errors import HpsError
from hps.evaluation.files.entries import Entries
from hps.evaluation.files.pickle_files import pickled, write_whole


def npz_names(path: Path) -> frozenset[str]:
    """Names of the arrays of an .npz; none for anything that cannot be read.

    Raises HpsError for an archive that would become too large, as all readers here do.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive, path)
            return frozenset(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    except DAMAGED:
        return frozenset()


def read_npz(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """All arrays, or those of `names` that it has.

    Raises HpsError for a missing or damaged file, and for one that holds Python objects (pickles).
    """
    try:
        return arrays_of(path, names)
    except TooLarge as error:
        raise HpsError(f"{path} {error}") from None
    except FileNotFoundError:
        raise HpsError(f"{path} is missing; extract the data set again") from None
    except DAMAGED as error:
        if "Object arrays" in str(error):
            raise HpsError(f"{path} holds Python objects, which are not opened: they could run code") from None
        raise HpsError(f"{path} cannot be read ({damage(error)}); extract the data set again") from None


def read_npz_entries(path: Path) -> Entries:
    """Everything in the file; what is stored as one object (a dictionary, a list, a text) as itself.

    Raises HpsError for a missing or damaged file, and for a pickle that names anything but arrays.
    """
    found: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive, path)
            for name in dict.fromkeys(archive.namelist()):
                if name.endswith(".npy"):
                    value = _member(member(archive, name), f"{path}: {name}")
                    found[name.removesuffix(".npy")] = value.item() if np.shape(value) == () else value
    except FileNotFoundError:
        raise HpsError(f"{path} is missing; check the path") from None
    except DAMAGED as error:
        raise HpsError(f"{path} cannot be read ({' '.join(str(error).split())}); obtain the file again") from None
    return Entries(str(path), found)


def _check_size(archive: zipfile.ZipFile, path: Path) -> None:
    """Raises HpsError for an archive that would become too large."""
    try:
        check_archive(archive, path.stat().st_size)
    except TooLarge as error:
        raise HpsError(f"{path} {error}") from None


def _member(content: bytes, where: str) -> np.ndarray:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    held = len(content) - file.tell()
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize != held:
        raise HpsError(f"{where} says that it is {shape} {dtype}, in {held} bytes; obtain the file again")
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


def write_npz(path: Path, content: Mapping[str, Any]) -> None:
    """Writes the file whole or not at all. Dictionaries are stored as numpy stores them: pickled, in an array of one.

    Raises HpsError where the file cannot be written.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in content.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                array = np.asarray(value, object) if isinstance(value, dict) else np.asarray(value)
                if array.dtype.hasobject:
                    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
                    file.write(pickled(array))
                else:
                    np.lib.format.write_array(file, array, allow_pickle=False)
    write_whole(path, buffer.getvalue())
