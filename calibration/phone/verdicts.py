"""What can be said, in words, of a phone that was placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calibration.rig import Verdict

if TYPE_CHECKING:
    from calibration.phone.placement import PhonePlacement

GOOD_M, GOOD_RAD = 0.01, np.deg2rad(0.3)
"""Beyond it a phone's images smear the texture of the others: 3 px at 720p and 2 m."""
STEADY_MM = 4.0
"""Farthest that a still board may wander in ARKit's world: 3.1 mm in a real capture with 1 m of hand-held way."""
LEAST_USED = 0.7
TOLD_OFFSET_S = 0.004


def verdicts_on(placement: PhonePlacement, *, still_board: bool) -> tuple[Verdict, ...]:
    """Of the placement, the drift, the views and the clock."""
    name, path = placement.path.name, placement.path
    verdicts: list[Verdict] = []

    def say(good: bool, text: str) -> None:
        verdicts.append(Verdict(subject=name, good=good, text=text))

    worst = int(placement.sigma_m.argmax())
    middle = 1000 * float(np.median(placement.sigma_m))
    ok = bool(placement.sigma_m[worst] < GOOD_M and placement.sigma_rad.max() < GOOD_RAD)
    text = f"placed to {middle:.1f} mm and {np.rad2deg(np.median(placement.sigma_rad)):.2f} degrees"
    if placement.still:
        text += ", standing still"
    if not ok:
        away = path.seconds[worst] - path.seconds[placement.frames[placement.used]]
        away = float(np.abs(away).min()) if placement.used.any() else float("inf")
        text += (
            f", {1000 * placement.sigma_m[worst]:.0f} mm at worst, {away:.0f} s from the nearest view of the board: "
            "show it the board again at the end of the take"
        )
    say(ok, text)
    drift = 1000 * float(placement.drift_m.max())
    travel = float(path.travel_m[-1])
    say(
        drift < 1000 * GOOD_M,
        f"its own poses drift by up to {drift:.1f} mm over {travel:.1f} m of way and {path.seconds[-1]:.0f} s"
        + ("" if drift < 1000 * GOOD_M else ", which was taken off where the board was seen"),
    )
    if still_board:
        shift = float(np.linalg.norm(placement.board_shift_mm[placement.used], axis=-1).max(initial=0.0))
        say(shift <= STEADY_MM, f"the board stays within {shift:.1f} mm in the phone's own world")
    used, count = int(placement.used.sum()), len(placement.used)
    say(
        used >= LEAST_USED * count,
        f"{used} of {count} views of the board agree"
        + ("" if used >= LEAST_USED * count else ": was the board moved, or is another one described?"),
    )
    if not still_board:
        offset, sigma = placement.time_offset_s, placement.time_offset_sigma_s
        say(
            abs(offset) < max(TOLD_OFFSET_S, 3 * sigma),
            f"its frames are {1000 * offset:+.1f} ms (± {1000 * sigma:.1f}) from where the session's clock has them",
        )
    return tuple(verdicts)
