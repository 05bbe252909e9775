"""Subjects: who stands before the rig, by number, with height, weight, age and sex; never a name."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from capture.catalogue.ids import subject_id
from capture.errors import CaptureError
from capture.rig.toml_tables import checked, meant, read_toml

SUBJECTS_FILE = "subjects.toml"
SCHEMA = 1
Sex = Literal["female", "male", "other", "unstated"]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Subject:
    """One person. Only what a body model can use; who they are is kept elsewhere."""

    id: Annotated[int, Field(ge=0, le=999_999)]
    height_m: Annotated[float, Field(ge=0.4, le=2.6)] | None = None
    """Without shoes."""
    weight_kg: Annotated[float, Field(ge=2, le=400)] | None = None
    age_years: Annotated[float, Field(ge=0, le=120)] | None = None
    sex: Sex = "unstated"

    @property
    def code(self) -> str:
        """`p000012`."""
        return subject_id(self.id)


def read_subjects(folder: Path) -> dict[int, Subject]:
    """Subjects by number; none where the catalogue has no file of them yet. Raises CaptureError when it is wrong."""
    path = folder / SUBJECTS_FILE
    if not path.exists():
        return {}
    values = read_toml(path, missing="add one with humanrig subjects add")
    for key in values:
        if key not in ("schema", "subjects"):
            raise CaptureError(f"{path}: there is no key '{key}'; {meant(key, ['schema', 'subjects'])}")
    subjects: dict[int, Subject] = {}
    for number, table in enumerate(values.get("subjects", []), 1):
        where = f"{path}: [[subjects]] number {number}"
        if not isinstance(table, dict):
            raise CaptureError(f"{where} is not a table; write it as [[subjects]]")
        subject = checked(Subject, table, where)
        if subject.id in subjects:
            raise CaptureError(f"{path}: subject {subject.id} comes twice; give one another number")
        subjects[subject.id] = subject
    return dict(sorted(subjects.items()))


def make_subject(**values: Any) -> Subject:
    """A subject of what a person typed. Raises CaptureError in a sentence, also for centimetres given as metres."""
    height = values.get("height_m")
    if isinstance(height, float | int) and 40 <= height <= 260:
        raise CaptureError(f"a height of {height:g} m is that in centimetres; give metres: {height / 100:.2f}")
    return checked(Subject, values, f"subject {values.get('id')}")


def add_subject(folder: Path, subject: Subject, *, replace: bool = False) -> Path:
    """Writes the subject into `folder/subjects.toml`. Raises CaptureError when the number is taken."""
    subjects = read_subjects(folder)
    if subject.id in subjects and subjects[subject.id] != subject and not replace:
        raise CaptureError(
            f"subject {subject.id} is in {folder / SUBJECTS_FILE} already; choose another number, "
            "or give --replace to correct what it says"
        )
    subjects[subject.id] = subject
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SUBJECTS_FILE
    tables = [{k: v for k, v in asdict(s).items() if v is not None} for _, s in sorted(subjects.items())]
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(tomli_w.dumps({"schema": SCHEMA, "subjects": tables}), "utf-8")
    partial.replace(path)
    return path


def find_subject(folder: Path, number: int) -> Subject:
    """A subject of the catalogue. Raises CaptureError when it is not there."""
    subjects = read_subjects(folder)
    if number in subjects:
        return subjects[number]
    raise CaptureError(
        f"there is no subject {number} in {folder / SUBJECTS_FILE}; "
        f"add it: humanrig subjects add {number} --height 1.75 --weight 70 --age 30 --sex female"
    )
