"""A picture of a reconstruction on paper: time over workers with what limits it, and what each stage costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from humanrig.costs.paper import Paper

WIDTH, HEIGHT = 1280, 560
INK, GREY, PALE, BLUE, RED, SAND = "#222222", "#777777", "#dddddd", "#2f6db3", "#c23b30", "#d9b36c"
CURVE = (90, 70, 640, 470)
"""Left, top, right and bottom of the axes."""
BARS = (800, 70, 1210, 470)


def write_picture(paper: Paper, path: Path) -> None:
    """Writes a PNG, whole or not at all."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    title = f"{paper.sequences:,} sequences of {paper.size.instants} instants, {paper.size.depth_streams} depth cameras"
    draw.text((CURVE[0], 16), title, INK, _font(20))
    _curve(draw, paper)
    _bars(draw, paper)
    partial = path.with_name(f".{path.stem}.partial.png")
    image.save(partial)
    partial.replace(path)


def _curve(draw: ImageDraw.ImageDraw, paper: Paper) -> None:
    work = sum(total.core_hours for total in paper.stages)
    workers = np.array([speed.workers for speed in paper.speeds], float)
    hours = np.array([speed.hours for speed in paper.speeds])
    low_n, high_n = np.log10(workers.min()), np.log10(max(workers.max(), workers.min() * 10))
    floors = [paper.longest_hours, paper.folder_hours, paper.scheduler_hours]
    low_h = np.floor(np.log10(min(*floors, hours.min())))
    high_h = np.ceil(np.log10(hours.max()))
    left, top, right, bottom = CURVE

    def x(n: float) -> float:
        return left + (np.log10(n) - low_n) / (high_n - low_n) * (right - left)

    def y(h: float) -> float:
        return bottom - (np.clip(np.log10(h), low_h, high_h) - low_h) / (high_h - low_h) * (bottom - top)

    for power in range(int(low_h), int(high_h) + 1):
        draw.line((left, y(10.0**power), right, y(10.0**power)), PALE)
        draw.text(
            (left - 8, y(10.0**power)), f"{10.0**power:{',.0f' if power >= 0 else 'g'}} h", GREY, _font(13), anchor="rm"
        )
    for n in _thinned(workers.tolist(), 7):
        draw.line((x(n), top, x(n), bottom), PALE)
        draw.text((x(n), bottom + 8), f"{n:,.0f}", GREY, _font(13), anchor="ma")
    draw.text(((left + right) / 2, bottom + 32), "workers (cores)", GREY, _font(14), anchor="ma")
    draw.line([(x(n), y(work / n)) for n in workers], GREY, 1)
    named = (("longest sequence", floors[0]), ("shared folder", floors[1]), ("scheduler", floors[2]))
    for name, floor in named:
        draw.line((left, y(floor), right, y(floor)), SAND, 2)
        draw.text((left + 8, y(floor) - 3), f"{name}: {_hours(floor)}", INK, _font(13), anchor="ld")
    draw.line([(x(n), y(h)) for n, h in zip(workers, hours)], BLUE, 3)
    for n, h, speed in zip(workers, hours, paper.speeds):
        color = BLUE if speed.limit == "workers" else RED
        draw.ellipse((x(n) - 5, y(h) - 5, x(n) + 5, y(h) + 5), color)
    told = "blue: the workers limit; red: something else does; grey: without any limit"
    draw.text((left, bottom + 58), told, GREY, _font(13))


def _bars(draw: ImageDraw.ImageDraw, paper: Paper) -> None:
    left, top, right, bottom = BARS
    most = max(total.core_hours for total in paper.stages)
    room = (bottom - top) / len(paper.stages)
    draw.text((left - 90, top - 24), "stage", GREY, _font(13))
    draw.text((left, top - 24), "core hours", GREY, _font(13))
    draw.text((right, top - 24), "left on disk", GREY, _font(13), anchor="ra")
    for n, total in enumerate(paper.stages):
        middle = top + (n + 0.5) * room
        draw.text((left - 90, middle), total.stage, INK, _font(15), anchor="lm")
        length = total.core_hours / most * (right - left - 190)
        draw.rectangle((left, middle - room * 0.3, left + max(length, 1), middle + room * 0.3), BLUE)
        draw.text((left + length + 8, middle), f"{total.core_hours:,.0f}", INK, _font(14), anchor="lm")
        draw.text((right, middle), f"{total.terabytes:,.1f} TB", INK, _font(14), anchor="rm")
    money = sum(total.euros for total in paper.stages)
    hours = sum(total.core_hours for total in paper.stages)
    told = f"all: {hours:,.0f} core hours, {money:,.0f} EUR; recordings {paper.recorded_terabytes:,.0f} TB"
    draw.text((left - 90, bottom + 32), told, INK, _font(15))


def _thinned(values: Sequence[float], most: int) -> Sequence[float]:
    return values[:: -(-len(values) // most)]


def _hours(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:,.1f} h" if hours < 100 else f"{hours:,.0f} h"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
