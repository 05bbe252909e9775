"""The viewer: a page with a session in space and over time, drawn by one thread as its knobs are turned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import viser

from geometry.mesh import TriangleMesh
from humanrig.report.misread import MISREAD, misread
from humanrig.viewing.compared import Compared
from humanrig.viewing.content import EXPECTED, SessionContent
from humanrig.viewing.drawing import OTHER_COLOR, SURFACE_COLOR, Drawing, Drawn
from humanrig.viewing.guard import Guard
from humanrig.viewing.looking import beside, middle
from humanrig.viewing.panel import Panel
from humanrig.viewing.pictures import camera_picture, field_of_view, overlaid, straight
from humanrig.viewing.private_server import PrivateServer
from humanrig.viewing.rig import Rig, wxyz
from humanrig.viewing.wish import EVERYBODY, Wish

PAGE = Path(viser.__file__).parent / "client" / "build" / "index.html"
SKIPPED = 2
"""Pixels of the picture for one of the frustum's, which is small on the screen."""
LONGEST_STEP_S, SHORTEST_STEP_S = 1.0, 0.05
"""Between two instants while playing."""


class Viewer:
    """Serves the page. Use it as a context manager, or `start()` and `close()`."""

    def __init__(
        self,
        content: SessionContent,
        compared: Compared | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        about: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Nothing is served yet. `about` makes lines for the panel, in its own time."""
        self._content, self._compared, self._about = content, compared, about
        self._host, self._port, self._token = host, port, token
        self._turned = threading.Condition()
        self._turns = self._done = 0
        self._closing = False
        self._model = threading.Event()
        self._model_problem = ""
        self.failure: BaseException | None = None
        """An error that nobody expected, which ended the drawing."""
        self.url = ""
        """Where the page is, after `start`."""

    def start(self) -> str:
        """Begins to serve; the page's address. Raises HumanrigError and CaptureError as `Guard` does."""
        self._server = PrivateServer(self._content.session.info.id)
        try:
            self._guard = Guard(PAGE, self._server.place, host=self._host, port=self._port, token=self._token)
            self._build()
            self.url = self._guard.start()
        except BaseException:
            self._server.stop()
            raise
        self._threads = [
            threading.Thread(target=self._run, name="viewer's drawing", daemon=True),
            threading.Thread(target=self._load, name="viewer's body model", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self.url

    def close(self) -> None:
        """Ends the page and its threads."""
        with self._turned:
            self._closing = True
            self._turned.notify_all()
        self._threads[0].join(10)
        self._guard.close()
        self._server.stop()

    def settle(self, timeout_s: float = 30.0) -> bool:
        """Waits until what the knobs say is drawn; whether it is. Also waits for the body model."""
        end = time.monotonic() + timeout_s
        self._model.wait(timeout_s)
        with self._turned:
            return self._turned.wait_for(lambda: self._done == self._turns, max(0.0, end - time.monotonic()))

    @property
    def panel(self) -> Panel:
        """The knobs."""
        return self._panel

    @property
    def content(self) -> SessionContent:
        """What is shown."""
        return self._content

    @property
    def server(self) -> PrivateServer:
        """The scene."""
        return self._server

    def _build(self) -> None:
        """Everything that does not change with the instant, and the first instant's place of looking."""
        server, content = self._server, self._content
        center = middle(content)
        server.scene.configure_default_lights(cast_shadow=False)  # they would cost a phone half its frame rate
        server.scene.add_grid(
            "/floor",
            width=6,
            height=6,
            cell_size=0.5,
            section_size=1.0,
            position=(float(center[0]), float(center[1]), 0.0),
        )
        self._panel = Panel(server, content, self._compared, changed=self._change, look_from=self._look_from)
        self._rig = Rig(server, content.cameras, self._panel.choose_camera)
        self._drawing = Drawing(server, content, self._compared)
        server.initial_camera.look_at = tuple(center)
        server.initial_camera.position = tuple(beside(list(content.cameras.values()), center))
        server.initial_camera.up = (0.0, 0.0, 1.0)
        self._panel.tell_about(self._what_is_missing())

    def _what_is_missing(self) -> list[str]:
        missing = self._content.missing
        return [f"Not there yet: {', '.join(missing)}."] if missing else []

    def _change(self) -> None:
        with self._turned:
            self._turns += 1
            self._turned.notify_all()

    def _look_from(self, event: viser.GuiEvent) -> None:
        camera = self._content.cameras.get(self._panel.wish.camera)
        if camera is None or event.client is None:
            return
        with event.client.atomic():
            event.client.camera.position = tuple(camera.center)
            event.client.camera.wxyz = wxyz(camera)
            event.client.camera.fov = field_of_view(camera)

    def _run(self) -> None:
        """Draws what was wished last; while playing also goes on to the next instant when it is due."""
        due = 0.0
        try:
            while True:
                with self._turned:
                    self._turned.wait_for(
                        lambda: self._closing or self._turns != self._done,
                        max(0.0, due - time.monotonic()) if self._panel.playing else None,
                    )
                    if self._closing:
                        return
                if self._panel.playing and time.monotonic() >= due:
                    due = time.monotonic() + self._step_s()
                    self._panel.step()
                with self._turned:
                    turns = self._turns  # with the step's own turn, which is drawn now
                self._draw(self._panel.wish)
                with self._turned:
                    self._done = turns if self._turns == turns else self._done
                    self._turned.notify_all()
        except BaseException as error:  # whatever it is, nobody may look at a page that has stopped
            self._fail(error)

    def _step_s(self) -> float:
        instants = self._content.instants
        first, second = (self._content.time_s(instants[k]) for k in (0, 1))
        step = 0.1 if first is None or second is None else (second - first)
        return float(np.clip(step / self._panel.speed, SHORTEST_STEP_S, LONGEST_STEP_S))

    def _load(self) -> None:
        """What takes its time: the body model, then what is said of the whole session. The page is there before."""
        try:
            self._load_bodies()
        except EXPECTED as error:
            self._model_problem = str(error)
        except MISREAD as error:
            self._model_problem = misread(error)
        except BaseException as error:
            self._fail(error)
        finally:
            self._model.set()
            self._change()
        try:
            self._panel.tell_about([*self._about(), *self._what_is_missing()])
        except EXPECTED as error:
            self._panel.tell_about([str(error)])
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Ends the viewer with an error; what is thrown while it is being closed is of no interest."""
        with self._turned:
            if not self._closing:
                self.failure = error
            self._closing = True
            self._turned.notify_all()

    def _load_bodies(self) -> None:
        for person in self._content.people:
            if self._content.session.path("body", f"{person}.npz").is_file():
                self._content.body(person, int(self._content.person(person).results.instants[0]))
        if self._compared is not None and self._content.instants:
            for person in self._compared.people:
                self._compared.body(person, self._content.instants[0])

    def _draw(self, wish: Wish) -> None:
        ready = self._model.is_set() and not self._model_problem
        drawn = self._drawing.draw(wish, model_ready=ready)
        if self._model_problem and wish.needs_body_model:
            drawn.problems["body"] = self._model_problem
        elif wish.needs_body_model and not self._model.is_set():
            drawn.lines.append("the body model is being loaded …")
        self._pictures(wish, drawn, ready)
        self._tell(wish, drawn)
        self._server.flush()

    def _pictures(self, wish: Wish, drawn: Drawn, ready: bool) -> None:
        """The chosen camera's picture in the panel and in its frustum."""
        small = large = None
        try:
            if wish.camera and wish.instant is not None:
                found = camera_picture(self._content, wish.camera, wish.instant)
                if found is None:
                    drawn.lines.append(f"{wish.camera} has no frame at this instant")
                else:
                    large = overlaid(*found, self._over(wish, wish.instant, ready))
                    small = straight(*found)[::SKIPPED, ::SKIPPED]
        except EXPECTED as error:
            drawn.problems["picture"] = str(error)
        except MISREAD as error:
            drawn.problems["picture"] = misread(error)
        self._rig.show(wish.rig, wish.camera, small)
        self._panel.show_picture(large)

    def _over(self, wish: Wish, instant: int, ready: bool) -> list[tuple[TriangleMesh, tuple[int, int, int]]]:
        people = self._content.people if wish.person == EVERYBODY else (wish.person,)
        over = []
        if wish.overlay == "surface":
            over = [(self._content.surface(person, instant), SURFACE_COLOR) for person in people]
        elif wish.overlay == "body" and ready:
            over = [(self._content.body(person, instant), self._content.person(person).color) for person in people]
        elif wish.overlay == "other" and ready and self._compared is not None:
            over = [(self._compared.body(person, instant), OTHER_COLOR) for person in self._compared.people]
        return [(mesh, color) for mesh, color in over if mesh is not None]

    def _tell(self, wish: Wish, drawn: Drawn) -> None:
        if wish.instant is None:
            lines = ["This session has no instants yet; run: humanrig reconstruct on it."]
        else:
            seconds = self._content.time_s(wish.instant)
            lines = [f"instant {wish.instant}" + ("" if seconds is None else f", {seconds:.3f} s")]
        problems = dict.fromkeys([*self._content.problems, *drawn.problems.values()])
        self._panel.tell([*lines, *drawn.lines], list(problems), list(drawn.legends.values()))

    def __enter__(self) -> Viewer:
        """The viewer, serving."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self.close()
