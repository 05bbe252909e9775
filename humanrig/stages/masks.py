"""The stage `masks`: whose each pixel of every depth and colour image is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from calibration.workspace import Workspace, workspace
from humanrig.stage import Stage, StageContext
from humanrig.stages.color_only_masks import ColorOnlyMasks
from humanrig.stages.mask_images import ImageFigures, MaskWork, in_order
from registration.errors import RegistrationError
from registration.masks.agreement import agreement, lonely_cameras
from registration.masks.background import background_session, room_color, room_depth
from registration.masks.choice import People, choose
from registration.masks.config import MaskConfig
from registration.masks.following import follow
from registration.masks.people_files import FILE, PeopleTrack, write_people_track
from registration.masks.voxels import REASONS, DepthRig, Occupied

AGREEMENT_INSTANTS = 20
"""Instants over the take at which the cameras are compared."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MasksConfig(MaskConfig):
    """Options of the stage."""

    background: bool = True
    """Compare with the take of the empty room, where the session names one."""
    refine: bool = True
    """Move the rim of colour masks to where the colours change."""
    workers: int = Field(default=0, ge=0)
    """Instants that are worked on at the same time; 0: one for each core."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes STREAM/NNNNNN.png (255 = person00, see `registration.masks.files`) for every image, people.npz where there
    is depth, and removed.npz: how many pixels of each depth image are nobody's, and why.

    Raises RegistrationError when nobody is in any picture.
    """
    session, config = context.session, context.config
    cameras = {s: c for s, c in session.cameras().items() if context.uses(s)}
    streams = [s for kind in ("depth", "color") for s in session.of_kind(kind) if s in cameras]
    depth = [s for s in streams if s.endswith("/depth")]
    by_number = {instant.instant: instant for instant in session.instants()}
    instants = [by_number[n] for n in context.instants]
    volume = workspace(cameras)
    background = background_session(session) if config.background else None
    room = {} if background is None else room_depth(background, depth)
    colors = [s for s in streams if s.endswith("/color")]
    work = MaskWork(
        session=session,
        cameras=cameras,
        rig=DepthRig.of({s: cameras[s] for s in depth}, volume, config, room),
        colors=colors,
        room_color={} if background is None or not config.refine else room_color(background, colors),
        refine=config.refine,
        output=context.output,
    )
    total = 2 * len(instants) if depth else len(instants)
    found: list[Occupied] = []
    if depth:
        for some in in_order(work.occupied, instants, config.workers):
            found.append(some)
            context.progress(len(found), total)
    people = _people(found, [i.time_us for i in instants], work.rig, volume, config, room)
    center = _centers(people, len(instants))
    segmented = ColorOnlyMasks.prepare(
        session, work.alone, cameras, instants, context, count=config.people, centers=center if people.people else None
    )
    jobs = [(i, [p.index.get(t) for p in people.people], [o.index[t] for o in people.others if t in o.index])
            for t, i in enumerate(instants)]  # fmt: skip
    figures: list[ImageFigures] = []
    for figure in in_order(lambda job: work.write(*job, segmented), jobs, config.workers):
        figures.append(figure)
        context.progress(total - len(instants) + len(figures), total)
    if not any(figure.seen for figure in figures):
        raise RegistrationError(_nobody(context, streams))
    warnings = list(people.warnings)
    if depth:
        write_people_track(context.output / FILE, PeopleTrack(instants=np.array(context.instants), center=center))
        _write_removed(context, depth, figures)
        warnings += _disagreeing(found, people, depth)
    return {**_summary(figures, streams, depth), "people": max(len(people.people), segmented.people),
            "warnings": [*warnings, *_blind(figures, streams)], "background": background is not None,
            "workspace_m": {"center": [round(float(x), 3) for x in volume.center],
                            "radius": round(volume.radius_m, 3)}}  # fmt: skip


def _people(
    found: list[Occupied],
    time_us: Sequence[int],
    rig: DepthRig,
    volume: Workspace,
    config: MasksConfig,
    room: dict[str, np.ndarray],
) -> People:
    """Who is in the take, by depth."""
    if not found:
        return People(people=[], others=[], warnings=[])
    things = follow(found, np.array(time_us, np.float64) * 1e-6, rig.grid, config)
    empty_room = bool(room) and set(room) >= set(rig.cameras)
    return choose(things, found, rig.grid, volume, config.people, empty_room=empty_room)


def _centers(people: People, instants: int) -> Float[np.ndarray, "instants people 3"]:
    """Where everybody is; NaN where somebody is not seen."""
    center = np.full((instants, len(people.people), 3), np.nan)
    for p, thing in enumerate(people.people):
        for t, middle in thing.center.items():
            center[t, p] = middle
    return center


def _write_removed(context: StageContext, depth: list[str], figures: list[ImageFigures]) -> None:
    none = np.full(len(REASONS), -1, np.int64)
    pixels = np.array([[figure.removed.get(stream, none) for stream in depth] for figure in figures])
    np.savez_compressed(
        context.output / "removed.npz", streams=depth, instants=context.instants, reasons=REASONS, pixels=pixels
    )


def _disagreeing(found: list[Occupied], people: People, depth: list[str]) -> list[str]:
    """Warnings for cameras whose surface the others do not see."""
    step = max(len(found) // AGREEMENT_INSTANTS, 1)
    at = range(0, len(found), step)
    index = [[p.index[t] for p in people.people if t in p.index] for t in at]
    around = [np.concatenate(some) if some else None for some in index]
    return lonely_cameras(depth, agreement([found[t] for t in at], around, len(depth)))


def _summary(figures: list[ImageFigures], streams: list[str], depth: list[str]) -> dict[str, Any]:
    images = {s: sum(s in f.empty for f in figures) for s in streams}
    empty = {s: sum(f.empty.get(s, False) for f in figures) for s in streams}
    removed = {
        s: dict(zip(REASONS, np.mean([f.removed[s] for f in figures if s in f.removed], axis=0).round().astype(int)))
        for s in depth
        if any(s in f.removed for f in figures)
    }
    return {
        "images": images,
        "empty": {s: n for s, n in empty.items() if n},
        "removed": {s: {reason: int(n) for reason, n in some.items()} for s, some in removed.items()},
    }


def _blind(figures: list[ImageFigures], streams: list[str]) -> list[str]:
    """Warnings for cameras that never saw anybody, and for depth images without any depth."""
    warnings = []
    for stream in streams:
        shown = [f for f in figures if stream in f.empty]
        blank = sum(stream in f.blank for f in figures)
        if blank:
            warnings.append(
                f"{stream}: {blank} of {len(shown)} depth images hold no depth at all; check its cable and its laser"
            )
        elif shown and all(f.empty[stream] for f in shown):
            warnings.append(f"{stream} shows nobody at any instant")
    return warnings


def _nobody(context: StageContext, streams: list[str]) -> str:
    first, last = context.instants[0], context.instants[-1]
    return (
        f"nobody is in the picture: {', '.join(streams)} show no person in the instants {first} to {last}; check that "
        "the person stood where the cameras look, and that the floor of the calibration is at z = 0"
    )


STAGE = Stage(name="masks", folder="masks", needs=("sync", "calibrate"), config=MasksConfig, run=run, version=3)
