"""Asks a method about clouds in batches; clouds that nobody should answer are refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hps.benchmark.prediction import Prediction
from hps.errors import HpsError
from hps.points.cloud_checks import check_cloud
from hps.points.person_cloud import PersonCloud

AT_ONCE: Final = 32
"""Clouds in one batch: more is no faster on a processor."""


def asked(
    clouds: Sequence[PersonCloud], answer: Callable[[list[PersonCloud]], list[Prediction]], at_once: int = AT_ONCE
) -> list[Prediction]:
    """One prediction for each cloud, in their order. `answer` sees only clouds that pass `check_cloud`."""
    found: dict[int, Prediction] = {}
    fit: list[int] = []
    for row, cloud in enumerate(clouds):
        try:
            check_cloud(cloud)
            fit.append(row)
        except HpsError as error:
            found[row] = Prediction(refused=str(error))
    for first in range(0, len(fit), at_once):
        rows = fit[first : first + at_once]
        found |= zip(rows, answer([clouds[row] for row in rows]), strict=True)
    return [found[row] for row in range(len(clouds))]
