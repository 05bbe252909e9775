"""Numbers as colours: one scale for all of them, and its legend."""

from __future__ import annotations

import html
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

UNKNOWN = (150, 150, 150)
"""RGB where there is no number."""
CAMERA_COLORS = np.array(
    [(228, 26, 28), (55, 126, 184), (77, 175, 74), (152, 78, 163), (255, 127, 0), (166, 86, 40), (247, 129, 191),
     (0, 160, 160), (190, 190, 40), (90, 90, 200)], np.uint8
)  # fmt: skip
"""RGB by which cameras are told apart; after the last, the first again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """From 0 to `top` in a unit; what is more has the last colour."""

    title: str
    unit: str
    top: float

    def colors(self, values: Float[np.ndarray, "count"]) -> UInt8[np.ndarray, "count 3"]:
        """RGB of each value, in `unit`; grey where it is NaN. Dark blue is 0, yellow the top (viridis)."""
        values = np.asarray(values, np.float64)
        known = np.isfinite(values)
        level = np.round(255 * np.clip(np.where(known, values, 0.0) / self.top, 0, 1)).astype(np.uint8)
        painted = np.where(known[:, None], _table()[level], np.array(UNKNOWN, np.uint8))
        return painted.astype(np.uint8)

    def legend(self) -> str:
        """A strip of the colours with its numbers, as HTML."""
        steps = ",".join("rgb({},{},{})".format(*color) for color in _table()[np.linspace(0, 255, 9).astype(int)])
        numbers = "".join(f"<span>{self.top * k / 4:g}</span>" for k in range(4))
        return (
            '<div class="legend" style="padding:0.3em 0.9em;font-size:0.8em">'
            f"{html.escape(self.title)}, {html.escape(self.unit)}"
            f'<div style="height:0.8em;border-radius:2px;background:linear-gradient(90deg,{steps})"></div>'
            f'<div style="display:flex;justify-content:space-between">{numbers}<span>≥ {self.top:g}</span></div></div>'
        )


def camera_colors(camera: np.ndarray) -> UInt8[np.ndarray, "count 3"]:
    """RGB of points by the number of the camera that saw each."""
    return CAMERA_COLORS[np.asarray(camera, np.int64) % len(CAMERA_COLORS)]


def _table() -> UInt8[np.ndarray, "256 3"]:
    """RGB of the scale's 256 levels."""
    levels = np.arange(256, dtype=np.uint8)[:, None]
    return np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS), np.uint8)[:, 0, ::-1]
