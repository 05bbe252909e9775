"""The file of the body bank: its arrays, checked when they are read."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float

from body.errors import BodyError
from geometry.npz_files import DAMAGED, read_npz

_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BankFile:
    """What body_bank.npz holds."""

    body_sha256: str
    """Of the open body's file that the residuals belong to."""
    female: np.ndarray
    """(subjects,) bool."""
    age_years: Float[np.ndarray, "subjects"]
    height_m: Float[np.ndarray, "subjects"]
    mass_kg: Float[np.ndarray, "subjects"]
    phenotypes: Float[np.ndarray, "subjects 3"]
    """Weight, muscle, proportions."""
    split: np.ndarray
    """(subjects,) 0 train, 1 validation, 2 test."""
    coefficients: Float[np.ndarray, "subjects columns"]
    """Betas and child factor of the fit that the residuals start from."""
    planes: np.ndarray
    """(2, vertices, 3, subjects) uint8: see `body.bank_codes`."""


def read_bank(path: Path) -> BankFile:
    """The arrays; raises BodyError for a missing, damaged or other file."""
    if not path.is_file():
        raise BodyError(f"the body bank {path} is missing; reinstall humanrig, or run scripts/build_body_bank.py")
    try:
        file = read_npz(path)
        arrays = {f.name: file[f.name] for f in fields(BankFile)}
    except DAMAGED as error:
        raise BodyError(f"{path} is not a whole body bank ({error}); obtain the file again") from error
    return BankFile(**{**arrays, "body_sha256": str(arrays["body_sha256"])})


def write_bank(bank: BankFile, path: Path) -> None:
    """An .npz packed with LZMA, without time stamps: the same bank gives the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for entry in fields(BankFile):
            info = zipfile.ZipInfo(f"{entry.name}.npy", date_time=_TIMESTAMP)
            info.compress_type = zipfile.ZIP_LZMA
            with archive.open(info, "w", force_zip64=True) as file:
                array = np.asarray(getattr(bank, entry.name))
                np.lib.format.write_array(file, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
