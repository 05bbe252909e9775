"""The fitted body, thickened, as one segment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geometry.mesh import TriangleMesh
from humanrig.meshing.made import Made, Progress
from humanrig.meshing.person_input import PersonInput
from texture.files.mesh_sequence import Segment, write_segment
from texture.layout.unwrapping import unwrapped
from texture.surfaces.binding import bind


def body_surface(person: PersonInput, folder: Path, progress: Progress) -> Made:
    """Writes the segment; no cloud is no reason for a flag, as none is needed."""
    model, vertices = person.results.model, person.dressed_vertices
    mesh = TriangleMesh(vertices=person.clip.vertices[0], faces=model.faces, uv=model.uv, uv_faces=model.uv_faces)
    layout = unwrapped(mesh)
    assert layout.uv is not None
    assert layout.uv_faces is not None
    segment = Segment(
        instants=np.array(person.instants),
        vertices=vertices.astype(np.float32),
        faces=model.faces,
        uv=layout.uv,
        uv_faces=layout.uv_faces,
        binding=bind(person.dressed.rest_vertices(), model.weights),
    )
    write_segment(folder, person.results.person, 0, segment)
    progress(len(person.rows), len(person.rows))
    return Made(
        entries=[(instant, 0, "") for instant in person.instants],
        figures={"segments": 1, "faces": len(model.faces), **offset_figures(person)},
    )


def offset_figures(person: PersonInput) -> dict[str, float]:
    """How far the dressed body stands off the bare one."""
    offsets = 1e3 * person.dressed.offsets
    return {
        "offset_mean_mm": round(float(offsets.mean()), 2),
        "offset_max_mm": round(float(offsets.max()), 2),
        "offset_min_mm": round(float(offsets.min()), 2),
    }
