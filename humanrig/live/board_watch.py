"""Watches a board that is waved before a running rig: finds it, and says how well each camera is known by now."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardTake, BoardView
from calibration.errors import CalibrationError
from calibration.rig import device_of
from capture.board import Board
from capture.device import DeviceDescription, DeviceStream
from humanrig.calibrating.factory import FactoryRig, factory_of
from humanrig.live.board_progress import LiveSolve, is_new_place
from humanrig.live.board_worker import draw, quiet, search, solve_quickly
from humanrig.live.moments import Moments

if TYPE_CHECKING:
    from capture.recorder.live_rig import LiveRig

POLL_S = 0.1
FINDERS = max(1, (os.cpu_count() or 1) // 4)
"""Processes that look for the board; they give way to the recorder."""
SOLVE_EVERY_S = 4.0
"""Between the beginnings of two solves, where there are new boards; a solve that takes longer is waited for."""
NEW_PLACE_PX = 12.0
"""A board that moved less in every picture is the same placement again."""
MOST_PLACEMENTS = 200
"""Older ones are forgotten: as many as a whole calibration uses."""


class BoardWatch:
    """`start` and `close` are called by one thread; `state` by any. The rig never waits for it.

    Processes find the board in the frames of one moment after another, as fast as they can; another one solves what is
    there every few seconds.
    """

    def __init__(self, rig: LiveRig, board: Board) -> None:
        """`rig` is open: its devices are described."""
        self._rig, self._board = rig, board
        descriptions = list(rig.descriptions.values())
        self._moments = Moments(descriptions)
        self._streams: dict[str, DeviceStream] = {s.name: s for d in descriptions for s in d.streams}
        self._factory = _factory(descriptions)
        self._views: list[BoardView] = []
        self._sizes: dict[str, tuple[int, int]] = {}
        self._middles: dict[str, Float[np.ndarray, "2"]] = {}
        self._placements, self._searched = 0, 0
        self._solve = LiveSolve()
        self._shown = draw(self._take(), {}, self._solve)
        self._quit = threading.Event()
        self._thread = threading.Thread(target=self._work, name="board watch", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._rig.attach(self._moments)
        self._thread.start()

    def close(self) -> None:
        """Returns when nothing of it runs any more."""
        self._rig.detach(self._moments)
        self._quit.set()
        if self._thread.ident is not None:
            self._thread.join()

    def state(self) -> dict[str, Any]:
        """What the page draws of it, as it was after the last search."""
        return self._shown

    def _work(self) -> None:
        context = multiprocessing.get_context("spawn")
        finder = ProcessPoolExecutor(FINDERS, mp_context=context, initializer=quiet)
        solver = ProcessPoolExecutor(1, mp_context=context, initializer=quiet)
        try:
            self._look(finder, solver)
        except (BrokenProcessPool, CalibrationError, OSError) as error:
            self._shown = {**self._shown, "problem": f"the board is not watched any more: {error}"}
        finally:
            for pool in (finder, solver):
                pool.shutdown(wait=True, cancel_futures=True)

    def _look(self, finder: ProcessPoolExecutor, solver: ProcessPoolExecutor) -> None:
        searching: list[Future[tuple[BoardView | None, tuple[str, tuple[int, int]] | None]]] = []
        drawing: Future[dict[str, Any]] | None = None
        solving: Future[LiveSolve] | None = None
        rested, changed = SOLVE_EVERY_S, False
        while not self._quit.wait(POLL_S):
            rested += POLL_S
            if searching and all(one.done() for one in searching):
                found = [one.result() for one in searching]
                changed |= self._add([v for v, _ in found if v is not None], dict(s for _, s in found if s is not None))
                searching = []
            if not searching and (moment := self._moments.take()) is not None:
                given = [(self._board, self._streams[name], frame.data) for name, frame in moment.items()]
                searching = [finder.submit(search, *one, self._searched) for one in given]
                self._searched += 1
            if solving is not None and solving.done():
                self._solve, solving, changed = solving.result(), None, True
            if drawing is not None and drawing.done():
                self._shown, drawing = drawing.result(), None
            if drawing is None and changed:
                changed = False
                drawing = finder.submit(draw, self._take(), self._factory.cameras, self._solve)
            if solving is None and self._placements > self._solve.placements and rested >= SOLVE_EVERY_S:
                rested, known = 0.0, self._factory
                given = (known.cameras, known.pairs, known.priors, self._placements)
                solving = solver.submit(solve_quickly, self._take(), *given)

    def _add(self, views: list[BoardView], sizes: dict[str, tuple[int, int]]) -> bool:
        """Keeps the views of one moment, unless the board is where it was; whether anything is new."""
        fresh = sizes.keys() - self._sizes.keys()
        self._sizes |= sizes
        middles = {view.camera: view.q.mean(0) for view in views}
        if not views or not is_new_place(self._middles, middles, NEW_PLACE_PX):
            return bool(fresh)
        self._middles |= middles
        self._placements += 1
        self._views += views
        kept = sorted({view.instant for view in self._views})[-MOST_PLACEMENTS:]
        self._views = [view for view in self._views if view.instant >= kept[0]]
        return True

    def _take(self) -> BoardTake:
        return BoardTake(board=self._board, views=tuple(self._views), image_sizes=dict(self._sizes))


def _factory(descriptions: list[DeviceDescription]) -> FactoryRig:
    """The lenses that the devices bring; poses are not used but within a device."""
    models = {description.info.name: description.info.model for description in descriptions}
    cameras = {camera.name: camera for d in descriptions for camera in d.cameras}
    return factory_of(cameras, {name: models[device_of(name)] for name in cameras}, "the devices")
