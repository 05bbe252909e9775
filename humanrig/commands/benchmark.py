"""`humanrig benchmark points`: estimators of body and pose from point clouds, all put to the same test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.commands.group import group
from humanrig.commands.synthesize import ending_like_an_interrupt
from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, progress, say, stage_progress

DEFAULT_SPLIT = "test"
MADE_SPLITS = ("validation", "test")


def points(
    folder: Annotated[Positional[Path | None], arg(metavar="FOLDER")] = None,
    make: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    split: Annotated[Literal["train", "validation", "test"] | None, arg(metavar="train|validation|test")] = None,
    parts: Annotated[tuple[str, ...], arg(metavar="PART ...")] = (),
    method: Annotated[tuple[str, ...], arg(metavar="METHOD ...")] = (),
    limit: Annotated[int | None, arg(metavar="N")] = None,
    out: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    body: Annotated[Path | None, arg(metavar="PATH")] = None,
    threads: Annotated[int, arg(metavar="N")] = 1,
    workers: Annotated[int | None, arg(metavar="N")] = None,
    timing: bool = True,
    json: bool = False,
) -> int:
    """Put methods that find bodies in point clouds through one protocol, and tell their errors with intervals.

    First make the set: humanrig benchmark points --make FOLDER. Then run: humanrig benchmark points FOLDER. Any other
    data set of clouds that humanrig reads may stand for FOLDER. Written are results.json, results.md, index.html with
    curves and pictures, and the errors of every cloud. Answers are kept: interrupted, the same command goes on.

    A METHOD is a shipped one, `module:function` of your own, or a folder of predictions; LABEL=METHOD names it, and
    what follows an @ is handed to it, such as weights. Methods of one label are seeds: mean and spread are told.

    humanrig benchmark points SET --method estimator mine=package.module:predict theirs=/path/of/predictions

    Args:
        folder: A set that was made, or another data set of clouds.
        make: Make the set in this folder, or go on with it; nothing is run.
        split: Which people (test; --make makes validation and test).
        parts: Parts of the set, such as kinect; by default all.
        method: Who takes part; by default every shipped method.
        limit: Only so many clouds, evenly spread over the set; whole sequences where a method wants clips.
        out: Folder of results; by default FOLDER/results/SPLIT.
        body: SMPL's file or folder, for the true joints of a data set whose truth is of SMPL.
        threads: Of each method on the processor. Times are comparable with 1.
        workers: Processes that make the set; by default one for each processor.
        timing: --no-timing leaves out the times of single clouds and batches.
        json: Print results.json.
    """
    if make is not None:
        if folder is not None:
            raise HumanrigError(f"{folder} and --make {make} were both given; first make the set, then run on it")
        return _make(make, split, parts, workers)
    if folder is None:
        raise HumanrigError("name the folder of a set; make one with humanrig benchmark points --make FOLDER")
    if threads < 1:
        raise HumanrigError(f"--threads {threads}: at least one thread is needed")
    return _run(folder, split or DEFAULT_SPLIT, parts, method, limit, out, body, threads, timing, json)


def _make(folder: Path, split: str | None, parts: tuple[str, ...], workers: int | None) -> int:
    from hps.benchmark.points.set.make_set import make_set
    from humanrig.motions import motion_library

    try:
        with ending_like_an_interrupt(), stage_progress() as update:
            made = make_set(
                folder,
                motion_library,
                splits=MADE_SPLITS if split is None else (split,),
                parts=parts or None,
                workers=workers,
                on_progress=update,
                on_said=say,
            )
    except KeyboardInterrupt:
        say(f"interrupted; what is finished is kept, go on with: humanrig benchmark points --make {folder}")
        return 130
    for name, sameness in made.items():
        say(f"{name}: {sameness.value}")
    say(f"next: humanrig benchmark points {folder}")
    return 0


def _run(
    folder: Path,
    split: str,
    parts: tuple[str, ...],
    method: tuple[str, ...],
    limit: int | None,
    out: Path | None,
    body: Path | None,
    threads: int,
    timing: bool,
    json: bool,
) -> int:
    import torch

    from hps.benchmark.points.runner.method_spec import parse_methods
    from humanrig.benchmarking.point_benchmark import join_all, open_clouds, run_point_benchmark, sentences

    torch.set_num_threads(threads)
    specs = parse_methods(method)
    clouds = open_clouds(folder, split, parts, body)
    entrants = join_all(specs, say)
    place = folder / "results" / split if out is None else out
    again = f"humanrig benchmark points {folder}"
    try:
        with ending_like_an_interrupt(), progress("clouds") as update:
            results = run_point_benchmark(
                clouds, entrants, place, limit=limit, time=timing, on_progress=update, on_said=say
            )
    except KeyboardInterrupt:
        say(f"interrupted; answers are kept, the same command goes on: {again} …")
        return 130
    for sentence in sentences(results, place):
        say(sentence)
    if json:
        print_json(results)
    return 0


def methods() -> int:
    """List the methods that ship with the benchmark of point clouds, and whether they can run here."""
    from hps.benchmark.points.runner.entrant import join
    from hps.benchmark.points.runner.method_spec import MethodSpec
    from hps.errors import HpsError
    from hps.points.baselines.shipped import SHIPPED

    for name in SHIPPED:
        try:
            entrant = join(MethodSpec(label=name, target=name), SHIPPED)
        except HpsError as error:
            print(f"{name}: cannot run: {error}")
            continue
        size = "" if entrant.parameters is None else f", {entrant.parameters / 1e6:.2f} M parameters"
        print(f"{name}: ready{size}{', wants clips' if entrant.wants_clips else ''}")
    return 0


benchmark = group("Put estimators to a test that is the same for all.", {"points": points, "methods": methods})
