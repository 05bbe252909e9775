"""The stage `sync`: which frame of each stream belongs to which instant."""

from __future__ import annotations

from typing import Any

import cv2
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from calibration.rig import device_of
from capture.errors import CaptureError
from capture.frame_sets import write_instants
from capture.missing_frames import missing_frames
from capture.session import RECORDED_CAMERAS, Session
from capture.sync.picture import residual_picture
from capture.synchronisation import DEFAULT_TOLERANCE_US, FrameSets, free_devices, session_clock, session_frame_sets
from humanrig.stage import Stage, StageContext
from humanrig.stages.sync_content import ContentMove, ContentOptions, check, move_by_content

PICTURE = "residuals.png"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class SyncConfig(ContentOptions):
    """Options of the stage."""

    tolerance_us: int = DEFAULT_TOLERANCE_US
    """A frame further than this from its instant is left out, and leaves a hole."""
    latency_us: dict[str, float] = Field(default_factory=dict)
    """Known constant time from exposure to arrival, by stream (`iphone/color`) or model (`azure-kinect/depth`)."""
    use_free: bool = False
    """Let later stages of a wired rig use devices on clocks of their own too, where their cameras have a place."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes frames.parquet and residuals.png; returns instants, holes, residuals, clocks and who is left out later.

    Cameras that are left out keep their frames, so that the result can be measured in them, unless they are what
    cannot be paired.
    """
    session, config = context.session, context.config
    without: frozenset[str] = frozenset()
    missing = missing_frames(session)
    try:
        sets, move = _sets(session, config, without)
    except CaptureError as error:
        if not context.without:
            raise CaptureError("; ".join((str(error), *missing))) from None
        without = context.without
        sets, move = _sets(session, config, without)
    write_instants(context.output / "frames.parquet", sets.instants)
    (context.output / PICTURE).write_bytes(cv2.imencode(".png", residual_picture(sets))[1].tobytes())
    free, unplaced = _beside_the_rig(session, without, use_free=config.use_free)
    left_out = [*([] if config.use_free else free), *unplaced]
    checked = check(session, sets, config, without)
    warnings = [*missing, *sets.notes, *move.warnings, *checked["warnings"]]
    if told := [name for name in unplaced if name not in context.without]:
        warnings.append(
            f"{', '.join(told)}: matched by fitted clocks, and left out of the later stages, as nothing says where the "
            "cameras stand"
        )
    if told := [name for name in left_out if name in free and name not in context.without]:
        warnings.append(
            f"{', '.join(told)}: matched by fitted clocks, and left out of the later stages, as the frames lie up to "
            "half a period off the instants; use them all the same with --option sync.use_free=true"
        )
    context.progress(1, 1)
    return {**sets.figures(), "left_out": left_out, "content": checked["devices"], "warnings": warnings}


def _beside_the_rig(session: Session, without: frozenset[str], *, use_free: bool) -> tuple[list[str], list[str]]:
    """Devices on clocks of their own that the later stages do without: those with a place beside a wired rig, whose
    instants are not theirs, and those whose cameras have no place where others have one, such as a hand-held phone.

    Where no camera has one yet, and is given it by the stage `calibrate`, `use_free` leaves it to that stage to refuse.
    """
    path = session.path(*RECORDED_CAMERAS)
    recorded = session.recorded_camera_file() if path.is_file() else None
    unplaced = {device_of(name) for name in recorded.unplaced} if recorded else set()
    placed = {device_of(name) for name in recorded.cameras} - unplaced if recorded else set()
    clock, free = session_clock(session, without), free_devices(session, without)
    wired = [d for d, info in session.devices.items() if info.clock == clock and d not in without]
    return (
        [name for name in free if name not in unplaced and len(wired) > 1],
        [name for name in free if name in unplaced and (placed or (len(wired) > 1 and not use_free))],
    )


def _sets(session: Session, config: SyncConfig, without: frozenset[str]) -> tuple[FrameSets, ContentMove]:
    """Frame sets, and what content moved for them."""
    known = config.latency_us
    if not config.by_content:
        return session_frame_sets(session, config.tolerance_us, without, latency_us=known), ContentMove()
    try:
        sets = session_frame_sets(session, config.tolerance_us, without, latency_us=known)
    except CaptureError:
        sets = None
    move = move_by_content(session, sets, config, without)
    moved = session_frame_sets(
        session,
        config.tolerance_us,
        without,
        latency_us=known,
        offsets_us=move.offsets_us,
        shifts_us=move.shifts_us,
    )
    return moved, move


STAGE = Stage(name="sync", folder="sync", needs=(), config=SyncConfig, run=run, version=2)
