"""DATASET/report: one page with the statistics, the sheet of samples, and the same as files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2

from hps.synthesis.production.dataset_file import read_dataset_file
from hps.synthesis.production.factory import SHARDS
from hps.synthesis.report.charts import histogram_sheet
from hps.synthesis.report.contact_sheet import PASSES, contact_sheet
from hps.synthesis.report.page import report_page
from hps.synthesis.report.statistics import statistics, write_statistics

REPORT: Final = "report"
SAMPLES: Final = 48
JPEG_QUALITY: Final = 88


def write_report(folder: Path, on_progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Writes index.html, statistics.json, statistics.png and, with finished images and labels, samples.jpg.

    The folder appears whole in the place of a former report. Returns the statistics. Raises HpsError when the data
    set's tables or labels cannot be read, or the disk is full (OSError).
    """
    info = read_dataset_file(folder)
    found = statistics(folder)
    partial = folder / f".{REPORT}.part{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        write_statistics(partial / "statistics.json", found)
        _write_picture(partial / "statistics.png", histogram_sheet(found))
        sheet = _both_are_there(folder)
        if sheet:
            _write_picture(partial / "samples.jpg", contact_sheet(folder, SAMPLES, on_progress=on_progress))
        (partial / "index.html").write_text(report_page(folder, info.software, found, sheet), "utf-8")
        _plotly(partial)
        shutil.rmtree(folder / REPORT, ignore_errors=True)
        partial.replace(folder / REPORT)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return found


def _both_are_there(folder: Path) -> bool:
    return all(any((folder / SHARDS).glob(f"*.{name}.json")) for name in PASSES)


def _write_picture(path: Path, picture: Any) -> None:
    choices = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else []
    ok, content = cv2.imencode(path.suffix, picture[..., ::-1], choices)
    assert ok
    path.write_bytes(content.tobytes())


def _plotly(folder: Path) -> None:
    from plotly.offline import get_plotlyjs

    (folder / "plotly.min.js").write_text(get_plotlyjs(), "utf-8")
