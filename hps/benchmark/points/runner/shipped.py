"""The methods that ship with the benchmark, by name."""

from __future__ import annotations

from hps.benchmark.points.runner.entrant import Maker
from hps.benchmark.prediction import Method


def shipped_methods() -> dict[str, Maker]:
    """Makers by name, in the order of tables."""
    return {
        "landmarks": _landmarks,
        "landmarks_fit": _fit,
        "estimator": _estimator,
        "direct": _direct,
        "voting": _voting,
    }


def _landmarks(option: str) -> Method:
    from hps.points.baselines.estimator_methods import landmarks_method

    return landmarks_method(option)


def _fit(option: str) -> Method:
    from hps.points.baselines.estimator_methods import fit_method

    return fit_method(option)


def _estimator(option: str) -> Method:
    from hps.points.baselines.estimator_methods import refine_method

    return refine_method(option)


def _direct(option: str) -> Method:
    from hps.points.baselines.network_method import RegressingMethod

    return RegressingMethod.load("direct", option)


def _voting(option: str) -> Method:
    from hps.points.baselines.network_method import RegressingMethod

    return RegressingMethod.load("voting", option)
