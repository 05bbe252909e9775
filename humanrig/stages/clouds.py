"""The stage `clouds`: one fused, cleaned point cloud of the person for every instant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from calibration.depth.applying import corrected_depth
from calibration.depth_correction import DepthCorrection
from calibration.given import read_calibration
from calibration.rig import device_of
from capture.frame_sets import Instant
from capture.session import CALIBRATED_CAMERAS
from geometry.camera import Camera
from geometry.warp import warp_depth_to_color
from humanrig.stage import Stage, StageContext
from registration.clouds.colors import ColorView
from registration.clouds.files import cloud_path, write_cloud, write_cloud_cameras
from registration.clouds.fusion import CloudConfig, CloudFigures, DepthView, fuse
from registration.errors import RegistrationError
from registration.masks.files import mask_path, read_mask


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CloudsConfig(CloudConfig):
    """Options of the stage."""

    allow_empty: bool = False
    """Go on where nobody is in the picture at an instant, without a cloud; the body is then interpolated there."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes NNNNNN.npz and cameras.json; returns points by camera and what each filter removed, in the mean.

    Depth errors of the devices that the calibration knows are taken off first.
    """
    session, config = context.session, context.config
    cameras = session.cameras()
    streams = [s for s in session.of_kind("depth") if s in cameras and context.uses(s)]
    write_cloud_cameras(context.output, streams)
    if not streams:
        context.progress(1, 1)
        return {"skipped": "the session has no depth streams"}
    corrections = read_calibration(session.path(*CALIBRATED_CAMERAS)).depth_corrections
    by_number = {instant.instant: instant for instant in session.instants()}
    figures: list[CloudFigures] = []
    points: list[int] = []
    empty: list[int] = []
    for done, number in enumerate(context.instants):
        views, colors = _views(context, streams, cameras, corrections, by_number[number])
        try:
            cloud, figure = fuse(views, colors, config, number)
        except RegistrationError:
            if not config.allow_empty:
                raise
            empty.append(number)
        else:
            order = np.array([streams.index(view.camera.name) for view in views], np.uint8)
            write_cloud(cloud_path(context.output, number), replace(cloud, camera=order[cloud.camera]))
            figures.append(figure)
            points.append(len(cloud))
        context.progress(done + 1, len(context.instants))
    return {"points": _mean(points), "empty": empty, **_summary(figures, streams)}


def _views(
    context: StageContext,
    streams: list[str],
    cameras: dict[str, Camera],
    corrections: dict[str, DepthCorrection],
    instant: Instant,
) -> tuple[list[DepthView], list[ColorView]]:
    session = context.session
    views, colors = [], []
    for stream in (s for s in streams if instant.has(s)):
        depth_m = corrected_depth(session.frame(stream, instant.index[stream]).payload, corrections.get(stream))
        mask = read_mask(mask_path(session.path("masks"), stream, instant.instant))
        time_us = instant.time_us + instant.offset_us.get(stream, 0)
        views.append(DepthView(depth_m=depth_m, mask=mask, camera=cameras[stream], time_us=time_us))
        color = f"{device_of(stream)}/color"
        if color in session.streams and color in cameras and instant.has(color):
            image = session.frame(color, instant.index[color]).payload
            depth_of_color = warp_depth_to_color(depth_m, cameras[stream], cameras[color])
            colors.append(ColorView(image=image, depth_m=depth_of_color, camera=cameras[color]))
    return views, colors


def _summary(figures: list[CloudFigures], streams: list[str]) -> dict[str, Any]:
    return {
        "kept": {s: _mean([f.kept[s] for f in figures if s in f.kept]) for s in streams},
        "removed": {
            "edge": _mean([f.edge for f in figures]),
            "unconfirmed": _mean([f.unconfirmed for f in figures]),
            "thinned": _mean([f.thinned for f in figures]),
        },
        "uncolored": _mean([f.uncolored for f in figures]),
    }


def _mean(values: list[int]) -> int:
    return round(float(np.mean(values))) if values else 0


STAGE = Stage(name="clouds", folder="clouds", needs=("sync", "calibrate", "masks"), config=CloudsConfig, run=run)
