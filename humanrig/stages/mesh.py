"""The stage `mesh`: the surface of every instant, the fitted body with the clothes that the clouds show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.report.pictures import spread
from humanrig.results import Results
from humanrig.stage import Stage, StageContext
from humanrig.stages.per_person import Progress, for_everybody
from texture.files.mesh_sequence import Segment, write_index, write_segment
from texture.layout.unwrapping import unwrapped
from texture.surfaces.binding import bind
from texture.surfaces.body_mesh import DressedBody
from texture.surfaces.offsets import estimate_offsets


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MeshConfig:
    """Options of the stage."""

    clothes: bool = True
    """Move the surface off the body to where the clouds are; off leaves the bare body."""
    cloud_instants: int = Field(default=40, ge=1)
    """Instants whose clouds are read, evenly spread over the clip."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes personNN.npz of everybody who has a body; returns how far the surfaces stand off the bodies.

    The figures at the top are the first person's.
    """
    return for_everybody(context, lambda results, progress: _person(context, results, progress))


def _person(context: StageContext, results: Results, progress: Progress) -> dict[str, Any]:
    config = context.config
    rows = rows_of(results.instants, context.instants)
    parameters, model = results.parameters[np.array(rows)], results.model
    chosen = spread(rows, config.cloud_instants) if config.clothes else []
    total = len(chosen) + 1
    bare = model.pose(parameters).vertices

    def posed() -> Iterator[tuple[np.ndarray, PointCloud]]:
        for done, row in enumerate(chosen):
            cloud = results.cloud(results.instants[row])
            if cloud is not None and len(cloud):
                yield bare[rows.index(row)], cloud
            progress(done + 1, total)

    offsets = estimate_offsets(model, posed())
    dressed = DressedBody(model=model, parameters=parameters, offsets=offsets)
    vertices = dressed.vertices()
    layout = unwrapped(TriangleMesh(vertices=bare[0], faces=model.faces, uv=model.uv, uv_faces=model.uv_faces))
    assert layout.uv is not None
    assert layout.uv_faces is not None
    instants = [results.instants[row] for row in rows]
    segment = Segment(
        instants=np.array(instants),
        vertices=vertices.astype(np.float32),
        faces=model.faces,
        uv=layout.uv,
        uv_faces=layout.uv_faces,
        binding=bind(dressed.rest_vertices(), model.weights),
    )
    write_segment(context.output, results.person, 0, segment)
    write_index(context.output, results.person, [(instant, 0, "") for instant in instants])
    progress(total, total)
    return {
        "instants": len(rows),
        "offset_mean_mm": round(float(1e3 * offsets.mean()), 2),
        "offset_max_mm": round(float(1e3 * offsets.max()), 2),
        "offset_min_mm": round(float(1e3 * offsets.min()), 2),
    }


def rows_of(instants: list[int], wanted: list[int]) -> list[int]:
    """Rows of the wanted instants. Raises HumanrigError when none of them has a body."""
    chosen = set(wanted)
    rows = [row for row, instant in enumerate(instants) if instant in chosen]
    if not rows:
        raise HumanrigError(
            f"none of the {len(wanted)} instants asked for is among the {len(instants)} results; "
            "run the earlier stages for them, or change --frames"
        )
    return rows


STAGE = Stage(name="mesh", folder="mesh", needs=("clouds", "register"), config=MeshConfig, run=run, version=2)
