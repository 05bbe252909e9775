"""Whether what the factory says of the two cameras of a device fits what the boards say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibration.bundle.problem import DevicePair
from calibration.checks import doubtful
from calibration.rig import Verdict, device_of
from calibration.rig_solve.pair_graph import PairGraph
from geometry.rigid import inverse, rotation_angle

WRONG_M, WRONG_RAD = 0.03, np.deg2rad(3.0)
"""Beyond this the boards contradict the factory: five boards give the place to 5 mm and 0.5° before the adjustment."""
LEAST_BOARDS = 5


def believable_pairs(
    graph: PairGraph, pairs: Sequence[DevicePair], lenses: Sequence[str]
) -> tuple[tuple[DevicePair, ...], list[Verdict]]:
    """The pairs of cameras with lenses that no boards contradict, and a word on the others."""
    kept, verdicts = [], []
    ties = {(tie.a, tie.b): tie for tie in graph.ties}
    for pair in pairs:
        if pair.a not in lenses or pair.b not in lenses:
            continue
        tie, T_a_b = ties.get((pair.a, pair.b)), pair.T_a_b
        if tie is None:
            tie, T_a_b = ties.get((pair.b, pair.a)), inverse(pair.T_a_b)
        if tie is not None and tie.agreeing >= LEAST_BOARDS:
            off = inverse(T_a_b) @ tie.T_a_b
            apart, turned = float(np.linalg.norm(off[:3, 3])), float(rotation_angle(off))
            if apart > WRONG_M or turned > WRONG_RAD:
                text = (
                    f"{pair.a} and {pair.b} stand {1e3 * apart:.0f} mm and {np.rad2deg(turned):.1f}° from where their "
                    "factory calibration puts them: it was not used; is it another unit's?"
                )
                verdicts.append(doubtful(device_of(pair.a), text))
                continue
        kept.append(pair)
    return tuple(kept), verdicts
