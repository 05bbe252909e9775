"""PLY meshes as scanners write them: with texture coordinates in a list for each face."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from geometry.errors import GeometryError
from geometry.ply_files import read_ply_mesh

VERTICES = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
FACES = [(0, 1, 2), (0, 2, 3)]
UV = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


def header(form: str, faces: int) -> bytes:
    return (
        f"ply\nformat {form} 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {faces}\nproperty list uchar int vertex_indices\nproperty list uchar float texcoord\n"
        "property int texnumber\nend_header\n"
    ).encode()


def test_texture_coordinates_of_faces_are_passed_over(tmp_path) -> None:
    body = b"".join(struct.pack("<3f", *v) for v in VERTICES)
    body += b"".join(struct.pack("<B3iB6fi", 3, *f, 6, *UV, 0) for f in FACES)
    (tmp_path / "binary.ply").write_bytes(header("binary_little_endian", 2) + body)
    text = [" ".join(map(str, v)) for v in VERTICES]
    text += [" ".join(map(str, (3, *f, 6, *UV, 0))) for f in FACES]
    (tmp_path / "text.ply").write_bytes(header("ascii", 2) + "\n".join(text).encode())
    for name in ("binary.ply", "text.ply"):
        mesh = read_ply_mesh(tmp_path / name)
        np.testing.assert_array_equal(mesh.faces, FACES)
        np.testing.assert_array_equal(mesh.vertices, VERTICES)


def test_faces_of_four_corners_and_mixed_ones_are_refused(tmp_path) -> None:
    points = b"".join(struct.pack("<3f", *v) for v in VERTICES)
    four = struct.pack("<B4iB6fi", 4, 0, 1, 2, 3, 6, *UV, 0)
    three = struct.pack("<B3iB6fi", 3, 0, 1, 2, 6, *UV, 0)
    (tmp_path / "quad.ply").write_bytes(header("binary_little_endian", 1) + points + four)
    with pytest.raises(GeometryError, match="triangulate"):
        read_ply_mesh(tmp_path / "quad.ply")
    (tmp_path / "mixed.ply").write_bytes(header("binary_little_endian", 2) + points + three + four)
    with pytest.raises(GeometryError, match="triangulate"):
        read_ply_mesh(tmp_path / "mixed.ply")
