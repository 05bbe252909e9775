"""A solved rig in words: what is good, what is weak, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.board_view import BoardTake
from calibration.checks import doubtful, good
from calibration.rig import Verdict, device_of
from calibration.rig_solve.pair_graph import PairGraph
from calibration.rig_solve.result import CameraQuality, HeldOut, MovedCamera

WEAK_MM = 1.0
"""Standard deviation at the body beyond which a camera is weak: with corners of 0.1 px and 180 boards, the cameras of a
ring of ten have 0.1 to 0.3 mm."""
CROSS_MM = 2.0
"""Disagreement with the other cameras on boards that nobody solved with: sigma and the noise of one view, doubled."""
SQUARE_MM, SCALE = 1.0, 1e-3
"""Of triangulated squares: corners of 0.1 px make 0.4 mm at 2 m; a sheet of paper is true to a thousandth."""
LOST_PART = 0.2
"""Views left out, of all, beyond which something is wrong with the camera."""
FEW_BOARDS = 8
"""Common boards below which a pair is called weakly tied."""


def camera_verdicts(
    quality: Mapping[str, CameraQuality], held_out: HeldOut, views_left_out: Mapping[str, int]
) -> list[Verdict]:
    """One or two for each solved camera."""
    verdicts = []
    for name, one in quality.items():
        cross = held_out.cross_mm.get(name, float("nan"))
        rests = f"{one.views} boards" if one.views else "placed by its device alone"
        said = f"{one.body_sigma_mm:.1f} mm and {one.sigma_deg:.3f}° at the body ({rests})"
        if np.isfinite(cross):
            said += f"; held-out boards {cross:.1f} mm from where the other devices see them"
        advice = []
        if one.views and one.body_sigma_mm > WEAK_MM:
            weak = f"weakly tied to {device_of(one.weakest)} ({one.weakest_boards} common boards)"
            advice.append(
                f"{weak}: wave the board between them"
                if one.weakest and one.weakest_boards < FEW_BOARDS
                else "show it more boards, near and far, and tilted"
            )
        if not one.views and one.body_sigma_mm > WEAK_MM:
            advice.append("show the board to its own infrared or colour images")
        if cross > CROSS_MM:
            advice.append("it disagrees with the others: look at its residuals, and whether it was touched")
        verdicts.append((doubtful if advice else good)(name, "; ".join([said, *advice])))
        lost = views_left_out.get(name, 0)
        if lost > LOST_PART * (lost + one.views):
            text = f"{lost} of {lost + one.views} views contradict all others and were left out: look at its images"
            verdicts.append(doubtful(name, text))
    return verdicts


def not_solved(camera: str, reason: str) -> Verdict:
    """Of a camera without a place."""
    return doubtful(camera, f"not solved: {reason}")


def rig_verdicts(held_out: HeldOut, boards: int) -> list[Verdict]:
    """On the rig as a whole."""
    if not held_out.points:
        return [doubtful("rig", f"{boards} boards, none left to judge by: record more, seen by two devices at once")]
    text = (
        f"{len(held_out.instants)} held-out boards: squares true to {held_out.square_mm:.2f} mm "
        f"(scale {held_out.scale:.4f}), flat to {held_out.planarity_mm:.2f} mm"
    )
    fine = held_out.square_mm <= SQUARE_MM and abs(held_out.scale - 1) <= SCALE
    advice = "" if fine else "; more than corners err: look for a bent board, a wrong square size or a moved camera"
    return [(good if fine else doubtful)("rig", text + advice)]


def moved_verdicts(moved: Sequence[MovedCamera], left_out: Mapping[str, int]) -> list[Verdict]:
    """On cameras that were pushed."""
    verdicts = []
    for one in moved:
        when = f"instant {one.instant}" + ("" if one.time_us is None else f" ({one.time_us / 1e6:.1f} s)")
        other = "before" if one.kept == "after" else "after"
        text = (
            f"moved by {one.shift_mm:.1f} mm and {one.turn_deg:.2f}° before {when}; "
            f"solved for its place {one.kept}, its {left_out.get(one.camera, 0)} views {other} were left out"
        )
        verdicts.append(doubtful(one.camera, text))
    return verdicts


def missing_tie(names: frozenset[str], solved: frozenset[str], graph: PairGraph, take: BoardTake) -> str:
    """Why cameras were not solved with the others, and the pair that would tie them: the two that saw the board
    nearest in time to each other stand nearest, as the board was carried from one to the other."""
    when = {name: np.array([v.instant for v in take.of_camera(name)]) for name in names | solved}
    nearest = min(
        (
            (int(np.abs(when[a][:, None] - when[b][None]).min()), a, b)
            for a in sorted(names)
            for b in sorted(solved)
            if len(when[a]) and len(when[b])
        ),
        default=None,
    )
    if nearest is None:
        return "the board was never seen by it: show it the board together with another camera"
    group = sorted({device_of(name) for name in names})
    _, a, b = nearest
    who = "it" if len(group) == 1 else ", ".join(group)
    return (
        f"no board was seen by {who} and the others at once: wave the board between {device_of(a)} and {device_of(b)}"
    )
