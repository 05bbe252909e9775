"""The knobs of the page. Everybody who looks turns the same ones."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from viser import ViserServer

from humanrig.viewing.coloring import Scale
from humanrig.viewing.compared import Compared
from humanrig.viewing.content import SessionContent
from humanrig.viewing.pictures import WIDTH
from humanrig.viewing.wish import BODY_COLORS, CLOUD_COLORS, EVERYBODY, OVERLAYS, SURFACE_LOOKS, Wish

NO_CAMERA = "none"
SPEEDS = ("1", "1/2", "1/4", "1/8")
EMPTY = np.full((2, WIDTH, 3), 255, np.uint8)


class Panel:
    """Builds the knobs that the session has a use for; `wish` reads them."""

    def __init__(
        self,
        server: ViserServer,
        content: SessionContent,
        compared: Compared | None,
        *,
        changed: Callable[[], None],
        look_from: Callable[[Any], None],
    ) -> None:
        """`changed` is called after every turn of a knob, `look_from` with the page whose button was pressed."""
        self._gui, self._content, self._compared, self._changed = server.gui, content, compared, changed
        self._knobs: dict[str, Any] = {}
        self._by_words: dict[str, dict[str, str]] = {}
        self.playing = False
        self._time(content.instants)
        self._said = self._gui.add_html("")
        self._legend = self._gui.add_html("", visible=False)
        self._tabs = self._gui.add_panel()  # apart from the time: on a phone it begins folded
        self._tabs.float(x=15, y=-15, width=380)
        self._show()
        if compared is not None:
            self._compare(compared)
        self._camera(look_from)
        with self._tabs.add_tab("About"):
            self._about = self._gui.add_html("")

    @property
    def wish(self) -> Wish:
        """What the knobs say now."""
        return Wish(instant=self.instant, **{name: self._value(name) for name in self._knobs})

    @property
    def instant(self) -> int | None:
        """Number of the chosen instant."""
        instants = self._content.instants
        if not instants:
            return None
        return instants[self._place]

    @property
    def _place(self) -> int:
        """Of the slider's instant. A page may send any number."""
        place = 0 if self.slider is None else int(self.slider.value)
        return min(max(place, 0), len(self._content.instants) - 1)

    @property
    def speed(self) -> float:
        """Of playing; 1: as it was recorded."""
        one, _, parts = (self._speed.value if self._speed.value in SPEEDS else SPEEDS[0]).partition("/")
        return float(one) / float(parts or 1)

    def step(self) -> None:
        """To the next instant, from the last to the first."""
        if self.slider is not None:
            self.slider.value = (self._place + 1) % len(self._content.instants)

    def play(self, playing: bool) -> None:
        """Starts or stops."""
        self.playing = playing and self.slider is not None
        self._play.label = "Pause" if self.playing else "Play"
        self._changed()

    def choose_camera(self, stream: str) -> None:
        """As if it had been chosen in the panel."""
        self._knobs["camera"].value = stream
        self._changed()

    def tell(self, lines: Sequence[str], problems: Sequence[str], scales: Sequence[Scale]) -> None:
        """Says what belongs to the instant, what cannot be shown, and what the colours mean."""
        _put(self._said, _paragraphs(lines) + _paragraphs(problems, "color:#b00020"))
        _put(self._legend, "".join(scale.legend() for scale in scales))
        if self._legend.visible != bool(scales):
            self._legend.visible = bool(scales)

    def tell_about(self, lines: Sequence[str]) -> None:
        """Says what belongs to the whole session."""
        _put(self._about, _paragraphs(lines))

    @property
    def said(self) -> str:
        """What is told of the instant, as HTML."""
        return self._said.content

    def show_picture(self, picture: np.ndarray | None) -> None:
        """The camera's picture, or none."""
        self.picture.visible = picture is not None
        if picture is not None:
            self.picture.image = picture

    def _time(self, instants: list[int]) -> None:
        self.slider = None
        if len(instants) > 1:
            self.slider = self._gui.add_slider("instant", 0, len(instants) - 1, 1, 0)
            self.slider.on_update(lambda _: self._changed())
        self._play = self._gui.add_button("Play", visible=self.slider is not None)
        self._play.on_click(lambda _: self.play(not self.playing))

    def _show(self) -> None:
        content = self._content
        surface, body, clouds = content.has("mesh"), content.has("body"), content.has_clouds
        keypoints = content.has("keypoints")
        comparing = self._compared is not None
        with self._tabs.add_tab("Show"):
            self._box("rig", "rig", bool(content.cameras), True)
            self._box("cloud", "cloud", clouds, not surface and not body)
            self._box("body", "body", body, comparing or not surface)
            self._box("surface", "surface", surface, not comparing)
            self._box("keypoints", "keypoints", keypoints, not (surface or body or clouds))
            if len(content.people) > 1:
                self._choice("person", "people", {name: name for name in (EVERYBODY, *content.people)})
        with self._tabs.add_tab("Colours"):
            if clouds:
                names = {"seen", "camera", "sigma", *(["body"] if body else []), *(["surface"] if surface else [])}
                self._choice("cloud_colors", "cloud", {k: v for k, v in CLOUD_COLORS.items() if k in names})
            if body:
                names = {"person", "sigma", *(["other"] if comparing else [])}
                self._choice("body_colors", "body", {k: v for k, v in BODY_COLORS.items() if k in names})
            if surface and content.has_texture:
                self._choice("surface_look", "surface", SURFACE_LOOKS)
            self._knobs["top_mm"] = self._gui.add_slider("scale, mm", 5.0, 100.0, 5.0, 20.0)
            self._knobs["top_mm"].on_update(lambda _: self._changed())
            self._speed = self._gui.add_dropdown("speed", SPEEDS)

    def _camera(self, look_from: Callable[[Any], None]) -> None:
        content = self._content
        streams = [name for name in content.session.of_kind("color") if name in content.cameras]
        with self._tabs.add_tab("Camera"):
            self._choice("camera", "picture", {"": NO_CAMERA} | {name: name for name in streams})
            over = {"nothing"} | {one for one, folder in (("body", "body"), ("surface", "mesh")) if content.has(folder)}
            over |= {"other"} if self._compared is not None else set()
            self._choice("overlay", "over it", {k: v for k, v in OVERLAYS.items() if k in over})
            if "body" in over:
                self._knobs["overlay"].value = OVERLAYS["body"]
            self.picture = self._gui.add_image(EMPTY, format="jpeg", jpeg_quality=80, visible=False)
            button = self._gui.add_button("Look from there")
            button.on_click(look_from)

    def _compare(self, compared: Compared) -> None:
        with self._tabs.add_tab("Compared"):
            self._box("other", compared.name, True, True)
            self._knobs["apart_m"] = self._gui.add_slider("apart, m", 0.0, 2.0, 0.1, 0.0)
            self._knobs["apart_m"].on_update(lambda _: self._changed())
            self._gui.add_html(_paragraphs([compared.note]))

    def _box(self, name: str, label: str, there: bool, on: bool) -> None:
        if there:
            self._knobs[name] = self._gui.add_checkbox(label, on)
            self._knobs[name].on_update(lambda _: self._changed())

    def _choice(self, name: str, label: str, words: dict[str, str]) -> None:
        self._by_words[name] = {text: key for key, text in words.items()}
        self._knobs[name] = self._gui.add_dropdown(label, tuple(words.values()))
        self._knobs[name].on_update(lambda _: self._changed())

    def _value(self, name: str) -> Any:
        value = self._knobs[name].value
        if name in self._by_words:
            words = self._by_words[name]
            return words.get(value, next(iter(words.values())))  # a page may send any word
        return value if isinstance(value, bool) else float(value)  # a page may send 20 for 20.0


def _put(handle: Any, content: str) -> None:
    """Sends nothing where nothing changed."""
    if handle.content != content:
        handle.content = content


def _paragraphs(lines: Sequence[str], style: str = "") -> str:
    """As HTML. Words are words: they may come from files of others."""
    margin = f"padding:0.1em 0.9em;font-size:0.85em;overflow-wrap:anywhere;{style}"
    return "".join(f'<div style="{margin}">{html.escape(line)}</div>' for line in lines)
