"""The stage `mesh`: the surface of every instant, the fitted body with the clothes that the clouds show."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from geometry.mesh import TriangleMesh
from humanrig.results import PERSON, Results
from humanrig.stage import Stage, StageContext
from texture.surface_offsets import OffsetOptions, clothing_offsets, dress


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MeshConfig:
    """Options of the stage."""

    max_offset_mm: float = Field(default=40.0, ge=0)
    """How far clothes may stand off the body; 0 leaves the naked body."""
    smoothness: float = Field(default=4.0, ge=0)
    """Weight of the difference between neighbours against the evidence at a vertex."""
    cloud_instants: int = Field(default=20, ge=1)
    """Instants whose clouds are read, evenly spread over the clip."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes person00.npz; returns how far the surface stands off the body."""
    results, config = Results(context.session), context.config
    model, instants = results.model, [i for i in results.instants if i in set(context.instants)]
    rows = [results.instants.index(i) for i in instants]
    bodies = model.pose(results.parameters[np.array(rows)]).vertices
    step = max(1, len(instants) // config.cloud_instants)
    total = len(range(0, len(instants), step)) + 1

    def frames():
        for done, n in enumerate(range(0, len(instants), step)):
            cloud = results.cloud(instants[n])
            if cloud is not None and len(cloud):
                yield bodies[n], cloud
            context.progress(done + 1, total)

    options = OffsetOptions(outward_m=1e-3 * config.max_offset_mm, smoothness=config.smoothness)
    offsets = clothing_offsets(frames(), model.faces, model.vertex_count, options)
    surfaces = [dress(TriangleMesh(vertices=body, faces=model.faces), offsets).vertices for body in bodies]
    np.savez_compressed(
        context.output / f"{PERSON}.npz",
        vertices=np.asarray(surfaces, np.float32),
        faces=model.faces,
        **({} if model.uv is None else {"uv": model.uv, "uv_faces": model.uv_faces}),
        offsets=offsets.astype(np.float32),
        instants=np.array(instants),
    )
    context.progress(total, total)
    return {
        "instants": len(instants),
        "offset_mean_mm": round(float(1e3 * offsets.mean()), 2),
        "offset_max_mm": round(float(1e3 * offsets.max()), 2),
    }


STAGE = Stage(name="mesh", folder="mesh", needs=("register", "clouds"), config=MeshConfig, run=run)
