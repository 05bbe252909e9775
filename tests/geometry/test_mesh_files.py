"""OBJ and PLY bring back every bit, and other programs' files open."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from geometry.cloud import PointCloud
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.mesh_files import (
    read_mesh,
    read_obj,
    read_ply_cloud,
    read_ply_mesh,
    write_material,
    write_obj,
    write_ply_cloud,
    write_ply_mesh,
)

RNG = np.random.default_rng(0)


@pytest.fixture
def mesh() -> TriangleMesh:
    return TriangleMesh(
        vertices=RNG.normal(size=(50, 3)) * 10.0 ** RNG.integers(-6, 4, (50, 1)),
        faces=RNG.integers(0, 50, (80, 3)),
        uv=RNG.random((60, 2)),
        uv_faces=RNG.integers(0, 60, (80, 3)),
        texture=RNG.integers(0, 256, (16, 32, 3), dtype=np.uint8),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_obj_brings_back_geometry_uv_and_texture(tmp_path, mesh, dtype):
    written = TriangleMesh(
        vertices=mesh.vertices.astype(dtype),
        faces=mesh.faces,
        uv=mesh.uv.astype(dtype),
        uv_faces=mesh.uv_faces,
        texture=mesh.texture,
    )
    write_obj(tmp_path / "a.obj", written)
    back = read_mesh(tmp_path / "a.obj")
    np.testing.assert_array_equal(back.vertices.astype(dtype), written.vertices)
    np.testing.assert_array_equal(back.uv.astype(dtype), written.uv)
    np.testing.assert_array_equal(back.faces, mesh.faces)
    np.testing.assert_array_equal(back.uv_faces, mesh.uv_faces)
    np.testing.assert_array_equal(back.texture, mesh.texture)


def test_a_sequence_shares_one_material(tmp_path, mesh):
    write_material(tmp_path / "body.mtl", mesh.texture)
    for i in range(2):
        write_obj(tmp_path / f"{i}.obj", mesh, material="body.mtl")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.obj", "1.obj", "body.mtl", "body.png"]
    np.testing.assert_array_equal(read_obj(tmp_path / "1.obj").texture, mesh.texture)


def test_another_program_sees_the_same_textured_mesh(tmp_path):
    """Colours looked up by trimesh at the corners: row 0 of the texture is at v = 1."""
    texture = np.zeros((2, 2, 3), np.uint8)
    texture[0, 0], texture[0, 1], texture[1, 0] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    uv = np.array([[0.25, 0.75], [0.75, 0.75], [0.25, 0.25]])
    faces = np.array([[0, 1, 2]])
    write_obj(tmp_path / "t.obj", TriangleMesh(vertices=corners, faces=faces, uv=uv, uv_faces=faces, texture=texture))
    theirs = trimesh.load(tmp_path / "t.obj", process=False)
    colors = theirs.visual.to_color().vertex_colors[:, :3]
    order = [int(np.argmin(np.linalg.norm(theirs.vertices - corner, axis=1))) for corner in corners]
    assert colors[order].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_obj_of_others_polygons_negative_indices_normals(tmp_path):
    (tmp_path / "q.obj").write_text(
        "# a quad\no thing\nv 0 0 0 1 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvn 0 0 1\nusemtl none\ns off\n\n"
        "f 1//1 2//1 -2//1 -1//1\n"
    )
    mesh = read_obj(tmp_path / "q.obj")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert mesh.uv is None
    assert mesh.texture is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 0 0\nf 1 2 3\n", r"x\.obj:2: cannot read the line 'f 1 2 3'"),
        ("v 0 zero 0\n", r"x\.obj:1"),
        ("v 0 0\n", "fewer than 3"),
        ("v 0 0 0\nvt 0 0\nf 1/1 1/1 1/1\nf 1 1 1\n", "only 1 of 2 faces"),
        ("mtllib no.mtl\nv 0 0 0\nvt 0 0\nf 1/1 1/1 1/1\n", "no.mtl: cannot read"),
    ],
)
def test_a_bad_obj_is_refused_with_its_line(tmp_path, text, message):
    (tmp_path / "x.obj").write_text(text)
    with pytest.raises(GeometryError, match=message):
        read_obj(tmp_path / "x.obj")


def test_a_missing_texture_is_said(tmp_path, mesh):
    write_obj(tmp_path / "a.obj", mesh)
    (tmp_path / "a.png").unlink()
    with pytest.raises(GeometryError, match=r"a\.png: the texture named in a\.mtl"):
        read_obj(tmp_path / "a.obj")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ply_mesh_brings_back_every_bit(tmp_path, mesh, dtype):
    plain = TriangleMesh(vertices=mesh.vertices.astype(dtype), faces=mesh.faces)
    write_ply_mesh(tmp_path / "a.ply", plain)
    back = read_ply_mesh(tmp_path / "a.ply")
    np.testing.assert_array_equal(back.vertices, plain.vertices)
    assert back.vertices.dtype == dtype
    np.testing.assert_array_equal(back.faces, mesh.faces)
    theirs = trimesh.load(tmp_path / "a.ply", process=False)
    np.testing.assert_array_equal(theirs.faces, mesh.faces)
    np.testing.assert_allclose(theirs.vertices, plain.vertices, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_ply_of_another_program_opens(tmp_path, encoding):
    sphere = trimesh.creation.icosphere(1)
    sphere.export(tmp_path / "s.ply", encoding=encoding)
    mesh = read_mesh(tmp_path / "s.ply")
    np.testing.assert_array_equal(mesh.faces, sphere.faces)
    np.testing.assert_allclose(mesh.vertices, sphere.vertices, atol=1e-6)  # trimesh writes float32


def test_ply_cloud_brings_back_every_field(tmp_path):
    cloud = PointCloud(
        points=RNG.normal(size=(40, 3)).astype(np.float32),
        normals=RNG.normal(size=(40, 3)).astype(np.float32),
        colors=RNG.integers(0, 256, (40, 3), dtype=np.uint8),
        camera=RNG.integers(0, 10, 40, dtype=np.uint8),
        sigma=RNG.random(40).astype(np.float32),
        time_us=RNG.integers(0, 2**53, 40),
        person=RNG.integers(0, 3, 40, dtype=np.uint8),
    )
    write_ply_cloud(tmp_path / "c.ply", cloud)
    back = read_ply_cloud(tmp_path / "c.ply")
    for name in ("points", "normals", "colors", "camera", "sigma", "time_us", "person"):
        np.testing.assert_array_equal(getattr(back, name), getattr(cloud, name), err_msg=name)
    write_ply_cloud(tmp_path / "p.ply", PointCloud(points=cloud.points))
    assert read_ply_cloud(tmp_path / "p.ply").normals is None
    assert trimesh.load(tmp_path / "c.ply").vertices.shape == (40, 3)


def test_a_bad_ply_is_refused(tmp_path, mesh):
    write_ply_mesh(tmp_path / "a.ply", mesh)
    whole = (tmp_path / "a.ply").read_bytes()
    (tmp_path / "cut.ply").write_bytes(whole[:-5])
    (tmp_path / "quad.ply").write_bytes(
        b"ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
        b"element face 1\nproperty list uchar int vertex_indices\nend_header\n"
        b"0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n"
    )
    (tmp_path / "no.ply").write_bytes(b"solid")
    (tmp_path / "odd.ply").write_bytes(whole.replace(b"binary_little_endian", b"utf8", 1))
    write_ply_cloud(tmp_path / "cloud.ply", PointCloud(points=mesh.vertices))
    for name, message in {
        "cut": "cut off among its 80 face entries",
        "quad": "triangulate",
        "no": "not a PLY file",
        "odd": "cannot read the PLY header",
        "cloud": "holds no faces",
        "gone": "cannot read the file",
    }.items():
        with pytest.raises(GeometryError, match=message):
            read_ply_mesh(tmp_path / f"{name}.ply")


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(GeometryError, match=r"\.obj and \.ply"):
        read_mesh(tmp_path / "a.stl")


@pytest.mark.parametrize("corner", [3, -1])
def test_a_ply_face_of_a_vertex_that_is_not_there_is_refused(tmp_path, corner):
    path = tmp_path / "a.ply"
    head = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    faces = f"element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 {corner}\n"
    path.write_text(head + faces)
    with pytest.raises(GeometryError, match=f"names vertex {corner}, and there are 3"):
        read_ply_mesh(path)
