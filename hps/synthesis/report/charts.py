"""Histograms of a data set's statistics: interactive ones for the page, one picture of all for documents."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import UInt8

COLOR: Final = "#3b6ea5"
_LAYOUT: Final = {"height": 240, "margin": {"l": 45, "r": 10, "t": 34, "b": 40}, "template": "simple_white"}
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_GREY, _BLUE, _BLACK = (150, 150, 150), (165, 110, 59), (40, 40, 40)
"""Blue, green, red, as OpenCV draws."""


def histogram_html(told: dict[str, Any]) -> str:
    """One distribution of `statistics` as a part of a page that has plotly."""
    import plotly.graph_objects as go
    import plotly.io

    edges = np.array(told["edges"])
    bars = go.Bar(x=(edges[1:] + edges[:-1]) / 2, y=told["counts"], width=np.diff(edges), marker_color=COLOR)
    figure = go.Figure(bars)
    figure.update_layout(**_LAYOUT, title={"text": told["title"], "font": {"size": 14}}, bargap=0.02)
    figure.update_xaxes(title=told["unit"], range=[edges[0], edges[-1]])
    shown = {"full_html": False, "include_plotlyjs": False, "config": {"displaylogo": False}}
    return plotly.io.to_html(figure, validate=False, **shown)


def histogram_sheet(
    found: dict[str, Any], columns: int = 5, width: int = 320, height: int = 200
) -> UInt8[np.ndarray, "rows columns 3"]:
    """All distributions in one picture, sRGB."""
    tiles = [_tile(told, width, height) for told in found["distributions"].values()]
    tiles += [np.full((height, width, 3), 255, np.uint8)] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[n : n + columns], 1) for n in range(0, len(tiles), columns)]
    return np.ascontiguousarray(np.concatenate(rows)[..., ::-1])


def _tile(told: dict[str, Any], width: int, height: int) -> np.ndarray:
    tile = np.full((height, width, 3), 255, np.uint8)
    left, right, top, bottom = 14, width - 14, 44, height - 40
    counts = np.array(told["counts"], np.float64)
    tops = bottom - (bottom - top) * counts / max(counts.max(initial=0), 1)
    sides = np.linspace(left, right, len(counts) + 1)
    for low, high, y in zip(sides[:-1], sides[1:], tops):
        if y < bottom:
            cv2.rectangle(tile, (round(low) + 1, round(y)), (round(high) - 1, bottom), _BLUE, -1)
    cv2.line(tile, (left, bottom), (right, bottom), _GREY, 1)
    for value, x in ((told["edges"][0], left), (told["edges"][-1], right)):
        _text(tile, f"{value:g}", (x, bottom + 14), 0.38, align=0.0 if x == left else 1.0)
    _text(tile, _ascii(f"{told['title']}, {told['unit']}"), (left, 18), 0.45)
    if told["count"]:
        words = f"{told['least']:.3g} | {told['p5']:.3g}  {told['median']:.3g}  {told['p95']:.3g} | {told['most']:.3g}"
        _text(tile, words, (width // 2, bottom + 30), 0.4, align=0.5)
    return tile


def _text(tile: np.ndarray, text: str, at: tuple[int, int], size: float, align: float = 0.0) -> None:
    long = cv2.getTextSize(text, _FONT, size, 1)[0][0]
    cv2.putText(tile, text, (round(at[0] - align * long), at[1]), _FONT, size, _BLACK, 1, cv2.LINE_AA)


def _ascii(text: str) -> str:
    """OpenCV's letters have neither degrees nor squares."""
    return text.replace("°", "deg").replace("m²", "m2")
