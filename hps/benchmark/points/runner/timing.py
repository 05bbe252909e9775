"""How long a method takes for a cloud: alone and in a batch, on the processor and on a graphics card."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch

from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.prediction_folder import PredictionFolder
from hps.benchmark.prediction import ClipMethod, Method
from hps.points.person_cloud import PersonCloud

ALONE: Final = 8
"""Clouds that are timed one at a time, after one that warms the method up."""
BATCH: Final = 32
ROUNDS: Final = 2
"""Of the batch; the faster one counts, as other programs can only slow it down."""
STEP_S: Final = 0.1
"""Between the clouds of a clip that is timed."""
LONGEST_S: Final = 60.0
"""Once a method has taken so long, it is timed on what it has done."""


def timings(entrant: Entrant, clouds: Sequence[PersonCloud]) -> list[dict[str, Any]]:
    """Milliseconds of wall time a cloud on each device; none of a folder of predictions, nor of a ceiling.

    A method runs on a graphics card when there is one and the method has `on(device)`, which gives it there. One that
    wants clips gets a clip of one, and as the batch a clip of the first cloud over and over.
    """
    if isinstance(entrant.method, PredictionFolder) or entrant.of_samples is not None or not clouds:
        return []
    found = [_timed(entrant.method, clouds, processor())]
    move = cast(Callable[[str], Method | ClipMethod] | None, getattr(entrant.method, "on", None))
    if move is not None and torch.cuda.is_available():
        found.append(_timed(move("cuda"), clouds, torch.cuda.get_device_name(0)))
    return found


def processor() -> str:
    """The processor and the threads that torch uses."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    threads = torch.get_num_threads()
    return f"{name}, {threads} {'thread' if threads == 1 else 'threads'}"


def _timed(method: Method | ClipMethod, clouds: Sequence[PersonCloud], device: str) -> dict[str, Any]:
    begun = time.perf_counter()
    _seconds(method, clouds[:1])
    alone = []
    for number in range(ALONE):
        alone.append(_seconds(method, [clouds[number % len(clouds)]]))
        if time.perf_counter() - begun > LONGEST_S / 2:
            break
    batch = [clouds[0 if isinstance(method, ClipMethod) else number % len(clouds)] for number in range(BATCH)]
    best = float("inf")
    for _ in range(ROUNDS):
        if time.perf_counter() - begun + BATCH * min(alone) > LONGEST_S:
            break
        best = min(best, _seconds(method, batch))
    return {
        "device": device,
        "alone_ms": 1000 * float(np.median(alone)),
        "batch": BATCH,
        "batch_ms": 1000 * best / BATCH if np.isfinite(best) else None,
    }


def _seconds(method: Method | ClipMethod, clouds: Sequence[PersonCloud]) -> float:
    """Of one call; a method that breaks has spent its time too."""
    begun = time.perf_counter()
    with contextlib.suppress(Exception):
        if isinstance(method, ClipMethod):
            method.of_clip(clouds, STEP_S * np.arange(len(clouds)))
        else:
            method(clouds)
    return time.perf_counter() - begun
