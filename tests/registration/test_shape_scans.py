"""Scans from files: normals, units, floors, noise, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from geometry.mesh_files import write_obj, write_ply_cloud, write_ply_mesh
from registration.errors import RegistrationError
from registration.shape.scan_cleaning import floor_plane, person_of
from registration.shape.scan_files import RawScan, of_cloud, of_mesh, read_scan
from registration.shape.scans import clean_scan


def capsule(count: int = 6000, height: float = 1.7) -> tuple[np.ndarray, np.ndarray]:
    """Points and outward normals of a standing body of revolution."""
    rng = np.random.default_rng(0)
    z, angle = rng.uniform(0, height, count), rng.uniform(0, 2 * np.pi, count)
    around = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    return 0.16 * around + np.stack([0 * z, 0 * z, z], 1), around


def disc(radius: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """A floor at z = 0."""
    rng = np.random.default_rng(1)
    r, angle = radius * np.sqrt(rng.random(count)), rng.uniform(0, 2 * np.pi, count)
    points = np.stack([r * np.cos(angle), r * np.sin(angle), rng.normal(0, 0.001, count)], 1)
    return points, np.tile([0.0, 0.0, 1.0], (count, 1))


def scan(points: np.ndarray, normals: np.ndarray) -> RawScan:
    return RawScan(points=points, normals=normals, oriented=True)


def sphere() -> TriangleMesh:
    v = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float64)
    f = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    return TriangleMesh(vertices=v, faces=f)


def test_normals_point_outward_however_the_faces_wind() -> None:
    mesh = sphere()
    faces = mesh.faces.copy()
    faces[::3] = faces[::3, ::-1]  # inconsistent
    found = of_mesh(TriangleMesh(vertices=mesh.vertices, faces=faces), samples=500)
    assert ((found.points * found.normals).sum(1) > 0.5).all()  # an octahedron's faces are 0.58 from its middle


def test_samples_are_spread_by_area() -> None:
    v = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [10, 0, 0], [13, 0, 0], [10, 3, 0]], np.float64)
    found = of_mesh(TriangleMesh(vertices=v, faces=np.array([[0, 1, 2], [3, 4, 5]])), samples=4000)
    # nine tenths of the area; three standard deviations of a binomial share
    assert abs((found.points[:, 0] > 5).mean() - 0.9) < 3 * np.sqrt(0.09 / 4000)


def test_a_mesh_with_broken_vertices_loses_them_and_says_so() -> None:
    mesh = sphere()
    v = mesh.vertices.copy()
    v[4] = np.nan
    found = of_mesh(TriangleMesh(vertices=v, faces=mesh.faces), samples=100)
    assert np.isfinite(found.points).all()
    assert "1 of 6 vertices are not finite" in found.notes[0]


def test_an_edge_of_three_faces_is_noted() -> None:
    mesh = sphere()
    more = TriangleMesh(vertices=mesh.vertices, faces=np.concatenate([mesh.faces, [[0, 2, 1]]]))
    assert any("more than two faces" in note for note in of_mesh(more, samples=100).notes)


def test_normals_of_a_bare_cloud_are_those_of_the_surface() -> None:
    points, around = capsule()
    found = of_cloud(points, None)
    assert not found.oriented
    inner = (points[:, 2] > 0.05) & (points[:, 2] < 1.65)
    assert np.median(np.abs((found.normals * around).sum(1))[inner]) > 0.99


def test_files_that_are_no_scan_are_named(tmp_path) -> None:
    with pytest.raises(RegistrationError, match=r"scans are read from \.obj and \.ply"):
        read_scan(tmp_path / "person.stl")
    with pytest.raises(RegistrationError, match=r"nobody\.obj"):
        read_scan(tmp_path / "nobody.obj")
    with pytest.raises(RegistrationError, match="cannot read"):
        read_scan(tmp_path / "nobody.ply")
    write_ply_cloud(tmp_path / "few.ply", PointCloud(points=np.zeros((20, 3))))
    with pytest.raises(RegistrationError, match="holds 20 points"):
        read_scan(tmp_path / "few.ply")
    write_ply_mesh(tmp_path / "flat.ply", TriangleMesh(vertices=np.zeros((3, 3)), faces=np.array([[0, 1, 2]])))
    with pytest.raises(RegistrationError, match="has an area"):
        read_scan(tmp_path / "flat.ply")


def test_meshes_of_both_kinds_and_clouds_are_read(tmp_path) -> None:
    points, around = capsule(3000)
    write_ply_cloud(tmp_path / "cloud.ply", PointCloud(points=points, normals=around))
    assert read_scan(tmp_path / "cloud.ply").oriented
    write_obj(tmp_path / "mesh.obj", sphere())
    write_ply_mesh(tmp_path / "mesh.ply", sphere())
    a, b = read_scan(tmp_path / "mesh.obj"), read_scan(tmp_path / "mesh.ply")
    np.testing.assert_allclose(a.points, b.points)


def test_the_floor_is_found_and_tells_which_way_is_up() -> None:
    points, around = capsule()
    floor, up = disc(0.5)
    turn = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])  # z becomes y
    plane = floor_plane(np.concatenate([points, floor]) @ turn.T, np.concatenate([around, up]) @ turn.T)
    assert plane is not None
    assert plane.up @ turn[:, 2] > 0.9999  # 0.8 degrees: 1 mm of noise over a metre gives far less
    assert abs(plane.height) < 0.001
    assert floor_plane(points, around) is None


def test_the_persons_points_remain_without_floor_and_noise() -> None:
    points, around = capsule()
    floor, up = disc(0.5)
    noise = np.random.default_rng(2).normal([1.0, 1.0, 1.0], 0.01, (15, 3))
    everything = scan(np.concatenate([points, floor, noise]), np.concatenate([around, up, np.tile(up[0], (15, 1))]))
    source, direction, notes = clean_scan(everything, "scan.ply")
    assert direction is not None
    assert direction[2] > 0.999
    assert len(source.points) == (points[:, 2] > 0.012).sum()
    assert "floor" in notes[0]
    assert "noise" in notes[1]


def test_a_part_behind_a_hole_stays() -> None:
    points, _ = capsule()
    gap = points[(points[:, 2] < 1.3) | (points[:, 2] > 1.4)]
    assert person_of(gap)[0].all()


def test_two_things_are_refused() -> None:
    points, around = capsule()
    with pytest.raises(RegistrationError, match="two things"):
        clean_scan(scan(np.concatenate([points, points + [1.2, 0, 0]]), np.concatenate([around, around])), "s", up="z")


@pytest.mark.parametrize(
    ("factor", "advice"),
    [(1000, "--scan-unit mm"), (100, "--scan-unit cm"), (0.0254, "--scan-unit"), (0.6, "--scan-unit m")],
)
def test_a_size_that_is_no_person_in_metres_is_asked_about(factor: float, advice: str) -> None:
    points, around = capsule()
    with pytest.raises(RegistrationError, match=f"give {advice}"):
        clean_scan(scan(points * factor, around), "s", up="z")


def test_a_unit_that_was_given_is_used_or_refused() -> None:
    points, around = capsule()
    source, _, _ = clean_scan(scan(points * 1000, around), "s", unit="mm")
    np.testing.assert_allclose(source.points, points)
    with pytest.raises(RegistrationError, match="s: with the unit cm this scan is 17 m high"):
        clean_scan(scan(points * 1000, around), "s", unit="cm")
    with pytest.raises(RegistrationError, match="'inch' is unknown"):
        clean_scan(scan(points, around), "s", unit="inch")
    with pytest.raises(RegistrationError, match="'up' is unknown"):
        clean_scan(scan(points, around), "s", up="up")
