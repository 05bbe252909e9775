"""OBJ sequences: numbered files that read back as the same textured mesh."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import simplejpeg
import trimesh

from geometry.mesh_files import read_obj
from geometry.open3d_loading import load_open3d
from texture.errors import TextureError
from texture.files.obj_sequence import write_obj_sequence


def test_a_sequence_reads_back(painted, tmp_path):
    mesh = painted.globe()
    frames, pictures = [], []
    for instant in (3, 12):
        moved = replace(mesh, vertices=(mesh.vertices + instant).astype(np.float32).astype(np.float64))
        picture = tmp_path / f"{instant:06d}.jpg"
        picture.write_bytes(simplejpeg.encode_jpeg(np.full((16, 16, 3), 10 * instant, np.uint8), quality=95))
        frames.append((instant, moved, picture))
    paths = write_obj_sequence(tmp_path / "out", frames, 2, lambda done, total: pictures.append((done, total)))
    assert [p.name for p in paths] == ["000003.obj", "000012.obj"]
    assert pictures == [(1, 2), (2, 2)]
    for path, (instant, expected, picture) in zip(paths, frames):
        again = read_obj(path)
        np.testing.assert_array_equal(again.vertices, expected.vertices)
        np.testing.assert_array_equal(again.faces, expected.faces)
        np.testing.assert_array_equal(again.uv_faces, expected.uv_faces)
        assert again.uv is not None
        assert again.texture is not None
        np.testing.assert_allclose(again.uv, expected.uv)
        assert path.with_suffix(".jpg").read_bytes() == picture.read_bytes()
        np.testing.assert_allclose(again.texture, 10 * instant, atol=2)  # JPEG of a flat colour


def test_without_pictures_there_is_no_material(painted, tmp_path):
    (path,) = write_obj_sequence(tmp_path, [(0, painted.globe(), None)], 1)
    assert "mtllib" not in path.read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["000000.obj"]


def test_missing_parts_are_named(painted, tmp_path):
    with pytest.raises(TextureError, match=r"nowhere\.jpg is missing"):
        write_obj_sequence(tmp_path, [(0, painted.globe(), tmp_path / "nowhere.jpg")], 1)
    with pytest.raises(TextureError, match="no texture coordinates"):
        write_obj_sequence(tmp_path, [(0, replace(painted.globe(), uv=None, uv_faces=None), tmp_path / "x.jpg")], 1)


def test_a_shared_picture_is_copied_once_and_seen_by_other_readers(painted, tmp_path):
    """trimesh and Open3D find the same colour, the same corners and the texture the right way up."""
    mesh, shared, picture = painted.globe(), tmp_path / "segment_000.jpg", np.zeros((16, 16, 3), np.uint8)
    picture[:8] = 250  # the upper half of the picture: v above one half
    shared.write_bytes(simplejpeg.encode_jpeg(picture, quality=95))
    write_obj_sequence(tmp_path / "out", [(0, mesh, shared), (1, mesh, shared)], 2)
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["000000.mtl", "000000.obj", "000001.mtl", "000001.obj", "segment_000.jpg"]
    read = trimesh.load(tmp_path / "out" / "000001.obj", process=False)
    assert isinstance(read, trimesh.Trimesh)
    visual: Any = read.visual
    colors = visual.to_color().vertex_colors[:, 0]
    high = read.vertices[:, 2] > 1.05
    assert (colors[high] > 200).all()
    assert (colors[read.vertices[:, 2] < 0.95] < 50).all()
    assert read.volume > 0
    open3d = load_open3d().t.io.read_triangle_mesh(str(tmp_path / "out" / "000000.obj"))
    corners = open3d.vertex.positions.numpy()[open3d.triangle.indices.numpy()]
    np.testing.assert_allclose(corners, mesh.vertices[mesh.faces], atol=1e-6)
    assert mesh.uv is not None
    np.testing.assert_allclose(open3d.triangle.texture_uvs.numpy(), mesh.uv[mesh.uv_faces], atol=1e-6)


def test_two_pictures_of_one_name_are_refused(painted, tmp_path):
    pictures = [tmp_path / name / "x.jpg" for name in ("a", "b")]
    for picture in pictures:
        picture.parent.mkdir()
        picture.write_bytes(b"")
    with pytest.raises(TextureError, match="same name"):
        write_obj_sequence(tmp_path / "out", [(n, painted.globe(), p) for n, p in enumerate(pictures)], 2)
