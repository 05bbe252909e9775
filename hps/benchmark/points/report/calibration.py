"""Whether a method is as sure of its joints as it may be: all clouds, and by distance from the mean pose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float

from hps.benchmark.points.runner.error_table import ErrorTable
from hps.metrics.calibration.report import calibration_report

LEAST: Final = 3
"""Clouds with a stated sigma, at least."""


def calibration_of(
    tables: Sequence[ErrorTable], groups: dict[str, Bool[np.ndarray, "clouds"]]
) -> dict[str, Any] | None:
    """The report on all clouds and runs together, and coverage and ECE of each group; None from a method without sigma.

    groups: some of the clouds each, by name.
    """
    whole = _told(tables, np.ones(len(tables[0]), bool), curves=True)
    if whole is None:
        return None
    parts = {name: _told(tables, which, curves=False) for name, which in groups.items()}
    return whole | {"groups": {name: told for name, told in parts.items() if told is not None}}


def _told(tables: Sequence[ErrorTable], which: Bool[np.ndarray, "clouds"], *, curves: bool) -> dict[str, Any] | None:
    error = np.concatenate([(table.joints - table.true_joints)[which] for table in tables])
    sigma = np.concatenate([table.joint_sigma[which] for table in tables])
    there = np.asarray(np.isfinite(error).all((1, 2)) & np.isfinite(sigma).all(1))
    if there.sum() < LEAST:
        return None
    told = calibration_report(error[there], sigma[there])
    found: dict[str, Any] = {
        "clouds": int(there.sum()), "sigma_mm": told.sigma_mm, "rms_mm": told.rms_mm, "coverage": told.coverage,
        "ball": told.ball, "ece_mm": told.ece_mm, "ence": told.ence, "calibration_error": told.calibration_error,
        "nll": told.nll, "pearson": told.pearson, "spearman": told.spearman, "ause_mm": told.ause_mm,
        "relative_ause": told.relative_ause, "conformal_factor_90": told.conformal_factor_90,
    }  # fmt: skip
    if curves:
        bins, curve = told.bins, told.curve
        found |= {
            "bins": {"stated": _list(bins.stated), "true": _list(bins.true), "count": [int(n) for n in bins.count]},
            "sparsification": {
                "left_out": _list(curve.left_out),
                "by_doubt": _list(curve.by_doubt),
                "by_error": _list(curve.by_error),
            },
        }
    return found


def _list(values: Float[np.ndarray, "values"]) -> list[float]:
    return [float(value) for value in values]
