"""The smallest files that once ended in a traceback, or reached out of their folder: one sentence now."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from geometry.camera_files.any_format import read_any_camera_file
from geometry.camera_files.azure_kinect import parse_kinect_calibration
from geometry.camera_files.open3d_trajectory import read_open3d_cameras
from geometry.errors import GeometryError
from geometry.mesh_files import read_obj, read_ply_cloud, read_ply_mesh
from geometry.unpacking import member

DEEP = "[" * 100_000
PLY = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cameras.json", '{"cameras": ' + DEEP),
        ("cameras.json", '{"a":' * 100_000),
        ("rig.toml", "a = " + DEEP),
        ("rig.toml", "[cam_0]\nsize = [" + "9" * 5000 + ", 2]\n"),
        ("rig.yml", "%YAML:1.0\n? [a, b]\n: 1\n"),
        ("rig.yml", "%YAML:1.0\na: " + "[" * 400),
        ("camchain.yaml", "cam0: {intrinsics: [1" + "0" * 400 + ", 1, 1, 1]}\n"),
    ],
)
def test_a_camera_file_that_is_none_is_a_sentence(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(GeometryError) as caught:
        read_any_camera_file(tmp_path / name)
    assert len(str(caught.value)) < 2000


def test_nesting_in_other_calibrations_is_a_sentence(tmp_path):
    with pytest.raises(GeometryError):
        parse_kinect_calibration(b'{"CalibrationInformation":' * 100_000, "attached")
    (tmp_path / "a.json").write_text('{"parameters": ' + DEEP)
    with pytest.raises(GeometryError):
        read_open3d_cameras(tmp_path / "a.json", ["a/color"])


@pytest.mark.parametrize("words", ["1 2 x", "1 2 []", "1 2 \0", "1 2 1\0\0", "nan"])
def test_entries_of_a_ply_that_are_no_numbers_are_a_sentence(tmp_path, words):
    (tmp_path / "a.ply").write_text(PLY + "end_header\n" + words + "\n")
    with pytest.raises(GeometryError, match=r"a\.ply"):
        read_ply_cloud(tmp_path / "a.ply")


def test_a_ply_that_counts_backwards_or_has_endless_lists_is_a_sentence(tmp_path):
    for count, list_length in (("-1", "3"), ("1", "-3"), ("1", "2000000000")):
        face = f"element face {count}\nproperty list int int vertex_indices\nend_header\n0 0 0\n{list_length} 0 0 0\n"
        (tmp_path / "a.ply").write_text(PLY + face)
        with pytest.raises(GeometryError, match=r"a\.ply"):
            read_ply_mesh(tmp_path / "a.ply")


@pytest.mark.parametrize("name", ["../a.mtl", "/etc/passwd", "..", "a/b.mtl", "\0"])
def test_an_obj_reads_no_file_of_another_folder(tmp_path, name):
    """Its library, and the picture that a library names."""
    (tmp_path / "scan").mkdir()
    cv2.imwrite(str(tmp_path / "outside.png"), np.zeros((2, 2, 3), np.uint8))
    (tmp_path / "a.mtl").write_text("newmtl a\nmap_Kd outside.png\n")
    triangle = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1\n"
    (tmp_path / "scan" / "a.obj").write_text(f"mtllib {name}\n{triangle}")
    with pytest.raises(GeometryError, match="a file of its own folder was expected"):
        read_obj(tmp_path / "scan" / "a.obj")
    (tmp_path / "scan" / "a.obj").write_text(f"mtllib own.mtl\n{triangle}")
    (tmp_path / "scan" / "own.mtl").write_text(f"newmtl a\nmap_Kd {name.replace('a.mtl', 'outside.png')}\n")
    with pytest.raises(GeometryError, match="a file of its own folder was expected"):
        read_obj(tmp_path / "scan" / "a.obj")


@pytest.mark.parametrize("name", ["skin.png", "./skin.png"])
def test_an_obj_reads_the_files_beside_it(tmp_path, name):
    """Exporters write `./` before a name."""
    cv2.imwrite(str(tmp_path / "skin.png"), np.full((2, 3, 3), 7, np.uint8))
    library = name.replace("skin.png", "a.mtl")
    (tmp_path / "a.mtl").write_text(f"newmtl a\nmap_Kd {name}\n")
    (tmp_path / "a.obj").write_text(f"mtllib {library}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1\n")
    texture = read_obj(tmp_path / "a.obj").texture
    assert texture is not None
    np.testing.assert_array_equal(texture, np.full((2, 3, 3), 7))


def test_a_member_gives_no_more_than_the_archive_says(tmp_path):
    """Its directory says four bytes, what is packed would become 16 MB: `ZipFile.read` unpacks all of it first."""
    import io
    import tracemalloc
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(1 << 24))
    data = packed.getvalue()
    at = data.rfind(b"PK\x01\x02") + 24
    lying = data[:at] + (4).to_bytes(4, "little") + data[at + 4 :]
    tracemalloc.start()
    try:
        with zipfile.ZipFile(io.BytesIO(lying)) as archive, pytest.raises(zipfile.BadZipFile, match="CRC"):
            member(archive, "a")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
