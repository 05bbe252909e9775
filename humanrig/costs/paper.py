"""A reconstruction of very many sequences, on paper: hours, terabytes and money, and what limits how fast it can be."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from humanrig.costs.model import CostModel
from humanrig.costs.size import Size
from humanrig.pipeline import STAGES, load_stage

SEQUENCES, FRAMES = 400_000, 60_000_000
"""HuMMan (Cai et al., ECCV 2022, abstract: 1000 subjects, 400k sequences, 60M frames): 150 instants a sequence, if a
frame is one moment of the whole rig."""
COLOR_BYTES, DEPTH_BYTES = 217_095 / (1280 * 720), 120_000 / (640 * 576)
"""Of one pixel as it is recorded: a picture of a real Azure Kinect at 720p (JPEG), a depth image as our codec packs it.
"""
SPREAD = 0.5
"""Of the logarithm of the sequences' lengths: two thirds lie between 0.6 and 1.6 times the median."""
HOUR, MONTH_H, TERA = 3600.0, 730.0, 1e12
Limit = Literal["workers", "longest sequence", "shared folder", "scheduler"]


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What is paid for, and what the place offers. Ask your own; these are usual list prices of rented machines."""

    euros_per_core_hour: float = 0.04
    euros_per_tb_month: float = 20.0
    months: float = 1.0
    """That everything is kept."""
    shared_gb_per_s: float = 10.0
    """All that the shared folder reads and writes, 10⁹ bytes a second."""
    tasks_per_s: float = 100.0
    """What the scheduler gives out: measured for ours, see docs/plan.md."""


@dataclass(frozen=True, kw_only=True)
class StageTotal:
    """One stage of all sequences."""

    stage: str
    core_hours: float
    terabytes: float
    """That it leaves."""
    moved_terabytes: float
    """That it reads and writes."""
    euros: float
    """For the cores."""
    euros_kept: float
    """For keeping what it leaves."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """So many workers."""

    workers: int
    hours: float
    limit: Limit
    """What decides."""
    efficiency: float
    """Share of the workers' time in which they compute."""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """The whole."""

    sequences: int
    size: Size
    """The usual sequence."""
    stages: tuple[StageTotal, ...]
    speeds: tuple[Speed, ...]
    recorded_terabytes: float
    recorded_euros: float
    """For keeping the recordings."""
    longest_hours: float
    """Of the longest sequence on one worker."""
    folder_hours: float
    """That the shared folder needs at least."""
    scheduler_hours: float


def usual_size(instants: int, cameras: int = 10, people: int = 1, color: tuple[int, int] = (1920, 1080)) -> Size:
    """A take of Azure Kinects: NFOV_UNBINNED depth and colour of that size."""
    depth_pixels, color_pixels = cameras * 640 * 576, cameras * color[0] * color[1]
    recorded = instants * (depth_pixels * DEPTH_BYTES + color_pixels * COLOR_BYTES)
    return Size(
        instants=instants,
        depth_streams=cameras,
        color_streams=cameras,
        depth_pixels=depth_pixels,
        color_pixels=color_pixels,
        people=people,
        recorded_bytes=round(recorded),
    )


def on_paper(
    model: CostModel, size: Size, sequences: int, workers: Sequence[int], prices: Prices, spread: float = SPREAD
) -> Paper:
    """The figures for so many sequences whose mean is `size`; their lengths are drawn, the same ones each time."""
    stages = tuple(_total(stage, model, size, sequences, prices) for stage in STAGES)
    one = sum(model.expected(stage, size).seconds for stage in STAGES)
    drawn = np.random.default_rng(0).lognormal(-(spread**2) / 2, spread, sequences)
    seconds = np.sort(one * drawn * sequences / drawn.sum())[::-1]
    folder_h = sum(total.moved_terabytes for total in stages) * TERA / (prices.shared_gb_per_s * 1e9) / HOUR
    scheduler_h = sequences * len(STAGES) / prices.tasks_per_s / HOUR
    recorded = size.recorded_bytes * sequences / TERA
    return Paper(
        sequences=sequences,
        size=size,
        stages=stages,
        speeds=tuple(_speed(n, seconds, folder_h, scheduler_h) for n in workers),
        recorded_terabytes=recorded,
        recorded_euros=recorded * prices.euros_per_tb_month * prices.months,
        longest_hours=float(seconds[0]) / HOUR,
        folder_hours=folder_h,
        scheduler_hours=scheduler_h,
    )


def _total(stage: str, model: CostModel, size: Size, sequences: int, prices: Prices) -> StageTotal:
    cost = model.expected(stage, size)
    core_hours = cost.seconds * sequences / HOUR
    terabytes = cost.disk_bytes * sequences / TERA
    read = _recorded_read(stage, size) + sum(model.expected(n, size).disk_bytes for n in load_stage(stage).needs)
    return StageTotal(
        stage=stage,
        core_hours=core_hours,
        terabytes=terabytes,
        moved_terabytes=terabytes + read * sequences / TERA,
        euros=core_hours * prices.euros_per_core_hour,
        euros_kept=terabytes * prices.euros_per_tb_month * prices.months,
    )


def _recorded_read(stage: str, size: Size) -> float:
    """Bytes of the recording that a stage reads, where nothing is read twice."""
    color = size.color_pixels * COLOR_BYTES
    share = color / max(color + size.depth_pixels * DEPTH_BYTES, 1e-9)
    return size.recorded_bytes * {"masks": 1.0, "clouds": 1.0, "keypoints": share, "texture": share}.get(stage, 0.0)


def _speed(workers: int, seconds: np.ndarray, folder_h: float, scheduler_h: float) -> Speed:
    """Sequences go to the next free worker, the longest first; what else limits is a floor under the time."""
    work_h = float(seconds.sum()) / HOUR
    ends = [0.0] * min(workers, len(seconds))
    for length in seconds.tolist():
        heapq.heapreplace(ends, ends[0] + length)
    computing = max(ends) / HOUR
    longest = float(seconds[0]) / HOUR
    bounds: list[tuple[float, Limit]] = [
        (computing, "longest sequence" if longest >= 0.99 * computing else "workers"),
        (folder_h, "shared folder"),
        (scheduler_h, "scheduler"),
    ]
    hours, limit = max(bounds, key=lambda bound: bound[0])
    return Speed(workers=workers, hours=hours, limit=limit, efficiency=work_h / (workers * hours))
