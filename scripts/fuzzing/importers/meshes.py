"""Scans, meshes and clouds of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from fuzzing.importer import Importer


def _sphere() -> tuple[np.ndarray, np.ndarray]:
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 12, endpoint=False), np.linspace(0.2, 2.9, 6))
    points = np.stack([np.cos(turn) * np.sin(rise), np.sin(turn) * np.sin(rise), np.cos(rise)], -1).reshape(-1, 3)
    a = np.arange(60).reshape(5, 12)
    b = np.roll(a, -1, 1)
    faces = np.concatenate([np.stack([a, b, b + 12], -1), np.stack([a, b + 12, a + 12], -1)]).reshape(-1, 3)
    return points, faces


def _ply(folder: Path) -> None:
    points, faces = _sphere()
    head = "ply\nformat {} 1.0\nelement vertex {}\n" + "".join(f"property float {k}\n" for k in "xyz")
    tail = f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    text = head.format("ascii", len(points)) + tail
    text += "".join(f"{x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in points) + "".join(
        f"3 {a} {b} {c}\n" for a, b, c in faces
    )
    (folder / "ascii.ply").write_text(text)
    for name, order in (("little", "<"), ("big", ">")):
        rows = np.zeros(len(faces), [("n", "u1"), ("i", f"{order}i4", 3)])
        rows["n"], rows["i"] = 3, faces
        data = (head.format(f"binary_{name}_endian", len(points)) + tail).encode()
        (folder / f"{name}.ply").write_bytes(data + points.astype(f"{order}f4").tobytes() + rows.tobytes())
    many = np.random.default_rng(0).normal(size=(2100, 3)).astype("<f4")
    colors = np.zeros((2100, 3), np.uint8)
    rows = np.rec.fromarrays([many, colors], dtype=[("p", "<f4", 3), ("c", "u1", 3)])
    words = "".join(f"property uchar {k}\n" for k in ("red", "green", "blue"))
    head = head.format("binary_little_endian", 2100) + words + "end_header\n"
    (folder / "cloud.ply").write_bytes(head.encode() + rows.tobytes())


def _obj(folder: Path) -> None:
    points, faces = _sphere()
    text = "mtllib a.mtl\n" + "".join(f"v {x:.4f} {y:.4f} {z:.4f}\nvt 0.5 0.5\n" for x, y, z in points)
    text += "usemtl a\n" + "".join(f"f {a + 1}/{a + 1} {b + 1}/{b + 1} {c + 1}/{c + 1}\n" for a, b, c in faces)
    top = folder / "scan"
    top.mkdir()
    (top / "scan.obj").write_text(text)
    (top / "a.mtl").write_text("newmtl a\nKd 1 1 1\nmap_Kd a.png\n")
    (top / "a.png").write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())


def _pcd(folder: Path) -> None:
    points = _sphere()[0].astype("<f4")
    head = "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
    head += f"WIDTH {len(points)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(points)}\nDATA "
    (folder / "binary.pcd").write_bytes((head + "binary\n").encode() + points.tobytes())
    (folder / "ascii.pcd").write_text(head + "ascii\n" + "".join(f"{x} {y} {z}\n" for x, y, z in points.tolist()))


def _cloud_npz(folder: Path) -> None:
    points = np.random.default_rng(0).normal(size=(300, 3))
    camera = np.arange(300) % 2
    np.savez(folder / "plain.npz", points=points)
    np.savez_compressed(folder / "origins.npz", points=points, camera=camera, origins=np.eye(3)[:2], up=[0.0, 0, 1])
    np.savez(
        folder / "synthetic.npz",
        points=points.astype("f4"),
        camera=camera,
        T_world_camera=np.tile(np.eye(4), (2, 1, 1)),
    )


def _read_scan(path: Path, to: Path) -> None:
    from registration.shape.scan_files import read_scan

    read_scan(path / "scan.obj" if path.is_dir() else path)


def _read_cloud(path: Path, to: Path) -> None:
    from humanrig.estimating.cloud_file import FileOptions, read_cloud_file

    read_cloud_file(path, FileOptions())


def _read_mesh(path: Path, to: Path) -> None:
    from geometry.mesh_files import read_mesh

    read_mesh(path / "scan.obj" if path.is_dir() else path)


def _seed_mesh(folder: Path) -> None:
    _ply(folder)
    (folder / "cloud.ply").unlink()
    _obj(folder)


def _importer(name: str, reads: str, read: Any, seeds: Any) -> Importer:
    return Importer(name=name, reads=reads, read=read, seeds=seeds)


IMPORTERS: Final = (
    _importer("scan_ply", "PLY scans and clouds", _read_scan, _ply),
    _importer("scan_obj", "OBJ scans", _read_scan, _obj),
    _importer("mesh", "PLY and OBJ meshes", _read_mesh, _seed_mesh),
    _importer("cloud_pcd", "PCD clouds", _read_cloud, _pcd),
    _importer("cloud_npz", "clouds in .npz", _read_cloud, _cloud_npz),
    _importer("cloud_ply", "PLY clouds of one person", _read_cloud, _ply),
)
