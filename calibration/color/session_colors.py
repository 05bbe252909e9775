"""Colour corrections of a session's cameras from the pictures of its board."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from calibration.board_view import BoardTake
from calibration.color.board_patches import patch_light
from calibration.color.from_board import ColorSolve, colors_from_board
from capture.errors import CaptureError
from capture.frame_sets import HOLE
from capture.session import Session
from geometry.camera import Camera

MOST_INSTANTS = 50
"""Spread over the take: cameras of a ring of ten then share a hundred patches or more each, and gains come to 0.2 %."""


def session_colors(
    session: Session,
    take: BoardTake,
    cameras: Mapping[str, Camera],
    *,
    most_instants: int = MOST_INSTANTS,
    on_progress: Callable[[int, int], None] | None = None,
) -> ColorSolve:
    """The corrections of all colour cameras that have a view in `take`; `cameras` have their lenses.

    Reads the pictures again, of instants that two cameras or more share. Raises CaptureError on a session without
    frame sets.
    """
    views = {(v.instant, v.camera): v for v in take.views if v.camera in cameras and v.camera.endswith("/color")}
    seen_by = {n: [camera for instant, camera in views if instant == n] for n in take.instants}
    several = [n for n, names in seen_by.items() if len(names) > 1]
    if len(several) > most_instants:
        several = [several[n] for n in np.linspace(0, len(several) - 1, most_instants).round().astype(int)]
    index = {instant.instant: instant.index for instant in session.instants()}
    wanted = [(camera, n) for n in several for camera in seen_by[n] if index.get(n, {}).get(camera, HOLE) != HOLE]
    lights = []
    for done, (camera, n) in enumerate(sorted(wanted), 1):
        try:
            picture = session.frame(camera, index[n][camera]).payload
        except CaptureError:  # a damaged picture: its view came from elsewhere, or the file broke since
            continue
        light = patch_light(picture, take.board, views[n, camera], cameras[camera])
        lights += [light] if light is not None else []
        if on_progress:
            on_progress(done, len(wanted))
    return colors_from_board(lights, [name for name in cameras if name.endswith("/color")])
