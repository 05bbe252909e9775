"""Writes what a benchmark found: results.json, results.md, the error of every cloud, and the gallery."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from geometry.camera_files.writing import write_json, write_text
from hps.benchmark.points.report.gallery import GalleryCase, write_gallery
from hps.benchmark.points.report.markdown import markdown
from hps.benchmark.points.runner.run import BenchmarkRun

RESULTS: Final = "results.json"
TABLES: Final = "results.md"
ERRORS: Final = "errors"


def write_results(folder: Path, results: dict[str, Any], run: BenchmarkRun, cases: Sequence[GalleryCase]) -> None:
    """Writes all files into `folder`; each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RESULTS, results)
    write_text(folder / TABLES, markdown(results))
    for entrant, table in zip(run.entrants, run.tables):
        columns: dict[str, Any] = {
            "key": run.facts.keys,
            "subject": run.facts.subjects,
            **{name: np.asarray(values) for name, values in run.facts.attributes.items() if name != "subject"},
            **table.errors,
            "confidence": table.confidence,
            "refused": table.refused,
        }
        path = folder / ERRORS / f"{entrant.folder_name}.parquet"
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        pq.write_table(pa.table(columns), part)
        part.replace(path)
    write_gallery(cases, folder)
