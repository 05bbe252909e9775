"""The stage `export`: the animated GLB and the AMASS file of every person."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from humanrig.export.amass import write_person
from humanrig.export.glb import difference_from_meshes, skinned_clip
from humanrig.export.person import body_rows
from humanrig.results import Results
from humanrig.stage import Stage, StageContext
from humanrig.stages.per_person import Progress, for_everybody
from texture.files.gltf import write_glb


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ExportConfig:
    """Options of the stage: none."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes personNN.glb and personNN_amass.npz; returns their size and what the skins leave out.

    The figures at the top are the first person's.
    """
    return for_everybody(context, lambda results, progress: _export(context, results, progress))


def _export(context: StageContext, results: Results, progress: Progress) -> dict[str, Any]:
    clip = skinned_clip(results, context.instants)
    path = context.output / f"{results.person}.glb"
    write_glb(path, clip)
    progress(1, 3)
    amass = write_person(results, context.output / f"{results.person}_amass.npz", context.instants)
    progress(2, 3)
    instants = results.body["instants"][body_rows(results, context.instants)].tolist()
    difference = difference_from_meshes(results, clip, instants)
    progress(3, 3)
    return {
        "frames": len(clip.parameters),
        "rate_hz": round(amass.rate_hz, 3),
        "amass_resampled": amass.resampled,
        "glb_mb": round(path.stat().st_size / 1e6, 3),
        "skin_difference_mean_mm": round(difference.mean_mm, 3),
        "skin_difference_p99_mm": round(difference.p99_mm, 3),
    }


STAGE = Stage(name="export", folder="export", needs=("register", "mesh", "texture"), config=ExportConfig, run=run)
"""The stage."""
