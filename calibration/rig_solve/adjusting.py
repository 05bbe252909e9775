"""The adjustment of all cameras and boards, repeated without what turns out not to belong: pushed devices, outliers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardTake, BoardView
from calibration.bundle.problem import (
    BundleProblem,
    BundleSolution,
    CameraStart,
    DevicePair,
    IntrinsicsPrior,
    TimingPrior,
)
from calibration.bundle.solve import solve_bundle
from calibration.errors import CalibrationError
from calibration.rig import device_of
from calibration.rig_solve.board_motion import with_board_motion
from calibration.rig_solve.moved import Push, find_pushes, place_device
from calibration.rig_solve.outliers import leave_out
from calibration.rig_solve.result import MovedCamera
from calibration.rig_solve.tied_views import tied_views
from calibration.timing.exposure_timing import ExposureTiming, at_the_instant
from geometry.camera import Camera
from geometry.rigid import inverse, rotation_angle, transform

MOST_PUSHES = 6
"""Pushes that are looked for; each costs an adjustment. A rig that was pushed more often is recorded again."""
SUSPECTS = 3
"""Devices that are tried for one push: it looks like one of its neighbours' too where few cameras share boards."""
TIMING_ROUNDS = 3
"""Of timings from motions and motions from timings."""
LEAST_AFTER = 8
"""Boards at a device's later place from which that place is solved; what is recorded next is seen from there."""

Boards = Mapping[int, Float[np.ndarray, "4 4"]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Adjusted:
    """The last adjustment, and what was left out on the way."""

    solution: BundleSolution
    views: tuple[BoardView, ...]
    """Of the solution, in its order."""
    moved: tuple[MovedCamera, ...]
    views_elsewhere: Mapping[str, int]
    """By camera: views from the place where a pushed camera is not solved."""
    views_left_out: Mapping[str, int]
    corners_left_out: int
    timings: Mapping[str, ExposureTiming]
    """By camera, as taken off the views."""
    cut_off: frozenset[str] = frozenset()
    """Cameras that nothing ties any more: their views contradict all others."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Parted:
    """A device's views from one of its two places set aside, and the adjustment of all others."""

    push: Push
    kept_after: bool
    other: list[BoardView]
    views: list[BoardView]
    solution: BundleSolution


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Adjustment:
    """What does not change from one adjustment to the next."""

    take: BoardTake
    priors: Mapping[str, IntrinsicsPrior]
    pairs: tuple[DevicePair, ...]
    held: str
    min_corners: int
    find_moved: bool
    say: Callable[[str], None]

    def run(self, cameras: Mapping[str, Camera], boards: Boards, views: Sequence[BoardView]) -> Adjusted:
        """Adjusts, takes the timing of exposures off, parts the views of pushed devices, leaves out what contradicts
        all, and adjusts again."""
        views, behind = self._in_front(cameras, boards, views)
        solution = self._solve(cameras, boards, views, timed=False)
        timings, views, solution = self._timed(views, solution)
        pushed: list[_Parted] = []
        while self.find_moved and len(pushed) < MOST_PUSHES:
            parted = self._parted(solution, views)
            if parted is None:
                break
            pushed.append(parted)
            views, solution = parted.views, parted.solution
        kept = leave_out(views, solution, self.min_corners)
        cut_off: set[str] = set()
        if kept.corners_left_out or kept.views_left_out:
            before = {view.camera for view in views}
            views = tied_views(kept.views, self.pairs)
            cut_off = before - {view.camera for view in views}
            if len(before) - len(cut_off) < 2:
                raise CalibrationError(
                    "the cameras' views contradict each other: they do not fit one rigid rig and one rigid board; "
                    "record the board again, with cameras that nobody touches"
                )
            solution = self._solve(solution.cameras, solution.T_world_board, views, timed=True)
        return Adjusted(
            solution=solution,
            views=tuple(views),
            moved=tuple(one for parted in pushed for one in self._moved(solution, parted)),
            views_elsewhere=Counter(v.camera for parted in pushed for v in parted.other),
            views_left_out=Counter(behind) + Counter(kept.views_left_out),
            corners_left_out=kept.corners_left_out,
            timings={n: t + solution.timings[n] for n, t in timings.items() if n in solution.timings},
            cut_off=frozenset(cut_off),
        )

    def _parted(self, solution: BundleSolution, views: Sequence[BoardView]) -> _Parted | None:
        """Without the views from one of the places of the device that was pushed most; None where none was.

        Of two devices that moved to each other the one is meant whose views, parted, leave the smaller residuals.
        """
        middle = volume_middle(self.take, solution.T_world_board)
        corners = self.take.board.corners
        pushes = find_pushes(solution.cameras, solution.T_world_board, corners, views, middle)[:SUSPECTS]
        tried: list[_Parted] = []
        for push in pushes:
            self.say(f"{push.device} may have moved before instant {push.instant}: adjusting again")
            kept_after = push.boards_after >= LEAST_AFTER or push.boards_after >= push.boards_before
            other = [
                v for v in views if device_of(v.camera) == push.device and (v.instant < push.instant) == kept_after
            ]
            gone = set(map(id, other))
            rest = [v for v in views if id(v) not in gone]
            if len(tied_views(rest, self.pairs)) < len(rest):
                continue  # its later place is tied to nothing
            device = {name: c for name, c in solution.cameras.items() if device_of(name) == push.device}
            own = [v for v in rest if v.camera in device]
            moved = place_device(device, solution.T_world_board, corners, own)
            again = self._solve({**solution.cameras, **moved}, solution.T_world_board, rest, timed=True)
            tried.append(_Parted(push=push, kept_after=kept_after, other=other, views=rest, solution=again))
        return min(tried, key=lambda one: one.solution.cost / len(one.views), default=None)

    def _timed(
        self, found: list[BoardView], solution: BundleSolution
    ) -> tuple[dict[str, ExposureTiming], list[BoardView], BundleSolution]:
        """When each camera exposes, the views at their instants, and the adjustment of these."""
        if all(view.velocity is None for view in found):
            return {}, found, solution
        self.say("looking when the rows of each image were exposed")
        solution = self._solve(solution.cameras, solution.T_world_board, found, timed=True)
        timings = dict(solution.timings)
        views = list(at_the_instant(found, timings, solution.cameras))
        for _ in range(TIMING_ROUNDS):
            corners = self.take.board.corners
            moving = with_board_motion(found, solution.cameras, solution.T_world_board, corners, timings)
            views = list(at_the_instant(moving, timings, solution.cameras))
            solution = self._solve(solution.cameras, solution.T_world_board, views, timed=True)
            timings = {name: t + solution.timings[name] for name, t in timings.items()}
        return timings, views, solution

    def _solve(
        self, cameras: Mapping[str, Camera], boards: Boards, views: Sequence[BoardView], *, timed: bool
    ) -> BundleSolution:
        starts = {name: CameraStart(camera=camera, prior=self.priors[name]) for name, camera in cameras.items()}
        seen = {view.camera for view in views}
        return solve_bundle(
            BundleProblem(
                corners=self.take.board.corners,
                views=tuple(views),
                cameras={name: start for name, start in starts.items() if name in seen},
                T_world_board={view.instant: boards[view.instant] for view in views},
                pairs=tuple(pair for pair in self.pairs if pair.a in seen and pair.b in seen),
                held=self.held if self.held in seen else "",
                timings={v.camera: timing_prior(v.camera, self.held) for v in views if v.velocity is not None}
                if timed
                else {},
            )
        )

    def _in_front(
        self, cameras: Mapping[str, Camera], boards: Boards, views: Sequence[BoardView]
    ) -> tuple[list[BoardView], Counter[str]]:
        """The views whose board begins before their camera, and how many others each camera has."""
        corners, kept, behind = self.take.board.corners, [], Counter()
        for view in views:
            T_camera_board = cameras[view.camera].T_camera_world @ boards[view.instant]
            if (transform(T_camera_board, corners[view.ids])[:, 2] > 0).all():
                kept.append(view)
            else:
                behind[view.camera] += 1
        return kept, behind

    def _moved(self, solution: BundleSolution, parted: _Parted) -> list[MovedCamera]:
        device, instant = parted.push.device, parted.push.instant
        cameras = {name: camera for name, camera in solution.cameras.items() if device_of(name) == device}
        elsewhere = place_device(cameras, solution.T_world_board, self.take.board.corners, parted.other)
        return [
            MovedCamera(
                camera=name,
                instant=instant,
                time_us=self.take.time_us.get(instant),
                shift_mm=1e3 * float(np.linalg.norm(elsewhere[name].center - camera.center)),
                turn_deg=float(
                    np.rad2deg(rotation_angle(inverse(camera.T_world_camera) @ elsewhere[name].T_world_camera))
                ),
                kept="after" if parted.kept_after else "before",
                T_world_camera_other=elsewhere[name].T_world_camera,
            )
            for name, camera in cameras.items()
        ]


def timing_prior(camera: str, held: str) -> TimingPrior:
    """Time-of-flight and stereo depth cameras expose all rows at once; colour cameras may not. The held camera's middle
    row is the board's time."""
    readout = 0.0 if camera.endswith("/depth") else TimingPrior().readout_sigma_s
    return TimingPrior(readout_sigma_s=readout, offset_sigma_s=0.0 if camera == held else TimingPrior().offset_sigma_s)


def volume_middle(take: BoardTake, boards: Boards) -> Float[np.ndarray, "3"]:
    """Middle of the places where the board was."""
    return np.median([transform(T, take.board.middle) for T in boards.values()], axis=0)
