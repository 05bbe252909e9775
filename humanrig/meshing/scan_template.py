"""A static scan of the person as the template: stood upright, hung on the body that fits it, on the take's joints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from body.parameters import BodyParameters
from geometry.errors import GeometryError
from geometry.face_raster.vertex_normals import vertex_normals
from geometry.mesh import TriangleMesh
from geometry.mesh_files import read_mesh
from humanrig.errors import HumanrigError
from humanrig.meshing.instant_surface import laid_out
from humanrig.meshing.person_input import PersonInput
from registration.errors import RegistrationError
from registration.shape.estimate import ShapeEstimate, fit_shape
from registration.shape.scan_cleaning import CUT_M
from registration.shape.scan_files import of_mesh
from registration.shape.scans import METRES, clean_scan
from texture.surfaces.simplification import simplified
from texture.tracking.body_clip import BodyClip
from texture.tracking.template import Template, hang

MOST_FACES = 120_000
"""A scan with more is reduced to the number of faces asked for, and loses its own texture coordinates: tracking takes
six times as long as with 20,000."""
NEAR_M = 0.25
"""Parts of a scan farther from the body that fits it are not the person; a skirt stands off by 0.2."""


def scan_template(person: PersonInput) -> tuple[Template, tuple[str, ...]]:
    """The scan of `config.template`, at rest on the take's body, with its own texture coordinates where it has some;
    and what was left out or is doubtful.

    Raises HumanrigError that says what is wrong with the scan and what to do.
    """
    config, model = person.config, person.results.model
    assert config.template is not None
    mesh = welded(_read(config.template))
    unit = METRES[config.template_unit or "m"]
    try:
        source, up, source_notes = clean_scan(
            of_mesh(mesh, config.template), str(config.template), config.template_unit, config.template_up
        )
        estimate = fit_shape(model, [source], up=up)
    except RegistrationError as error:
        advice = str(error).replace("--scan-unit", "--option mesh.template_unit=")
        raise HumanrigError(f"the template cannot be used: {advice.replace('unit= ', 'unit=')}") from None
    clip = _scanned_body(person, estimate)
    R = _turn(estimate)
    stood = replace(mesh, vertices=unit * mesh.vertices @ R.T)
    floor = None if source.floor_m is None else source.floor_m
    alone = _person_alone(stood, clip.vertices[0], floor)
    notes = [f"the template: {note}" for note in (*source_notes, *estimate.warnings)]
    if len(alone.faces) > MOST_FACES:
        notes.append(
            f"the template's {len(alone.faces)} faces are more than {MOST_FACES}: it was reduced to about "
            f"{config.faces} and has new texture coordinates"
        )
        alone = simplified(TriangleMesh(vertices=alone.vertices, faces=alone.faces), config.faces)
    template = hang(laid_out(_outward(alone, clip)), clip, 0)
    # the joints of the take's body, the surface of the scan
    shift = template.attachment @ (person.clip.rest - clip.rest)
    rest = (template.binding.rest + shift).astype(np.float32)
    return replace(template, binding=replace(template.binding, rest=rest)), tuple(notes)


def welded(mesh: TriangleMesh) -> TriangleMesh:
    """The mesh with one vertex at each place, whatever the seams of its texture; faces that collapse are left out.

    Vertices that are not finite are left out with their faces.
    """
    finite = np.asarray(np.isfinite(mesh.vertices).all(1))
    usable = finite[mesh.faces].all(1)
    size = float(np.ptp(mesh.vertices[finite], axis=0).max()) if finite.any() else 1.0
    key = np.rint(np.where(finite[:, None], mesh.vertices, 0.0) / (1e-6 * size)).astype(np.int64)
    _, first, number = np.unique(key, axis=0, return_index=True, return_inverse=True)
    faces = number.reshape(-1)[mesh.faces]
    solid = usable & (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return _some(replace(mesh, vertices=mesh.vertices[first], faces=faces, texture=None), solid)


def _read(path: Path) -> TriangleMesh:
    try:
        mesh = read_mesh(path)
    except GeometryError as error:
        raise HumanrigError(f"the template cannot be read: {error}") from None
    if not len(mesh.faces):
        raise HumanrigError(f"the template {path} has no faces; export the scan as a mesh, not as points")
    return mesh


def _scanned_body(person: PersonInput, estimate: ShapeEstimate) -> BodyClip:
    assert estimate.fit is not None
    state = estimate.fit.state
    turns = Rotation.from_matrix(state.rotations[0]).as_rotvec()
    return BodyClip.of(
        person.results.model,
        BodyParameters(
            betas=state.betas, global_orient=turns[:1], body_pose=turns[1:].reshape(1, -1), transl=state.transl,
            child=state.child,
        ),
    )  # fmt: skip


def _turn(estimate: ShapeEstimate) -> Float[np.ndarray, "3 3"]:
    assert estimate.fit is not None
    R = estimate.fit.surface.sources[0].R_world_scan
    return np.eye(3) if R is None else R


def _person_alone(mesh: TriangleMesh, body: np.ndarray, floor_m: float | None) -> TriangleMesh:
    """Without the floor and what is far from the body."""
    near = KDTree(body).query(mesh.vertices, distance_upper_bound=NEAR_M)[0] < NEAR_M
    if floor_m is not None:
        near &= mesh.vertices[:, 2] > floor_m + CUT_M
    kept = near[mesh.faces].all(1)
    if not kept.any():
        raise HumanrigError("the template lies nowhere near the body that was fitted to it; is it a scan of a person?")
    return _some(mesh, kept)


def _outward(mesh: TriangleMesh, clip: BodyClip) -> TriangleMesh:
    """Faces wound so that they look away from the body, as most of the scan's faces say."""
    nearest = KDTree(clip.vertices[0]).query(mesh.vertices)[1]
    body = vertex_normals(clip.vertices[0], clip.faces, np.float64)[nearest]
    if (vertex_normals(mesh.vertices, mesh.faces, np.float64) * body).sum() >= 0:
        return mesh
    return replace(
        mesh,
        faces=mesh.faces[:, ::-1].copy(),
        uv_faces=None if mesh.uv_faces is None else mesh.uv_faces[:, ::-1].copy(),
    )


def _some(mesh: TriangleMesh, kept: np.ndarray) -> TriangleMesh:
    """Some of the faces, and the vertices that they use."""
    faces = mesh.faces[kept]
    used = np.unique(faces)
    number = np.full(len(mesh.vertices), -1, np.int64)
    number[used] = np.arange(len(used))
    return replace(
        mesh,
        vertices=np.asarray(mesh.vertices[used], np.float64),
        faces=number[faces],
        uv_faces=None if mesh.uv_faces is None else mesh.uv_faces[kept],
    )
