"""A session's people, clouds and cameras as a piece of HTML that plays by itself: no file beside it, no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final

from capture.session import Session
from humanrig.scene_player.contents import FINEST, Contents, Detail, contents

MOST_BYTES: Final = 3_000_000
"""Of the whole piece. What is packed is made coarser until it is smaller."""
DETAILS: Final = (
    FINEST,
    Detail(shapes=12, texture_rows=512, points=1500),
    Detail(shapes=8, texture_rows=512, points=800),
    Detail(shapes=4, texture_rows=256, points=400),
    Detail(shapes=2, texture_rows=256, points=200),
)
"""From fine to coarse."""
_FRAME_BYTES: Final = 60_000
"""Room for what is around the packed scene: the player, its style, notes."""
_PLAYER: Final = ("scene_gl.js", "scene_player.js", "scene_controls.js")


def embedded_scene(session: Session, *, marked: Mapping[str, str] | None = None) -> str:
    """HTML of the scene: skinned people over time, sampled clouds, cameras; turned by mouse and touch.

    `marked`: cameras (streams or devices) that are drawn in red, each with the reason. Of a session that is not
    finished the piece shows what is there and says what is not. It is smaller than MOST_BYTES; a scene of so many
    people that the coarsest of them are more is not shown, which the piece says.
    """
    shown = contents(session, marked or {})
    if not (shown.clips or shown.instants or shown.cameras):
        return _nothing(shown.notes)
    packed = _smallest_needed(shown)
    if packed is None:
        return _nothing([f"{len(shown.clips)} people take more than {MOST_BYTES / 1e6:.0f} MB", *shown.notes])
    return _page(packed, shown.notes)


def _smallest_needed(shown: Contents) -> bytes | None:
    for detail in DETAILS:
        packed = shown.pack(detail)
        if len(packed) * 4 // 3 + _FRAME_BYTES < MOST_BYTES:
            return packed
    return None


def _nothing(notes: Sequence[str]) -> str:
    said = html.escape(" ".join(notes) or "there is nothing to show yet")
    return f'<p class="humanrig-scene-none">No 3D scene: {said}</p>'


def _page(packed: bytes, notes: Sequence[str]) -> str:
    """The element, its style, the packed scene and the program that plays it.

    Base64 and the program hold no `</script`, so that the page cannot end early; notes are escaped.
    """
    templates = files("humanrig").joinpath("templates")
    style = templates.joinpath("scene_player.css").read_text("utf-8")
    body = templates.joinpath("scene_player.html").read_text("utf-8")
    program = "\n".join(templates.joinpath(name).read_text("utf-8") for name in _PLAYER)
    said = "".join(f"<p class='note'>{html.escape(note)}</p>" for note in dict.fromkeys(notes))
    parts = [
        '<div class="humanrig-scene">',
        f"<style>\n{style}</style>",
        f"{body}{said}",
        f'<script type="application/octet-stream">{base64.b64encode(packed).decode()}</script>',
        f'<script>\n(() => {{\n"use strict";\n{program}',
        "play(document.currentScript.parentElement);\n})();\n</script>",
        "</div>\n",
    ]
    return "\n".join(parts)
