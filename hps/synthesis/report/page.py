"""The page of a data set's report: numbers, flags, samples, histograms, and what others state."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any, Final

from hps.synthesis.production.dataset_manifest import NAME as MANIFEST
from hps.synthesis.report.charts import histogram_html
from hps.synthesis.report.published import beside_published

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


def report_page(folder: Path, software: str, found: dict[str, Any], sheet: bool) -> str:
    """HTML of index.html, of the statistics `found`; `sheet`: samples.jpg is beside it."""
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
