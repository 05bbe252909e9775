"""A score as a file of JSON, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from hps.evaluation.scoring import ScoreReport


def write_report(path: Path, report: ScoreReport) -> None:
    """Writes `ScoreReport.as_json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
