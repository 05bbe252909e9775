"""DATASET/report: one page with the statistics, the sheet of samples, and the same as files."""

from __future__ import annotations

import html
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2

from hps.synthesis.production.dataset_file import read_dataset_file
from hps.synthesis.production.dataset_manifest import NAME as MANIFEST
from hps.synthesis.production.factory import SHARDS
from hps.synthesis.report.charts import histogram_html, histogram_sheet
from hps.synthesis.report.contact_sheet import contact_sheet
from hps.synthesis.report.published import beside_published
from hps.synthesis.report.statistics import statistics, write_statistics

REPORT: Final = "report"
SAMPLES: Final = 48
JPEG_QUALITY: Final = 88
_STYLE: Final = """
 body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1400px; padding: 1rem; color: #222; }
 h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } img { max-width: 100%; height: auto; }
 table { border-collapse: collapse; font-size: .9rem; } .note { color: #666; }
 td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
 td.n { text-align: right; font-variant-numeric: tabular-nums; }
 .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: .5rem; }
"""
_HEADINGS: Final = {
    "name": "data set", "people": "people", "body": "age, height, weight", "motions": "motions",
    "pictures": "pictures", "people_in_picture": "people in a picture", "views": "views", "source": "source",
}  # fmt: skip


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
        (partial / "index.html").write_text(_page(folder, info.software, found, sheet), "utf-8")
        _plotly(partial)
        shutil.rmtree(folder / REPORT, ignore_errors=True)
        partial.replace(folder / REPORT)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return found


def _both_are_there(folder: Path) -> bool:
    return all(any((folder / SHARDS).glob(f"*.{name}.json")) for name in ("images", "labels"))


def _write_picture(path: Path, picture: Any) -> None:
    choices = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else []
    ok, content = cv2.imencode(path.suffix, picture[..., ::-1], choices)
    assert ok
    path.write_bytes(content.tobytes())


def _plotly(folder: Path) -> None:
    from plotly.offline import get_plotlyjs

    (folder / "plotly.min.js").write_text(get_plotlyjs(), "utf-8")


def _page(folder: Path, software: str, found: dict[str, Any], sheet: bool) -> str:
    title = html.escape(folder.resolve().name)
    there = " and <a href='../manifest.json'>manifest</a>" if (folder / MANIFEST).is_file() else ""
    parts = [
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>",
        f"<script src='plotly.min.js'></script></head><body><h1>{title}</h1>",
        f"<p class='note'>{html.escape(software)}; <a href='statistics.json'>figures</a>{there}</p>",
        _table(
            ["split", *next(iter(found["splits"].values()))], [[k, *v.values()] for k, v in found["splits"].items()]
        ),
    ]
    if found["flags"]:
        rows = [
            [name, told["says"], told["labels"], f"{100 * told['share']:.1f} %"]
            for name, told in found["flags"].items()
        ]
        parts += ["<h2>Flags</h2>", _table(["flag", "what it says", "labels", "share"], rows)]
    if sheet:
        parts += [
            "<h2>Samples</h2><p class='note'>Outlines of the mask; thick boxes around visible pixels, thin ones around "
            "the whole person; green keypoints are seen, red rings are hidden. Below: parts, depth, normals.</p>",
            "<a href='samples.jpg'><img src='samples.jpg' alt='Samples with their labels'></a>",
        ]
    parts += ["<h2>What was sampled</h2><div class='grid'>"]
    parts += [f"<div>{histogram_html(told)}</div>" for told in found["distributions"].values()]
    parts += ["</div>", *_shares(found["shares"])]
    rows = [[row[key] for key in _HEADINGS] for row in beside_published(found)]
    parts += [
        "<h2>Beside published data sets</h2><p class='note'>What their authors state, where it was read; "
        "&ldquo;not read&rdquo; is not &ldquo;no&rdquo;.</p>",
        _table(list(_HEADINGS.values()), rows),
    ]
    return "\n".join([*parts, "</body></html>"])


def _shares(shares: dict[str, dict[str, int]]) -> list[str]:
    rows = [[name, ", ".join(f"{kind} {count}" for kind, count in counts.items())] for name, counts in shares.items()]
    return ["<h2>Kinds</h2>", _table(["", "numbers"], rows)]


def _table(headings: list[str], rows: list[list[Any]]) -> str:
    head = "".join(f"<th>{html.escape(str(h))}</th>" for h in headings)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    kind = " class='n'" if isinstance(value, int | float) else ""
    return f"<td{kind}>{html.escape(str(value))}</td>"
