"""The methods that come with the benchmark, by the name that `--method` takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hps.benchmark.prediction import ClipMethod, Method
from hps.errors import HpsError


def _mean_pose(option: str) -> Method:
    from hps.points.baselines.mean_pose import MeanPose

    return _without("mean_pose", option, MeanPose)


def _icp(option: str) -> Method:
    from hps.points.baselines.icp import Icp

    return _without("icp", option, Icp)


def _icp_articulated(option: str) -> Method:
    from hps.points.baselines.icp import Icp

    return _without("icp_articulated", option, lambda: Icp(articulated=True))


def _keypoint_free(option: str) -> Method:
    from hps.points.baselines.keypoint_free import KeypointFree

    return _without("keypoint_free", option, KeypointFree)


def _oracle(option: str) -> Method:
    from hps.points.baselines.oracle import Oracle

    return _without("oracle", option, Oracle)


def _direct(option: str) -> Method:
    from hps.points.baselines.network_method import RegressingMethod

    return RegressingMethod.load("direct", option)


def _voting(option: str) -> Method:
    from hps.points.baselines.network_method import RegressingMethod

    return RegressingMethod.load("voting", option)


def _landmarks(option: str) -> Method:
    from hps.points.baselines.estimator_methods import landmarks_method

    return landmarks_method(option)


def _landmarks_fit(option: str) -> Method:
    from hps.points.baselines.estimator_methods import fit_method

    return fit_method(option)


def _estimator(option: str) -> Method:
    from hps.points.baselines.estimator_methods import refine_method

    return refine_method(option)


def _estimator_clip(option: str) -> ClipMethod:
    from hps.points.baselines.estimator_methods import smooth_method

    return smooth_method(option)


def _without(name: str, option: str, make: Callable[[], Method]) -> Method:
    if option:
        raise HpsError(f"the method '{name}' has no choices, but '@{option}' was given; leave it out")
    return make()


SHIPPED: Final[dict[str, Callable[[str], Method | ClipMethod]]] = {
    "mean_pose": _mean_pose,
    "icp": _icp,
    "icp_articulated": _icp_articulated,
    "keypoint_free": _keypoint_free,
    "direct": _direct,
    "voting": _voting,
    "landmarks": _landmarks,
    "landmarks_fit": _landmarks_fit,
    "estimator": _estimator,
    "estimator_clip": _estimator_clip,
    "oracle": _oracle,
}
"""Makers of methods, each called with what stood after @: for networks a file of weights or a size; empty: the weights
that come with the package. Torch and weights are loaded when a method is made. `estimator` is landmarks, fit and
refinement: what `hps.points.load()` gives; `estimator_clip` is the same over time, and the one that wants clips."""
