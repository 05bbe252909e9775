"""Find and load body models: the user's own SMPL files, or the open body that comes with humanrig."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from body.errors import BodyError
from body.model import BodyModel
from body.model_arrays import model_from_arrays
from body.pickles import read_pickle
from geometry.npz_files import DAMAGED, read_npz

Gender = Literal["neutral", "male", "female"]

SETTING = "HUMANRIG_BODY_MODEL"
"""Environment variable: a model file, or a folder with one for each gender."""
OPEN_BODY = Path(__file__).parent / "data" / "open_body.npz"
_OFFICIAL_STEMS: dict[str, tuple[str, ...]] = {
    "neutral": ("basicmodel_neutral_lbs_10_207_0_v1.1.0", "basicModel_neutral_lbs_10_207_0_v1.0.0"),
    "female": ("basicmodel_f_lbs_10_207_0_v1.1.0", "basicModel_f_lbs_10_207_0_v1.0.0"),
    "male": ("basicmodel_m_lbs_10_207_0_v1.1.0", "basicmodel_m_lbs_10_207_0_v1.0.0"),
}
"""Names inside the archives that SMPL's makers publish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyModelSearch:
    """Where a body model was looked for, and what was found."""

    setting: str | None
    """Value of HUMANRIG_BODY_MODEL; None when it is not set."""
    candidates: tuple[Path, ...]
    """Files looked at, in order; the first that exists is used."""
    used: Path | None
    """None when no candidate exists."""
    model: BodyModel | None = None
    """What the used file holds; None when it could not be loaded."""
    problem: str | None = None
    """Why there is no model, in one sentence."""

    @property
    def is_open_body(self) -> bool:
        """Whether the body that comes with humanrig is used."""
        return self.used == OPEN_BODY


def load_body_model(path: Path | str | None = None, gender: Gender = "neutral") -> BodyModel:
    """The body model of a file or folder; None means HUMANRIG_BODY_MODEL, and the open body when that is not set.

    A folder holds SMPL_NEUTRAL.pkl or .npz (or _MALE, _FEMALE, also under `smpl/`), or the names of the official
    archives; a file is used for any gender. Raises BodyError when nothing is found or the file is of another kind.
    """
    setting = os.environ.get(SETTING) or None
    place, origin = (path, "") if path is not None else (setting, f" (set by {SETTING})")
    candidates = _candidates(place, gender)
    used = _first_file(candidates)
    if used is None:
        raise BodyError(_nothing_found(place, origin, candidates, gender))
    return read_body_model(used)


def find_body_model(path: Path | str | None = None, gender: Gender = "neutral") -> BodyModelSearch:
    """What `load_body_model` would use and where it looks; for a bad file `problem` says what is wrong."""
    setting = os.environ.get(SETTING) or None
    candidates = _candidates(path if path is not None else setting, gender)
    used, model, problem = _first_file(candidates), None, None
    try:
        model = load_body_model(path, gender)
    except BodyError as error:
        problem = str(error)
    return BodyModelSearch(setting=setting, candidates=candidates, used=used, model=model, problem=problem)


def read_body_model(path: Path | str) -> BodyModel:
    """The body model of one .npz or .pkl file; raises BodyError for a missing, damaged or other file."""
    path = Path(path)
    if not path.is_file():
        raise BodyError(f"body model {path} does not exist; give an SMPL .pkl or .npz file, or unset {SETTING}")
    if path.suffix == ".npz":
        arrays = _read_npz(path)
    elif path.suffix == ".pkl":
        arrays = read_pickle(path)
    else:
        raise BodyError(f"{path} ends in {path.suffix or 'nothing'!r}; a body model is an SMPL .pkl or .npz file")
    name = "open body" if path == OPEN_BODY else str(path)
    try:
        return model_from_arrays(arrays, name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        said = " ".join(str(error).split())[:120]
        raise BodyError(f"{path} holds arrays of other kinds than a body model's ({said}); check the file") from error


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        return dict(read_npz(path))
    except DAMAGED as error:
        raise BodyError(f"{path} is not a whole .npz of plain arrays ({error}); obtain the file again") from error


def _candidates(place: Path | str | None, gender: Gender) -> tuple[Path, ...]:
    if place is None:
        return (OPEN_BODY,)
    place = Path(place).expanduser()
    if not place.is_dir():
        return (place,)
    stems = [f"SMPL_{gender.upper()}", *_OFFICIAL_STEMS[gender]]
    names = [stem + suffix for stem in stems for suffix in (".pkl", ".npz")]
    return tuple(folder / name for folder in (place, place / "smpl", place / "models") for name in names)


def _first_file(candidates: tuple[Path, ...]) -> Path | None:
    return next((c for c in candidates if c.is_file()), None)


def _nothing_found(place: Path | str | None, origin: str, candidates: tuple[Path, ...], gender: str) -> str:
    if place is not None and Path(place).expanduser().is_dir():
        return (
            f"the folder {place}{origin} holds no {gender} body model; looked for {candidates[0].name}, "
            f"{candidates[1].name} and the official basicmodel names; put one there or give the file itself"
        )
    if place is not None:
        return f"body model {place}{origin} does not exist; give an SMPL .pkl or .npz file, or leave the setting out"
    return f"the open body {OPEN_BODY} is missing; reinstall humanrig, or run scripts/build_open_body.py in a checkout"
