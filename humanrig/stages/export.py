"""The stage `export`: the animated GLB and the AMASS file of the clip."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from humanrig.export.amass import write_person
from humanrig.export.glb import difference_from_meshes, skinned_clip
from humanrig.export.person import body_rows
from humanrig.results import PERSON, Results
from humanrig.stage import Stage, StageContext
from texture.gltf import write_glb


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ExportConfig:
    """Options of the stage: none."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes person00.glb and person00_amass.npz; returns their size and what the skin leaves out."""
    results = Results(context.session)
    clip = skinned_clip(results, context.instants)
    path = context.output / f"{PERSON}.glb"
    write_glb(path, clip)
    context.progress(1, 3)
    amass = write_person(results, context.output / f"{PERSON}_amass.npz", context.instants)
    context.progress(2, 3)
    instants = results.body["instants"][body_rows(results, context.instants)].tolist()
    difference = difference_from_meshes(results, clip, instants)
    context.progress(3, 3)
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
