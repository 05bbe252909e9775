"""How near a method's bodies are to the points of a camera that was kept from it: needs no truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from hps.benchmark.points.runner.answering import answers
from hps.benchmark.points.runner.cloud_facts import CloudFacts
from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.posed_rows import benchmark_model, posed_rows
from hps.datasets.cloud_sample import CloudSample
from hps.metrics.held_out import held_out_distance, split_by_camera
from hps.points.person_cloud import PersonCloud

MOST: Final = 96
"""Clouds that are asked again without one camera; the first of each part of the set come first."""
LEAST_POINTS: Final = 100
"""Of each side."""
MARK: Final = "~without_c"
"""Between a cloud's key and the camera that it lacks."""
FILE: Final = "held_out.npz"


class HeldOutCameras:
    """Collects clouds of several cameras, then asks every entrant for them without their last camera."""

    def __init__(self, entrants: Sequence[Entrant], folder: Path, most: int = MOST) -> None:
        """`folder`: of the predictions."""
        self._entrants, self._folder, self._most = entrants, folder, most
        self._seen: list[CloudSample] = []
        self._kept: list[PersonCloud] = []
        self._by_kind: dict[str, int] = {}
        self.medians_mm: tuple[np.ndarray, ...] = ()
        self.facts: CloudFacts | None = None

    def offer(self, samples: Sequence[CloudSample]) -> None:
        """Takes those whose points come from two known cameras or more, an equal number of each number of cameras."""
        for sample in samples:
            cameras, counts = np.unique(sample.cloud.camera, return_counts=True)
            if len(cameras) < 2 or cameras[0] < 0:
                continue
            kind = f"{len(cameras)}"
            held = int(cameras[-1])
            out = int(counts[-1])
            full = self._by_kind.get(kind, 0) >= self._most // 3
            if full or len(self._seen) >= self._most or min(out, len(sample.cloud) - out) < LEAST_POINTS:
                continue
            seen, kept = split_by_camera(sample.cloud, [held])
            self._by_kind[kind] = self._by_kind.get(kind, 0) + 1
            self._seen.append(replace(sample, key=f"{sample.key}{MARK}{held}", cloud=seen))
            self._kept.append(kept)

    def finish(self) -> None:
        """Asks, and measures the median distance of the kept points from each body, mm; NaN where there is none."""
        if not self._seen:
            return
        faces = np.asarray(benchmark_model().faces)
        found: list[np.ndarray] = []
        for entrant in self._entrants:
            table = answers(entrant, self._seen, self._folder / entrant.folder_name / FILE)
            bodies = posed_rows([table[row].parameters for row in range(len(table))])
            medians = np.full(len(table), np.nan)
            for row, kept in enumerate(self._kept):
                if np.isfinite(bodies.vertices[row]).all():
                    medians[row] = held_out_distance(kept, bodies.vertices[row].astype(np.float64), faces).median_mm
            found.append(medians)
        self.medians_mm = tuple(found)
        self.facts = CloudFacts.of(self._seen)
