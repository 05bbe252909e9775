"""Texels lie on the surface point that their texture coordinates name."""

import numpy as np
import pytest

from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.layout.atlas import Atlas
from texture.layout.unwrapping import unwrapped


def test_texels_lie_where_their_uv_says(painted):
    mesh = painted.globe()
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, 128)
    texels = atlas.place(mesh.vertices)
    row, column = np.divmod(atlas.flat, 128)
    u, v = (column + 0.5) / 128, 1 - (row + 0.5) / 128
    inside = (u > 0.06) & (u < 0.94) & (v > 0.1) & (v < 0.9)  # gutters repeat the border
    azimuth = 2 * np.pi * (u - 0.05) / 0.9
    polar = np.pi * (0.95 - v) / 0.9
    direction = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], -1)
    expected = 0.3 * direction + (0, 0, 1)
    apart = np.linalg.norm(texels.positions - expected, axis=-1)[inside]
    assert (
        apart.max() < 0.004
    )  # sagitta of a 7.5 degree chord on 0.3 m is 0.6 mm; chords across a quad twice that and more
    assert (texels.normals * direction).sum(-1)[inside].min() > np.cos(np.deg2rad(3))
    np.testing.assert_allclose(np.linalg.norm(texels.normals, axis=-1), 1, atol=1e-5)


def test_image_puts_values_at_their_texels(painted):
    mesh = painted.globe()
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, 64)
    image = atlas.image(np.arange(len(atlas)), -1)
    assert image.shape == (64, 64)
    np.testing.assert_array_equal(image.reshape(-1)[atlas.flat], np.arange(len(atlas)))
    assert (image == -1).sum() == 64 * 64 - len(atlas)
    over = atlas.image(np.zeros((len(atlas), 3), np.uint8), np.full((64, 64, 3), 7, np.uint8))
    assert set(np.unique(over)) == {0, 7}


def test_a_mesh_without_uv_is_refused_with_the_next_step(painted):
    mesh = painted.globe()
    with pytest.raises(TextureError, match="no texture coordinates; unwrap"):
        Atlas.of(mesh.faces, None, None, 64)
    with pytest.raises(TextureError, match="UVs must span 0 to 1"):
        Atlas.of(mesh.faces, mesh.uv + 5, mesh.uv_faces, 64)


def test_unwrapping_gives_each_face_its_own_texels(painted):
    bare = painted.globe(rows=8, columns=12)
    bare = TriangleMesh(vertices=bare.vertices, faces=bare.faces)
    mesh = unwrapped(bare)
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    assert mesh.uv_faces.shape == mesh.faces.shape
    assert mesh.uv.min() >= 0
    assert mesh.uv.max() <= 1
    a, b, c = (mesh.uv[mesh.uv_faces[:, k]] for k in range(3))
    u, v = (b - a).T, (c - a).T
    total = np.abs(u[0] * v[1] - u[1] * v[0]).sum() / 2
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, 512)
    covered = (np.bincount(atlas.face, minlength=len(mesh.faces)) > 0).mean()
    assert covered >= 1 - 2 * 12 / len(mesh.faces)  # the quads at the poles are half degenerate
    assert total <= 1  # charts do not overlap
    assert unwrapped(painted.globe()).uv is not None
