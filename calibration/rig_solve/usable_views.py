"""Which views of a take can enter a solve at all, and what the others are wrong in, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeGuard

import numpy as np

from calibration.board_view import BoardTake, BoardView
from calibration.checks import doubtful
from calibration.errors import CalibrationError
from calibration.rig import Verdict
from calibration.rig_solve.single_view import one_side
from geometry.camera import Camera

TIMING_S = 0.3e-3
"""What stays unsaid of when a picture was taken: a view's sigma grows by what the board moves in it. Assumed: devices
on one wire expose together to a tenth of a millisecond, the middles of unequal exposures differ by more."""
UNSEEN_MOTION_S = 6e-3
"""The same where nobody knows how the board moved: rolling shutters read for 10 to 20 ms, a third of which is the
deviation of a corner's time. On a rendered take of ten cameras 30 of 1170 views, cut off from their neighbours, made
the colour cameras' error 0.29 mm instead of 0.16."""
LONGEST_GAP_S = 0.55
"""Pictures further apart (slower than 2 Hz) may show the board at another place without its having moved in them."""
MOVING_PX_S = 20.0
"""Twice a hand's tremor on a board that is held still, at 2 m and 720p (0.8 mm at 3.5 Hz). At this speed the rows of a
rolling shutter see it up to 0.2 px apart."""
SAME_SHAPE = 0.01
"""Images whose sides have one ratio, to this part, can show the same picture in another size."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class UsableViews:
    """What is left of a take after the first look."""

    take: BoardTake
    known: Mapping[str, Camera]
    """Lenses for the images' sizes; none for a camera that nobody knows."""
    verdicts: tuple[Verdict, ...]
    unsolved: Mapping[str, str]
    """Cameras whose lens is another camera's, and why."""


def usable_views(take: BoardTake, known: Mapping[str, Camera], min_corners: int) -> UsableViews:
    """The views with enough corners inside their image, and lenses of the images' sizes.

    Views are moved to their instant's time, and their sigmas widened by their motion in TIMING_S. Raises
    CalibrationError when no camera found the board, and on a corner that the board does not have.
    """
    if not take.views:
        raise CalibrationError(
            f"the board was found in no image of the {len(take.image_sizes)} cameras; "
            "check the board's description: `humanrig board find` shows what was looked for"
        )
    corners = take.board.corners
    verdicts: list[Verdict] = []
    lenses, unsolved = {}, {}
    for name, size in take.image_sizes.items():
        if name in known:
            camera, said = _of_size(known[name], size)
            if camera is None:
                unsolved[name] = said
            else:
                lenses[name] = camera
                verdicts += [doubtful(name, said)] if said else []
    usual_px_s = _usual_speed(take.views)
    if not usual_px_s and (usual_px_s := _speed_between(take)) > MOVING_PX_S:
        verdicts.append(
            doubtful(
                "rig",
                f"the board moved by {usual_px_s:.0f} px a second, too seldom pictured to tell where it was while the "
                "shutters were open: record it at 10 Hz or more, or hold it still",
            )
        )
    kept, outside, few = [], Counter(), Counter()
    for view in take.views:
        if view.camera not in take.image_sizes:
            raise CalibrationError(f"a view of camera '{view.camera}', whose image size the take does not state")
        if len(view.ids) and (view.ids.min() < 0 or view.ids.max() >= len(corners)):
            raise CalibrationError(
                f"camera '{view.camera}', instant {view.instant}: corner {int(view.ids.max())} of a board with "
                f"{len(corners)}; the corners were found with another description of the board: find them again"
            )
        width, height = take.image_sizes[view.camera]
        if len(view.q) and ((view.q < -1).any() or (view.q > [width, height]).any()):
            outside[view.camera] += 1
        elif len((one := one_side(corners, view)).ids) < max(min_corners, 4):
            few[view.camera] += 1
        elif view.camera not in unsolved:
            kept.append(_at_instant(one, usual_px_s))
    for name, count in outside.items():
        width, height = take.image_sizes[name]
        text = f"{count} views have corners outside of {width}x{height}: images of another size, left out"
        verdicts.append(doubtful(name, text))
    if not kept:
        raise CalibrationError(
            f"none of {len(take.views)} views has {min_corners} corners inside its image; "
            "hold the board nearer, or lower the number of corners a view needs"
        )
    return UsableViews(take=take.with_views(kept), known=lenses, verdicts=tuple(verdicts), unsolved=unsolved)


def _of_size(camera: Camera, size: tuple[int, int]) -> tuple[Camera | None, str]:
    """The camera for images of this size and what is to be said, or None and why not."""
    width, height = size
    if (camera.width, camera.height) == (width, height):
        return camera, ""
    states = f"calibrated for {camera.width}x{camera.height}, but its images have {width}x{height}"
    if abs(width * camera.height / (height * camera.width) - 1) < SAME_SHAPE:
        return camera.resized(width, height), f"{states}: its numbers were scaled"
    return None, f"{states}, another shape; bring its calibration for this size, or leave its lens out"


def _usual_speed(views: Iterable[BoardView]) -> float:
    """Median speed of the board in the images, pixels a second; 0 where no view tells."""
    speeds = [np.nanmedian(np.linalg.norm(v.velocity, axis=-1)) for v in views if _is_known(v.velocity)]
    return float(np.median(speeds)) if speeds else 0.0


def _speed_between(take: BoardTake) -> float:
    """Median speed of the board between one picture and the next, pixels a second; 0 where times are not known."""
    speeds = []
    for name in take.image_sizes:
        for before, after in pairwise(take.of_camera(name)):
            seconds = 1e-6 * (take.time_us.get(after.instant, 0) - take.time_us.get(before.instant, 0))
            _, one, other = np.intersect1d(before.ids, after.ids, return_indices=True)
            if 0 < seconds <= LONGEST_GAP_S and len(one):
                speeds.append(np.median(np.linalg.norm(after.q[other] - before.q[one], axis=-1)) / seconds)
    return float(np.median(speeds)) if speeds else 0.0


def _is_known(velocity: np.ndarray | None) -> TypeGuard[np.ndarray]:
    return velocity is not None and bool(np.isfinite(velocity).all(-1).any())


def _at_instant(view: BoardView, usual_px_s: float) -> BoardView:
    """The view as it was at its instant's time, as far as the corners' speeds are known, and less sure for them."""
    if not _is_known(view.velocity):
        return replace(view, velocity=None, sigma_px=float(np.hypot(view.sigma_px, usual_px_s * UNSEEN_MOTION_S)))
    usual = np.nanmedian(view.velocity, axis=0)
    velocity = np.where(np.isfinite(view.velocity), view.velocity, usual)
    speed = float(np.median(np.linalg.norm(velocity, axis=-1)))
    return replace(
        view,
        q=view.q - velocity * view.offset_us * 1e-6,
        velocity=velocity,
        sigma_px=float(np.hypot(view.sigma_px, speed * TIMING_S)),
        offset_us=0,
    )
