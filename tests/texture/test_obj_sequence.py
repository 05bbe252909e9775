"""OBJ sequences: numbered files that read back as the same textured mesh."""

from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from geometry.mesh_files import read_obj
from texture.errors import TextureError
from texture.files.obj_sequence import write_obj_sequence


def test_a_sequence_reads_back(painted, tmp_path):
    mesh = painted.globe()
    frames, pictures = [], []
    for instant in (3, 12):
        moved = replace(mesh, vertices=(mesh.vertices + instant).astype(np.float32).astype(np.float64))
        picture = tmp_path / f"{instant}.jpg"
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
