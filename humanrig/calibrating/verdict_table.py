"""The verdict on a calibrated rig as lines for a terminal, made from the figures that the manifest keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALL_SOLVED, NOTHING_SOLVED, LEFT_OUT = 0, 1, 3
"""Exit codes of `humanrig calibrate`; 2 is wrong usage, as everywhere."""


def exit_code(figures: Mapping[str, Any]) -> int:
    """Whether every camera has a place."""
    return LEFT_OUT if figures["unsolved"] else ALL_SOLVED


def lines_of(figures: Mapping[str, Any]) -> list[str]:
    """A line for each camera, what is doubtful below it, then the rig as a whole."""
    verdicts = figures["verdicts"]
    width = max(len(name) for name in (*figures["cameras"], *figures["unsolved"], "camera")) + 2
    figures_head = f"{'views':>6}{'rms px':>8}{'σ mm':>8}{'σ °':>8}{'at body mm':>12}{'held-out mm':>13}"
    lines = [f"{'camera':<{width}}{'verdict':<10}{figures_head}"]
    for name, camera in figures["cameras"].items():
        doubts = [v["text"] for v in verdicts if v["subject"] == name and not v["good"]]
        lines.append(
            f"{name:<{width}}{'doubtful' if doubts else 'good':<10}{camera.get('views') or 0:>6}"
            f"{_number(camera.get('rms_px'), 3):>8}{_number(camera.get('sigma_mm'), 2):>8}"
            f"{_number(camera.get('sigma_deg'), 3):>8}{_number(camera.get('body_sigma_mm'), 2):>12}"
            f"{_number(camera.get('cross_mm'), 2):>13}"
        )
        lines += [f"{'':<{width}}! {text}" for text in doubts]
    for name, reason in figures["unsolved"].items():
        lines += [f"{name:<{width}}left out", f"{'':<{width}}! {reason}"]
    others = {*figures["cameras"], *figures["unsolved"]}
    lines += [f"{v['subject']}: {'' if v['good'] else '! '}{v['text']}" for v in verdicts if v["subject"] not in others]
    return [*lines, *_whole(figures)]


def _whole(figures: Mapping[str, Any]) -> list[str]:
    held = figures["held_out"]
    lines = []
    if held.get("points"):
        lines.append(
            f"held-out boards: squares within {_number(held['square_mm'], 2)} mm, plane within "
            f"{_number(held['planarity_mm'], 2)} mm, {held['points']} corners of {len(held['instants'])} boards"
        )
    lines += [f"! {text}" for text in figures.get("warnings", [])]
    return lines


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
