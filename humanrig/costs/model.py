"""What each stage is expected to cost: measured rows, and the terms that they are explained by."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from humanrig.costs.size import Size
from humanrig.errors import HumanrigError

MEASURED = Path(__file__).with_name("measured.json")
"""Written by `scripts/measure_stage_costs.py`."""
MEGA = 1e-6
FILLED = 40
"""Instants after which what a stage keeps in memory has filled up (`humanrig.registering.person_clouds.KEPT`)."""

FEATURES: dict[str, Callable[[Size], float]] = {
    "once": lambda _: 1.0,
    "frames": lambda size: float(size.instants * (size.depth_streams + size.color_streams)),
    "depth Mpx": lambda size: size.instants * size.depth_pixels * MEGA,
    "color Mpx": lambda size: size.instants * size.color_pixels * MEGA,
    "instant Mpx": lambda size: (size.depth_pixels + size.color_pixels) * MEGA,
    "color images": lambda size: float(size.instants * (size.color_streams - size.alone_streams)),
    "alone images": lambda size: float(size.instants * size.alone_streams),
    "people": lambda size: float(size.instants * size.people),
    "people images": lambda size: float(size.instants * size.people * size.color_streams),
    "people with depth": lambda size: float(size.instants * size.people * (size.depth_streams > 0)),
    "people depth images": lambda size: float(size.instants * size.people * size.depth_streams),
    "video frames": lambda size: float(size.instants * size.video_streams),
    "persons": lambda size: float(size.people),
    "first people": lambda size: float(min(size.instants, FILLED) * size.people),
}
"""What there is to do, counted in the ways that stages depend on it."""
SECONDS = {
    "sync": ("once", "frames", "video frames"),
    "calibrate": ("once",),
    "masks": ("once", "depth Mpx", "color Mpx", "alone images", "people with depth"),
    "clouds": ("once", "depth Mpx", "people with depth"),
    "keypoints": ("once", "color images", "people"),
    "register": ("once", "people", "people with depth"),
    "mesh": ("once", "persons", "people", "people with depth", "people depth images"),
    "texture": ("once", "persons", "people", "people images"),
    "export": ("once", "people"),
    "report": ("once", "people"),
}
MEMORY = {stage: ("once", "instant Mpx", "persons", "first people") for stage in SECONDS} | {
    "register": ("once", "persons", "first people"),
}
"""Images and clouds are not held over a take: what grows with it fills up."""
HELD_BYTES = {"register": 330_000, "mesh": 330_000}
"""What is held of every instant of a person all the same: the body's vertices, twice 6890 · 3 numbers of 8 bytes. Short
takes do not show it beside the images."""
DISK = {
    "sync": ("once", "frames"),
    "calibrate": ("once",),
    "masks": ("color Mpx", "depth Mpx", "people"),
    "clouds": ("depth Mpx", "people with depth"),
    "keypoints": ("people",),
    "register": ("people",),
    "mesh": ("persons", "people", "people with depth"),
    "texture": ("persons", "people"),
    "export": ("persons", "people"),
    "report": ("once", "people"),
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a stage of one session needs, done by one process on one core."""

    seconds: float
    memory_bytes: int
    """The most that its process holds."""
    disk_bytes: int
    """What it leaves in the session."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement of one stage."""

    take: str
    stage: str
    size: Size
    cost: Cost


@dataclass(frozen=True, kw_only=True)
class CostModel:
    """Expected costs: for each stage and quantity so much of each term; least squares over measured rows.

    Weights are never negative, so no session is expected to cost less than a smaller one. Rows count by their relative
    errors: a short take is to be as well known as a long one. No row held more memory than is expected of it.
    """

    weights: Mapping[str, Mapping[str, Mapping[str, float]]]
    """Stage → `seconds`, `memory_bytes` or `disk_bytes` → term → weight."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """Stage → how much longer it takes here than where the table was measured; 1 where nothing is known."""

    @classmethod
    def fit(cls, rows: Iterable[Row]) -> CostModel:
        """The model that explains the rows. Raises HumanrigError where a stage was never measured."""
        known = list(rows)
        weights = {}
        for stage in SECONDS:
            mine = [row for row in known if row.stage == stage]
            if not mine:
                raise HumanrigError(f"the table of costs has no row of the stage {stage}; measure it again")
            weights[stage] = {
                quantity: _weights(
                    terms[stage], [row.size for row in mine], [float(getattr(row.cost, quantity)) for row in mine]
                )
                for quantity, terms in (("seconds", SECONDS), ("memory_bytes", MEMORY), ("disk_bytes", DISK))
            }
            held = [row.cost.memory_bytes / _sum(weights[stage]["memory_bytes"], row.size) for row in mine]
            weights[stage]["memory_bytes"] = {t: w * max(held) for t, w in weights[stage]["memory_bytes"].items()}
            if stage in HELD_BYTES:
                weights[stage]["memory_bytes"]["people"] = float(HELD_BYTES[stage])
        return cls(weights=weights)

    def expected(self, stage: str, size: Size) -> Cost:
        """What a stage costs on a session of that size. Raises HumanrigError for an unknown stage."""
        if stage not in self.weights:
            raise HumanrigError(f"there are no costs of a stage '{stage}'; known are {', '.join(self.weights)}")
        of = {quantity: _sum(weights, size) for quantity, weights in self.weights[stage].items()}
        return Cost(
            seconds=of["seconds"] * self.factors.get(stage, 1.0),
            memory_bytes=round(of["memory_bytes"]),
            disk_bytes=round(of["disk_bytes"]),
        )


def expected(stage: str, size: Size) -> Cost:
    """What a stage costs by the table that comes with the program. Raises HumanrigError for an unknown stage."""
    return shipped().expected(stage, size)


@lru_cache(maxsize=1)
def shipped() -> CostModel:
    """The model of the table that comes with the program."""
    return CostModel.fit(read_rows(MEASURED))


def read_rows(path: Path) -> list[Row]:
    """The rows of a table. Raises HumanrigError when it is missing or damaged."""
    try:
        rows = json.loads(path.read_text())["rows"]
        return [_row(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HumanrigError(
            f"{path} is no table of costs ({error}); measure it: scripts/measure_stage_costs.py"
        ) from None


def _row(values: dict[str, Any]) -> Row:
    cost = Cost(**{name: values[name] for name in ("seconds", "memory_bytes", "disk_bytes")})
    return Row(take=values["take"], stage=values["stage"], size=Size(**values["size"]), cost=cost)


def _sum(weights: Mapping[str, float], size: Size) -> float:
    return float(sum(weight * FEATURES[term](size) for term, weight in weights.items()))


def _weights(terms: tuple[str, ...], sizes: list[Size], values: list[float]) -> dict[str, float]:
    """Least squares of relative errors, by weights of which none is negative."""
    counted = np.array([[FEATURES[term](size) for term in terms] for size in sizes], float)
    floor = max(1e-3 * max(values), 1e-6)
    by_value = 1 / np.maximum(values, floor)
    scale = np.maximum(np.abs(counted * by_value[:, None]).max(0), 1e-12)  # terms of very different units
    found, _ = nnls(counted * by_value[:, None] / scale, np.asarray(values) * by_value)
    return {term: float(weight) for term, weight in zip(terms, found / scale)}
