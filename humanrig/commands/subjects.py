"""`humanrig subjects`: who stands before the rig, by number."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.commands.catalogue_folder import catalogue_folder
from humanrig.commands.group import group
from humanrig.terminal import print_json, say

Folder = Annotated[Path | None, arg(metavar="FOLDER")]


def add(
    number: Annotated[Positional[str], arg(metavar="NUMBER")],
    height: Annotated[float | None, arg(metavar="M")] = None,
    weight: Annotated[float | None, arg(metavar="KG")] = None,
    age: Annotated[float | None, arg(metavar="YEARS")] = None,
    sex: Literal["female", "male", "other", "unstated"] = "unstated",
    catalogue: Folder = None,
    replace: bool = False,
) -> int:
    """Add a subject to the catalogue. Subjects have a number and no name; keep who they are elsewhere.

    Args:
        number: 12, or p000012.
        height: Without shoes, in metres: 1.78.
        weight: Kilograms.
        age: Years.
        sex: As the person states it.
        catalogue: Folder of subjects.toml; by default the one that rig.toml here names, else ./catalogue.
        replace: Correct what the catalogue says of this number.
    """
    from capture.catalogue.ids import subject_number
    from capture.catalogue.subjects import add_subject, make_subject

    subject = make_subject(id=subject_number(number), height_m=height, weight_kg=weight, age_years=age, sex=sex)
    path = add_subject(catalogue_folder(catalogue), subject, replace=replace)
    say(f"{subject.code} in {path}")
    return 0


def list_(catalogue: Folder = None, json: bool = False) -> int:
    """List the subjects of the catalogue.

    Args:
        catalogue: Folder of subjects.toml.
        json: Print the subjects as JSON.
    """
    from dataclasses import asdict

    from capture.catalogue.subjects import SUBJECTS_FILE, read_subjects

    folder = catalogue_folder(catalogue)
    found = read_subjects(folder)
    if json:
        print_json({"subjects": [asdict(subject) for subject in found.values()]})
        return 0
    if not found:
        say(f"no subject in {folder / SUBJECTS_FILE}; add one: humanrig subjects add 1 --height 1.75")
        return 0
    for subject in found.values():
        shown = [
            "–" if value is None else f"{value:{form}} {unit}"
            for value, form, unit in (
                (subject.height_m, ".2f", "m"),
                (subject.weight_kg, ".1f", "kg"),
                (subject.age_years, "g", "years"),
            )
        ]
        print(f"{subject.code}  {shown[0]:>8} {shown[1]:>9} {shown[2]:>10}  {subject.sex}")
    return 0


subjects = group(
    """Add and list subjects: number, height, weight, age, sex; never a name.
    """,
    {"add": add, "list": list_},
)
