"""PCD files: every way of writing them gives the same points, and damaged ones a sentence."""

import contextlib
from pathlib import Path

import numpy as np
import pytest

from geometry.errors import GeometryError
from geometry.pcd_files import read_pcd_cloud

RNG = np.random.default_rng(4)
POINTS = RNG.normal(0, 1, (200, 3)).astype(np.float32)
COLORS = RNG.integers(0, 256, (200, 3))


def header(data: str, points: int = 200) -> bytes:
    return (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\nTYPE F F F U\n"
        f"COUNT 1 1 1 1\nWIDTH {points}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {points}\nDATA {data}\n"
    ).encode()


def table() -> np.ndarray:
    rows = np.zeros(200, [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")])
    rows["x"], rows["y"], rows["z"] = POINTS.T
    rows["rgb"] = COLORS[:, 0] << 16 | COLORS[:, 1] << 8 | COLORS[:, 2]
    return rows


def written(path: Path, kind: str) -> Path:
    rows = table()
    if kind == "ascii":
        lines = "\n".join(f"{r['x']!s} {r['y']!s} {r['z']!s} {r['rgb']}" for r in rows)
        path.write_bytes(header(kind) + lines.encode() + b"\n")
    elif kind == "binary":
        path.write_bytes(header(kind) + rows.tobytes())
    else:
        flat = b"".join(rows[name].tobytes() for name in rows.dtype.names)
        runs = b"".join(bytes([len(flat[i : i + 32]) - 1]) + flat[i : i + 32] for i in range(0, len(flat), 32))
        sizes = np.array([len(runs), len(flat)], "<u4").tobytes()
        path.write_bytes(header(kind) + sizes + runs)
    return path


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
def test_all_ways_of_writing_hold_the_same_points(tmp_path: Path, kind: str) -> None:
    cloud = read_pcd_cloud(written(tmp_path / "a.pcd", kind))
    np.testing.assert_allclose(cloud.points, POINTS, rtol=1e-6)
    np.testing.assert_array_equal(cloud.colors, COLORS)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_files_of_another_program_are_read(tmp_path: Path, binary: bool, compressed: bool) -> None:
    """Open3D writes PCD with its own code, LZF with back references included."""
    from geometry.open3d_loading import load_open3d

    o3d = load_open3d()
    points = np.round(POINTS, 1).astype(np.float64)  # repeated values, so that something can be compressed
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points))
    cloud.normals = o3d.utility.Vector3dVector(np.tile([0.0, 0.6, 0.8], (200, 1)))
    path = tmp_path / "o3d.pcd"
    o3d.io.write_point_cloud(str(path), cloud, write_ascii=not binary, compressed=compressed)
    found = read_pcd_cloud(path)
    np.testing.assert_allclose(found.points, points, atol=1e-6)
    np.testing.assert_allclose(found.normals, np.asarray(cloud.normals), atol=1e-6)


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
def test_a_cut_off_file_is_refused(tmp_path: Path, kind: str) -> None:
    content = written(tmp_path / "a.pcd", kind).read_bytes()
    for length in (0, 10, 150, len(header(kind)) + 4, len(content) // 2, len(content) - 40):
        (tmp_path / "cut.pcd").write_bytes(content[:length])
        with pytest.raises(GeometryError, match=r"cut off|damaged"):
            read_pcd_cloud(tmp_path / "cut.pcd")


def test_changed_bytes_never_crash(tmp_path: Path) -> None:
    content = written(tmp_path / "a.pcd", "binary_compressed").read_bytes()
    start = len(header("binary_compressed"))
    for n in range(60):
        changed = bytearray(content)
        changed[start + int(RNG.integers(0, len(content) - start))] ^= int(RNG.integers(1, 256))
        (tmp_path / "x.pcd").write_bytes(bytes(changed))
        with contextlib.suppress(GeometryError):
            assert len(read_pcd_cloud(tmp_path / "x.pcd")) == 200, n


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"FIELDS x y z rgb", b"FIELDS a b c rgb", "no x, y, z"),
        (b"TYPE F F F U", b"TYPE F F Q U", "header"),
        (b"POINTS 200", b"POINTS -5", "-5 points"),
        (b"DATA binary", b"DATA zipped", "zipped"),
    ],
)
def test_headers_that_make_no_sense_are_refused(tmp_path: Path, old: bytes, new: bytes, said: str) -> None:
    content = written(tmp_path / "a.pcd", "binary").read_bytes().replace(old, new)
    (tmp_path / "b.pcd").write_bytes(content)
    with pytest.raises(GeometryError, match=said):
        read_pcd_cloud(tmp_path / "b.pcd")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="cannot read"):
        read_pcd_cloud(tmp_path / "none.pcd")
