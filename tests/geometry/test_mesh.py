"""A mesh's normals, area, volume and closedness."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geometry.mesh import TriangleMesh, joined
from geometry.rigid import from_rotvec, rotate, transform

CUBE = trimesh.creation.box([1, 2, 3])
vectors = arrays(np.float64, 3, elements=st.floats(-2, 2))


def cube(T: np.ndarray | None = None) -> TriangleMesh:
    vertices = np.array(CUBE.vertices)
    return TriangleMesh(
        vertices=vertices if T is None else transform(T, vertices), faces=np.array(CUBE.faces, np.int64)
    )


@given(vectors, vectors)
def test_measures_do_not_depend_on_the_frame(rotvec, t):
    T = from_rotvec(rotvec, t)
    moved = cube(T)
    assert moved.area() == pytest.approx(22)
    assert moved.volume() == pytest.approx(6)
    assert moved.is_watertight()
    np.testing.assert_allclose(moved.face_normals(), rotate(T, cube().face_normals()), atol=1e-12)
    np.testing.assert_allclose(moved.vertex_normals(), rotate(T, cube().vertex_normals()), atol=1e-12)


def test_normals_point_outward_and_have_unit_length():
    sphere = trimesh.creation.icosphere(3)
    normals = TriangleMesh(vertices=np.array(sphere.vertices), faces=np.array(sphere.faces, np.int64)).vertex_normals()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1)
    assert (normals * sphere.vertices).sum(-1).min() > 0.999


def test_turning_the_faces_turns_normals_and_volume():
    turned = TriangleMesh(vertices=cube().vertices, faces=cube().faces[:, ::-1])
    assert turned.volume() == pytest.approx(-6)
    np.testing.assert_allclose(turned.face_normals(), -cube().face_normals())


def test_holes_and_turned_faces_are_not_watertight():
    mesh = cube()
    assert not TriangleMesh(vertices=mesh.vertices, faces=mesh.faces[1:]).is_watertight()
    one_turned = mesh.faces.copy()
    one_turned[0] = one_turned[0, ::-1]
    assert not TriangleMesh(vertices=mesh.vertices, faces=one_turned).is_watertight()


def test_degenerate_faces_and_lone_vertices_have_zero_normals():
    mesh = TriangleMesh(vertices=np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [5, 5, 5]]), faces=np.array([[0, 1, 2]]))
    assert (mesh.face_normals() == 0).all()
    assert (mesh.vertex_normals() == 0).all()


def test_joined_meshes_are_measured_as_their_sum():
    apart = TriangleMesh(vertices=cube().vertices + 5, faces=cube().faces)
    both = joined([cube(), apart, cube()])
    assert both.volume() == pytest.approx(3 * cube().volume())
    assert both.is_watertight()
    np.testing.assert_array_equal(both.vertices[both.faces[12:24]], apart.vertices[apart.faces])
    assert len(joined([]).vertices) == 0
