"""Furniture as closed, finely cut, textured meshes."""

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.virtual.furniture import furniture, piece
from capture.virtual.furniture_materials import draw_material
from capture.virtual.furniture_pieces import DESIGNS
from capture.virtual.furniture_shapes import box, cushion, joined, lathe, leaf, tube
from geometry.mesh import TriangleMesh

LONGEST_EDGE_M = 0.15  # a straight edge of 0.15 m at 2 m bends by less than 0.1 px in the Azure Kinect's lens


def _mesh(shape) -> TriangleMesh:
    return TriangleMesh(vertices=np.asarray(shape.vertices, np.float64), faces=shape.faces)


def _volume_of_parts(mesh: TriangleMesh) -> list[float]:
    """Volumes of the connected parts."""
    label = np.arange(len(mesh.vertices))
    while True:
        least = label.copy()
        for corner in range(3):
            np.minimum.at(least, mesh.faces[:, corner], label[mesh.faces].min(1))
        if (least == label).all():
            break
        label = least
    part = label[mesh.faces[:, 0]]
    return [TriangleMesh(vertices=mesh.vertices, faces=mesh.faces[part == p]).volume() for p in np.unique(part)]


@pytest.mark.parametrize("kind", DESIGNS)
def test_pieces_are_closed_outward_and_finely_cut(kind):
    for seed in range(2):
        thing = piece(kind, np.random.default_rng(seed))
        vertices, faces = thing.vertices[0].astype(np.float64), thing.figure.faces
        mesh = TriangleMesh(vertices=vertices, faces=faces)
        assert mesh.is_watertight()
        assert min(_volume_of_parts(mesh)) > 0  # every part, not only the largest, faces outwards
        edges = vertices[faces] - vertices[np.roll(faces, 1, 1)]
        assert np.linalg.norm(edges, axis=-1).max() < LONGEST_EDGE_M
        assert vertices[:, 2].min() == pytest.approx(0, abs=1e-6)  # float32
        middle = (vertices[:, :2].min(0) + vertices[:, :2].max(0)) / 2
        assert np.abs(middle).max() < 1e-6
        assert thing.figure.uv.min() >= 0
        assert thing.figure.uv.max() <= 1
        assert (thing.figure.infrared > 0).all()
        assert thing.figure.texture.std() > 1


def test_a_seed_gives_the_same_furniture_and_another_seed_other():
    first, again, other = (furniture(np.random.default_rng(seed), 4) for seed in (3, 3, 4))
    assert [t.name for t in first] == [t.name for t in again]
    assert all(np.array_equal(a.vertices, b.vertices) for a, b in zip(first, again))
    assert all(np.array_equal(a.figure.texture, b.figure.texture) for a, b in zip(first, again))
    assert [t.name for t in first] != [t.name for t in other]


def test_kinds_come_round_and_names_are_unique():
    things = furniture(np.random.default_rng(0), 12)
    kinds = [t.name.rsplit("_", 1)[0] for t in things]
    assert set(kinds[:10]) == set(DESIGNS)
    assert len({t.name for t in things}) == 12


@pytest.mark.parametrize("ask", [lambda rng: furniture(rng, -1), lambda rng: piece("throne", rng)])
def test_what_cannot_be_made_is_said(ask):
    with pytest.raises(CaptureError, match=r"-1 pieces|'throne'"):
        ask(np.random.default_rng(0))


def test_a_box_has_its_size_and_nearly_its_volume():
    shape = box((0.5, 0.3, 0.2), 0.004)
    assert np.ptp(shape.vertices, axis=0) == pytest.approx([0.5, 0.3, 0.2])
    # twelve bevels, each less than bevel² · length of what a sharp edge has
    assert 0 < 0.03 - _mesh(shape).volume() < 4 * (0.5 + 0.3 + 0.2) * 0.004**2
    side = shape.uv[shape.uv_faces]
    doubled = np.cross(side[:, 1] - side[:, 0], side[:, 2] - side[:, 0])
    area = np.linalg.norm(np.cross(*(np.diff(shape.vertices[shape.faces], axis=1).transpose(1, 0, 2))), axis=1)
    flat = area > 1e-3  # not the bevels
    assert np.abs(doubled)[flat] == pytest.approx(area[flat], rel=0.05)  # textures are not stretched


def test_turned_solids_tubes_and_leaves_have_the_volume_of_their_formula():
    cylinder = _mesh(lathe([(0.2, 0), (0.2, 1)]))
    # a regular polygon of 14 sides (2 π 0.2 / STEP_M) has 0.967 of its circle's area
    assert cylinder.volume() == pytest.approx(np.pi * 0.04, rel=0.04)
    ring = _mesh(lathe([(0.3, 0), (0.35, 0), (0.35, 0.1), (0.3, 0.1)], closed=True))
    assert ring.volume() == pytest.approx(np.pi * (0.35**2 - 0.3**2) * 0.1, rel=0.03)
    bar = _mesh(tube([(0, 0, 0), (0.3, 0, 0), (0.3, 0.4, 0)], 0.01, around=24))
    assert bar.volume() == pytest.approx(0.7 * np.pi * 1e-4, rel=0.06)  # the bend cuts a corner
    assert 0 < _mesh(leaf(0.2, 0.06, 0.05)).volume() < 0.2 * 0.06 * 0.002
    assert _mesh(cushion((0.4, 0.4, 0.1), 0.03)).volume() > 0.6 * 0.4 * 0.4 * 0.1
    both = joined([box((0.1, 0.1, 0.1)), box((0.1, 0.1, 0.1)).moved(x=1)])
    assert _mesh(both).volume() == pytest.approx(2 * _mesh(box((0.1, 0.1, 0.1))).volume())


def test_plants_are_bright_and_black_plastic_dark_in_infrared():
    rng = np.random.default_rng(0)
    assert draw_material("foliage", rng).infrared > 1.5  # leaves reflect about half of the light at 850 nm
    assert draw_material("plastic", rng).infrared < 1
