"""The stage `masks`: which pixels of every depth and colour image show the person."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from calibration.rig import device_of
from calibration.workspace import workspace
from capture.frame_sets import Instant
from capture.session import Session
from geometry.camera import Camera
from humanrig.stage import Stage, StageContext
from humanrig.stages.color_only_masks import ColorOnlyMasks
from registration.errors import RegistrationError
from registration.masks.background import background_session, room_depth
from registration.masks.color_masks import color_mask_from_depth
from registration.masks.depth_masks import MaskConfig, PersonInDepth, person_in_depth
from registration.masks.files import mask_path, write_mask


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MasksConfig(MaskConfig):
    """Options of the stage."""

    background: bool = True
    """Compare with the take of the empty room, where the session names one."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes STREAM/NNNNNN.png (255 = person) for every image; returns how many images show nobody, by stream."""
    session, config = context.session, context.config
    cameras = session.cameras()
    streams = [s for kind in ("depth", "color") for s in session.of_kind(kind) if s in cameras and context.uses(s)]
    depth = [s for s in streams if s.endswith("/depth")]
    with_depth = {device_of(s): s for s in depth}
    alone = [s for s in streams if s.endswith("/color") and device_of(s) not in with_depth]
    by_number = {instant.instant: instant for instant in session.instants()}
    volume = workspace({s: cameras[s] for s in cameras if context.uses(s)})
    background = background_session(session) if config.background else None
    room = {} if background is None else room_depth(background, depth)
    segmented = ColorOnlyMasks.prepare(session, alone, cameras, [by_number[n] for n in context.instants], context)
    empty, seen, images = dict.fromkeys(streams, 0), False, dict.fromkeys(streams, 0)
    previous = None
    for done, number in enumerate(context.instants):
        instant = by_number[number]
        depth_m = _depth_images(session, depth, instant)
        person = person_in_depth(depth_m, cameras, volume, config, background_m=room, previous=previous)
        previous = person.center if person.center is not None else previous
        masks = dict(person.masks)
        for stream in streams:
            if stream.endswith("/color") and instant.has(stream):
                if device_of(stream) in with_depth:
                    masks[stream] = _through_depth(cameras, stream, with_depth[device_of(stream)], depth_m, person)
                else:
                    masks[stream] = segmented.mask(stream, number)
        for stream, mask in masks.items():
            write_mask(mask_path(context.output, stream, number), mask)
            images[stream] += 1
            empty[stream] += not mask.any()
            seen |= bool(mask.any())
        context.progress(done + 1, len(context.instants))
    if not seen:
        raise RegistrationError(_nobody(context, streams))
    return {
        "images": images,
        "empty": {s: n for s, n in empty.items() if n},
        "warnings": [f"{s} shows nobody at any instant" for s in streams if images[s] and empty[s] == images[s]],
        "background": background is not None,
        "workspace_m": {"center": [round(float(x), 3) for x in volume.center], "radius": round(volume.radius_m, 3)},
    }


def _depth_images(session: Session, streams: list[str], instant: Instant) -> dict[str, np.ndarray]:
    return {s: session.frame(s, instant.index[s]).payload for s in streams if instant.has(s)}


def _through_depth(
    cameras: dict[str, Camera], color: str, depth: str, depth_m: dict[str, np.ndarray], person: PersonInDepth
) -> np.ndarray:
    """The colour mask from the depth image of the same device; all False where that image is missing."""
    if depth not in depth_m:
        return np.zeros((cameras[color].height, cameras[color].width), bool)
    return color_mask_from_depth(depth_m[depth], person.masks[depth], cameras[depth], cameras[color])


def _nobody(context: StageContext, streams: list[str]) -> str:
    first, last = context.instants[0], context.instants[-1]
    return (
        f"nobody is in the picture: {', '.join(streams)} show no person in the instants {first} to {last}; check that "
        "the person stood where the cameras look, and that the floor of the calibration is at z = 0"
    )


STAGE = Stage(name="masks", folder="masks", needs=("sync", "calibrate"), config=MasksConfig, run=run)
