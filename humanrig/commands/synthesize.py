"""`humanrig synthesize`: a training set of the virtual rig, with labels."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.terminal import print_json, say

if TYPE_CHECKING:
    from hps.synthesis.config import SynthesisConfig
    from humanrig.synthesis.synthesis import Synthesis

_choice = functools.partial(arg, help_behavior_hint="")
"""An option that says its own default: what is left out is the data set's."""
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""End the work like ctrl-C; SIGHUP is what a broken connection over ssh sends."""


def synthesize(
    dataset: Annotated[Positional[Path], arg(metavar="DATASET")],
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
    effects: Annotated[bool | None, _choice(metavar="True|False")] = None,
    sensor_depth: Annotated[bool | None, _choice(metavar="True|False")] = None,
    passes: Annotated[
        tuple[Literal["images", "labels", "clouds"], ...] | None, _choice(metavar="images|labels|clouds ...")
    ] = None,
    cloud_views: Annotated[tuple[int, ...] | None, _choice(metavar="N ...")] = None,
    cloud_camera: Annotated[Literal["table", "device"] | None, _choice(metavar="table|device")] = None,
    cloud_surroundings: Annotated[Literal["room", "floor"] | None, _choice(metavar="room|floor")] = None,
    cloud_mask_px: Annotated[tuple[int, int] | None, _choice(metavar="LEAST MOST")] = None,
    cloud_points: Annotated[int | None, _choice(metavar="N")] = None,
    shard_pictures: Annotated[int | None, _choice(metavar="N")] = None,
    renderer: Annotated[Literal["numba", "egl", "auto"] | None, _choice(metavar="numba|egl|auto")] = None,
    workers: Annotated[int | None, _choice(metavar="N")] = None,
    verify: bool = False,
    report: bool = True,
    json: bool = False,
) -> int:
    """Make a training set of simulated people: pictures, labels and point clouds, in shards.

    Samples the scenes (tables of people, scenes, actors, things and cameras in DATASET/scenes), then makes the shards
    over several processes. Interrupted, the same command goes on, and so does `humanrig synthesize DATASET` alone: what
    is finished is kept. Several programs may work on one data set at once. The same options give the same bytes.

    200 people seen by 8 cameras: humanrig synthesize DATASET --people 200 --views 8.
    Only point clouds, of single cameras and of four fused: humanrig synthesize D --passes clouds --cloud-views 1 4.

    Args:
        dataset: Folder to create, or to go on with.
        people: People in all splits together, 200 by default: a body, clothes and a look each.
        views: Cameras of a scene (8).
        appearances: Scenes that each person plays in (4).
        frames: Instants of a scene (4).
        rate_hz: Instants a second (10).
        seed: Of everything that is drawn (0).
        shares: Of people for training, validation and test (0.8 0.1 0.1).
        bodies: bank: people whom no betas describe exactly (the default); model: bodies of the model, with exact
            labels.
        children: Share of people of the bank who are 3 to 17 years old (0.2).
        groups: Share of scenes with two to four people (0.35).
        crowds: Share of scenes with five to eight people (0.1).
        furniture: Most pieces of furniture in a scene (3).
        size: Columns and rows of the pictures (640 480).
        sensors: Whose depth errors the cameras have; each camera draws one (kinect).
        distance_m: Of the cameras from the people's middle, metres (1.5 3.3).
        effects: Whether pictures have the errors of colour cameras (they do).
        sensor_depth: Whether pictures come with the depth that a sensor would measure (they do not).
        passes: What is made of the scenes (images labels). Others may be asked for later.
        cloud_views: Clouds of so many cameras each: 1 is every camera alone.
        cloud_camera: Clouds through the tables' pinhole cameras, or through the optics of units of their sensors.
        cloud_surroundings: What stands behind people in clouds: the scene's room, or an open floor.
        cloud_mask_px: By how many pixels the masks that cut people out of clouds are off, from and to (0 0).
        cloud_points: Most points of a camera's cloud (4096); 0: all.
        shard_pictures: About so many pictures, or clouds, in a shard (256).
        renderer: numba draws the same bits on every machine of a kind; egl and auto use a graphics library.
        workers: Processes; by default one for each processor.
        verify: Read every finished shard first; one that was damaged is made again.
        report: --no-report leaves out statistics and pictures for people.
        json: Print the manifest as JSON.
    """
    from humanrig.synthesis.picture_progress import picture_progress
    from humanrig.synthesis.synthesis import synthesize_dataset

    asked = {
        "people": people, "views": views, "appearances": appearances, "frames": frames, "rate_hz": rate_hz,
        "seed": seed, "shares": shares, "bodies": bodies, "children": children, "groups": groups, "crowds": crowds,
        "furniture": furniture, "width": size and size[0], "height": size and size[1], "sensors": sensors,
        "distance_m": distance_m, "effects": effects, "sensor_depth": sensor_depth, "passes": passes,
        "cloud_views": cloud_views, "cloud_camera": cloud_camera, "cloud_surroundings": cloud_surroundings,
        "cloud_mask_px": cloud_mask_px, "cloud_points": cloud_points, "shard_pictures": shard_pictures,
        "renderer": renderer,
    }  # fmt: skip
    wishes = {name: value for name, value in asked.items() if value is not None}
    try:
        with ending_like_an_interrupt():
            made = synthesize_dataset(
                dataset, wishes, workers=workers, verify_bytes=verify, report=report, bar=picture_progress, on_said=say
            )
    except KeyboardInterrupt:
        say(f"interrupted; finished shards are kept, go on with: humanrig synthesize {dataset}")
        return 130
    for sentence in sentences(dataset, made):
        say(sentence)
    if json:
        print_json(made.production.manifest)
    return 0


def sentences(dataset: Path, made: Synthesis) -> list[str]:
    """What there is now, for people."""
    manifest, production = made.production.manifest, made.production
    samples = ", ".join(f"{count} samples of {name}" for name, count in manifest["samples"].items())
    splits = ", ".join(f"{split} {counts['pictures']}" for split, counts in manifest["sampled"].items())
    shards = len(manifest["shards"])
    found = [f"{dataset}: {samples} in {shards} {'shard' if shards == 1 else 'shards'}; pictures: {splits}"]
    if lonely := splits_without_people(made.info.config):
        people, shares = made.info.config.people, " ".join(f"{share:g}" for share in made.info.config.shares)
        found.append(f"nobody is left for {' and '.join(lonely)}: {people} people are too few for the shares {shares}")
    if production.pictures:
        rate = production.pictures / max(production.seconds, 1e-9)
        found.append(
            f"{production.pictures} pictures made in {production.seconds:.0f} s by {production.workers} "
            f"{'process' if production.workers == 1 else 'processes'}: {rate:.1f} a second"
        )
    else:
        found.append("nothing was to be made: every shard is there and of these tables")
    if failures := manifest["failures"]:
        first, count = failures[0], len({failure["scene"] for failure in failures})
        found.append(
            f"{count} {'scene is' if count == 1 else 'scenes are'} left out, such as {first['scene']} "
            f"({first['reason']}); see {dataset / 'failures.csv'}"
        )
    if shared := {name: count for name, count in manifest["shared_between_splits"].items() if count}:
        found.append(f"the splits are not disjoint: they share {', '.join(f'{n} {k}' for k, n in shared.items())}")
    return found


def splits_without_people(config: SynthesisConfig) -> list[str]:
    """The splits that were to have a share of the people, and have none."""
    from hps.synthesis.sampling.people import people_of_splits

    return [
        split for (split, count), share in zip(people_of_splits(config).items(), config.shares) if share and not count
    ]


@contextmanager
def ending_like_an_interrupt() -> Iterator[None]:
    """Within it, being asked to end raises KeyboardInterrupt, as ctrl-C does."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup has SIGHUP ignored
                before[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
