"""`humanrig scenes`: the tables that say what a data set shows, sampled, checked, changed."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.commands.group import group
from humanrig.terminal import print_json, say

_choice = functools.partial(arg, help_behavior_hint="")
"""An option that says its own default: what is left out is the data set's."""
Dataset = Annotated[Positional[Path], arg(metavar="DATASET")]


def sample(
    dataset: Dataset,
    people: Annotated[int | None, _choice(metavar="N")] = None,
    views: Annotated[int | None, _choice(metavar="N")] = None,
    appearances: Annotated[int | None, _choice(metavar="N")] = None,
    frames: Annotated[int | None, _choice(metavar="N")] = None,
    rate_hz: Annotated[float | None, _choice(name="rate", metavar="HZ")] = None,
    seed: Annotated[int | None, _choice(metavar="N")] = None,
    shares: Annotated[tuple[float, float, float] | None, _choice(metavar="TRAIN VALIDATION TEST")] = None,
    bodies: Annotated[Literal["bank", "model"] | None, _choice(metavar="bank|model")] = None,
    children: Annotated[float | None, _choice(metavar="SHARE")] = None,
    groups: Annotated[float | None, _choice(metavar="SHARE")] = None,
    crowds: Annotated[float | None, _choice(metavar="SHARE")] = None,
    furniture: Annotated[int | None, _choice(metavar="N")] = None,
    size: Annotated[tuple[int, int] | None, _choice(metavar="WIDTH HEIGHT")] = None,
    sensors: Annotated[
        tuple[Literal["kinect", "realsense", "iphone", "pinhole"], ...] | None,
        _choice(metavar="kinect|realsense|iphone|pinhole ..."),
    ] = None,
    distance_m: Annotated[tuple[float, float] | None, _choice(name="distance", metavar="LEAST MOST")] = None,
    workers: Annotated[int | None, _choice(metavar="N")] = None,
) -> int:
    """Draw the scenes of a data set, without making any picture: to look at the tables, or to edit them first.

    `humanrig synthesize DATASET` then makes the shards; what is made of the scenes (passes, effects, clouds) is chosen
    there. For clouds of cameras up to 20 m away, on an open floor, draw the scenes with humanrig synthesize too.

    Args:
        dataset: Folder to create, or where sampling was interrupted.
        people: People in all splits together (200).
        views: Cameras of a scene (8).
        appearances: Scenes that each person plays in (4).
        frames: Instants of a scene (4).
        rate_hz: Instants a second (10).
        seed: Of everything that is drawn (0).
        shares: Of people for training, validation and test (0.8 0.1 0.1).
        bodies: bank: people whom no betas describe exactly (the default); model: bodies of the model.
        children: Share of people of the bank who are 3 to 17 years old (0.2).
        groups: Share of scenes with two to four people (0.35).
        crowds: Share of scenes with five to eight people (0.1).
        furniture: Most pieces of furniture in a scene (3).
        size: Columns and rows of the pictures (640 480).
        sensors: Whose depth errors the cameras have; each camera draws one (kinect).
        distance_m: Of the cameras from the people's middle, metres (1.5 3.3).
        workers: Processes; by default one for each processor.
    """
    from humanrig.synthesis.picture_progress import picture_progress
    from humanrig.synthesis.sampling import sample_dataset

    asked = {
        "people": people, "views": views, "appearances": appearances, "frames": frames, "rate_hz": rate_hz,
        "seed": seed, "shares": shares, "bodies": bodies, "children": children, "groups": groups, "crowds": crowds,
        "furniture": furniture, "width": size and size[0], "height": size and size[1], "sensors": sensors,
        "distance_m": distance_m,
    }  # fmt: skip
    wishes = {name: value for name, value in asked.items() if value is not None}
    table = sample_dataset(dataset, wishes, workers=workers, bar=picture_progress, on_said=say)
    say(f"{dataset}: {_counts(table)}\nnext: humanrig synthesize {dataset}")
    return 0


def check(dataset: Dataset, json: bool = False) -> int:
    """Find everything in the tables that makes no sense: types, ranges, names, doubled rows, splits, motions.

    Args:
        dataset: Folder of the data set.
        json: Print counts, the checksum and what splits share as JSON.
    """
    from hps.synthesis.sampling.disjoint import disjoint
    from humanrig.synthesis.sampling import checked_tables, kind_of_tables

    table = checked_tables(dataset)
    common = disjoint(table)
    if json:
        counts = {name: len(getattr(table, name)) for name in ("people", "scenes", "actors", "things", "cameras")}
        print_json({"table_sha256": table.digest, "rows": counts, "shared_between_splits": common})
        return 0
    say(f"{dataset}: {_counts(table)}; the tables ({kind_of_tables(dataset)}) make sense, checksum {table.digest[:12]}")
    same = ", ".join(f"{count} {what}" for what, count in common.items() if count)
    say(f"the splits share {same}: results on them say too much" if same else "the splits share nothing")
    return 0


def convert(dataset: Dataset, to: Literal["csv", "parquet"] = "csv") -> int:
    """Write the tables as CSV, for an editor, or as Parquet; the checksum stays.

    Args:
        dataset: Folder of the data set.
        to: csv or parquet.
    """
    from hps.synthesis.scenes.files import FOLDER, write_tables
    from humanrig.synthesis.sampling import checked_tables

    table = checked_tables(dataset)
    paths = write_tables(dataset / FOLDER, table, to)
    say(f"{', '.join(str(path) for path in paths)}; checksum {table.digest[:12]}")
    return 0


def modify(
    dataset: Dataset,
    new: Annotated[Positional[Path], arg(metavar="NEW")],
    cameras: bool = False,
    clothing: bool = False,
    seed: Annotated[int, arg(metavar="N")] = 1,
) -> int:
    """Make a data set of the same people and motions with other cameras, other clothes, or both.

    Args:
        dataset: Folder of the data set that stays as it is.
        new: Folder to create. It shares the files of motions.
        cameras: Draw places, lenses and units of all cameras anew.
        clothing: Draw clothes, hair and skin of everybody anew, of the fabrics of their splits.
        seed: Another seed draws others.
    """
    from humanrig.synthesis.modifying import modify_dataset
    from humanrig.synthesis.picture_progress import picture_progress

    what = [name for name, wanted in (("cameras", cameras), ("clothing", clothing)) if wanted]
    with picture_progress("modify", "scenes") as update:
        table = modify_dataset(dataset, new, what, seed, update)  # type: ignore[arg-type]
    say(f"{new}: {_counts(table)}, with other {' and '.join(what)}\nnext: humanrig synthesize {new}")
    return 0


def report(dataset: Dataset) -> int:
    """Write the data set's report again: statistics, a contact sheet.

    Args:
        dataset: Folder of a data set with shards.
    """
    from hps.synthesis.report.write_report import write_report
    from humanrig.synthesis.picture_progress import picture_progress

    with picture_progress("report", "samples") as update:
        write_report(dataset, update)
    say(str(dataset / "report" / "index.html"))
    return 0


def _counts(table) -> str:
    scenes = ", ".join(
        f"{sum(row.split == split for row in table.scenes)} {split}" for split in ("train", "validation", "test")
    )
    return f"{len(table.people)} people, {len(table.scenes)} scenes ({scenes}), {len(table.cameras)} cameras"


scenes = group(
    "Scene tables of a data set: sample, check, convert, modify, report.",
    {"sample": sample, "check": check, "convert": convert, "modify": modify, "report": report},
)
