"""The stage `export`: the animated GLB and the AMASS file of every person."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from humanrig.export.amass import write_person
from humanrig.export.glb import write_person as write_glb
from humanrig.results import Results
from humanrig.stage import Stage, StageContext
from humanrig.stages.per_person import Progress, for_everybody


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ExportConfig:
    """Options of the stage: none."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes personNN.glb and personNN_amass.npz; returns their size and how far the skins are from the surfaces.

    The figures at the top are the first person's.
    """
    return for_everybody(context, lambda results, progress: _export(context, results, progress))


def _export(context: StageContext, results: Results, progress: Progress) -> dict[str, Any]:
    path = context.output / f"{results.person}.glb"
    lines, skinned = write_glb(results, path, context.instants)
    progress(2, 3)
    amass = write_person(results, context.output / f"{results.person}_amass.npz", context.instants)
    progress(3, 3)
    figures: dict[str, Any] = {
        "frames": len(amass.parameters),
        "rate_hz": round(amass.rate_hz, 3),
        "amass_resampled": amass.resampled,
        "glb_mb": round(path.stat().st_size / 1e6, 3),
        "glb": lines,
    }
    if skinned is None:
        return figures
    return figures | {
        "frames": len(skinned.clip.parameters),
        "skin_difference_mean_mm": round(skinned.difference.mean_mm, 3),
        "skin_difference_p99_mm": round(skinned.difference.p99_mm, 3),
    }


STAGE = Stage(
    name="export", folder="export", needs=("register", "mesh", "texture"), config=ExportConfig, run=run, version=2
)
"""The stage."""
