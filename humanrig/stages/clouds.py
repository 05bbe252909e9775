"""The stage `clouds`: one fused, cleaned point cloud of the people for every instant."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from humanrig import __version__, manifest
from humanrig.stage import Ahead, Stage, StageContext
from humanrig.stages.cloud_instants import CloudMaker, MadeCloud, make_clouds
from registration.clouds.consistency import warnings_of
from registration.clouds.figures import CloudFigures
from registration.clouds.files import write_cloud_cameras
from registration.clouds.fusion import CloudConfig
from registration.errors import RegistrationError

NEEDS = ("sync", "calibrate", "masks")
VERSION = 2
REMOVED = ("edge", "unconfirmed", "carved", "thinned")
AHEAD_INSTANTS = 40
"""Some 40 s of one core for ten depth cameras (docs/plan.md)."""
NAMED = 10
"""So many instants are named in a message."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CloudsConfig(CloudConfig):
    """Options of the stage."""

    allow_empty: bool = False
    """Go on where nobody is in the picture at an instant, without a cloud; the body is then interpolated there."""
    workers: int | None = None
    """Processes; None: one for each processor, or one alone for a short take."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes NNNNNN.npz and cameras.json; returns points by camera and what each filter removed, in the mean.

    Depth errors of the devices that the calibration knows are taken off first. Clouds are kept in the session's cache
    until all are done: a stage that was interrupted goes on where it stopped.
    """
    config, streams = context.config, _streams(context)
    write_cloud_cameras(context.output, streams)
    if not streams:
        context.progress(1, 1)
        return {"skipped": "the session has no depth streams"}
    maker = _maker(context, streams)
    folder = maker.folder
    made: list[MadeCloud] = []
    for cloud in make_clouds(maker, context.instants, config.workers):
        made.append(cloud)
        context.progress(len(made), len(context.instants))
    made.sort(key=lambda cloud: cloud.instant)
    empty = [cloud.instant for cloud in made if not cloud.points]
    if (empty and not config.allow_empty) or len(empty) == len(made):
        raise RegistrationError(_empty(made))
    for cloud in made:
        if cloud.points:
            os.replace(folder / f"{cloud.instant:06d}.npz", context.output / f"{cloud.instant:06d}.npz")
    shutil.rmtree(folder.parent, ignore_errors=True)
    figures = [cloud.figures for cloud in made if cloud.figures is not None]
    points = [cloud.points for cloud in made if cloud.points]
    return {"points": _mean(points), "empty": empty, **_summary(figures, streams)}


def ahead(context: StageContext) -> None:
    """Makes the clouds of some instants, which then wait in the cache for `run`."""
    if streams := _streams(context):
        maker = _maker(context, streams)
        for done, number in enumerate(context.instants, start=1):
            maker.make(number)
            context.progress(done, len(context.instants))


def _streams(context: StageContext) -> list[str]:
    cameras = context.session.cameras()
    return [s for s in context.session.of_kind("depth") if s in cameras and context.uses(s)]


def _maker(context: StageContext, streams: list[str]) -> CloudMaker:
    folder = context.session.path("cache", "clouds", _key(context, streams))
    folder.mkdir(parents=True, exist_ok=True)
    return CloudMaker(context.session, tuple(streams), CloudConfig(**_cleaning(context.config)), folder)


def _cleaning(config: CloudsConfig) -> dict[str, Any]:
    return {name: value for name, value in asdict(config).items() if name not in ("allow_empty", "workers")}


def _key(context: StageContext, streams: list[str]) -> str:
    """What clouds were made from and how: those of an interrupted run are used again only where it is the same."""
    read = {name: done.digest for name in NEEDS if (done := manifest.read(context.session.path(_folder(name))))}
    made_of = [__version__, VERSION, streams, read, _cleaning(context.config)]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def _folder(stage: str) -> str:
    return {"calibrate": "calibration"}.get(stage, stage)


def _empty(made: list[MadeCloud]) -> str:
    empty = [cloud for cloud in made if not cloud.points]
    if len(empty) == 1:
        return empty[0].empty
    names = ", ".join(str(cloud.instant) for cloud in empty[:NAMED]) + (" …" if len(empty) > NAMED else "")
    return f"{len(empty)} of {len(made)} clouds are empty (instants {names}). The first: {empty[0].empty}" + (
        "" if len(empty) == len(made) else "; or go on without them: --option clouds.allow_empty=true"
    )


def _summary(figures: list[CloudFigures], streams: list[str]) -> dict[str, Any]:
    def of(values: Callable[[CloudFigures], dict[str, Any]]) -> dict[str, list[Any]]:
        return {s: [values(f)[s] for f in figures if s in values(f)] for s in streams}

    apart, lonely = of(lambda f: f.apart_m), of(lambda f: f.lonely)
    return {
        "seen": {s: _mean(n) for s, n in of(lambda f: f.seen).items()},
        "kept": {s: _mean(n) for s, n in of(lambda f: f.kept).items()},
        "removed": {name: _mean([getattr(f, name) for f in figures]) for name in REMOVED},
        "uncolored": _mean([f.uncolored for f in figures]),
        "apart_mm": {s: _median(values, 1e3) for s, values in apart.items()},
        "unconfirmed_percent": {s: _median(values, 1e2) for s, values in lonely.items()},
        "warnings": warnings_of(apart, lonely),
    }


def _mean(values: list[int]) -> int:
    return round(float(np.mean(values))) if values else 0


def _median(values: list[float], unit: float) -> float | None:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return round(unit * float(np.median(known)), 2) if len(known) else None


STAGE = Stage(
    name="clouds",
    folder="clouds",
    needs=NEEDS,
    config=CloudsConfig,
    run=run,
    ahead=Ahead(run=ahead, instants=AHEAD_INSTANTS),
    version=VERSION,
)
