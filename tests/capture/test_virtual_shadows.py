"""Light that figures leave themselves and the floor, against rays."""

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.virtual.ambient_occlusion import GIVEN_BACK, figure_light
from capture.virtual.furniture_shapes import box, joined, lathe
from capture.virtual.light import Lights
from capture.virtual.shadows import FLOOR_CELLS, FLOOR_M, floor_shadow
from capture.virtual.surface_samples import SurfaceSamples
from geometry.face_raster.vertex_normals import vertex_normals
from geometry.rays import RayScene

NO_LAMP = Lights(
    directions=np.array([[0, 0, 1]], np.float32),
    powers=np.zeros((1, 3), np.float32),
    sky=np.ones(3, np.float32),
    ground=np.ones(3, np.float32),
)


def _ball(radius, z, x=0.0):
    angle = np.linspace(0, np.pi, 14)[1:-1]
    return lathe(np.stack([radius * np.sin(angle), -radius * np.cos(angle)], -1)).moved(x=x, z=z)


def _lit(shape, lights=None):
    vertices = shape.vertices.astype(np.float32)
    normals = vertex_normals(vertices, shape.faces)
    return figure_light(vertices, normals, SurfaceSamples.of(vertices, shape.faces), lights), normals


@pytest.fixture(scope="module")
def group():
    """A torso, two arms beside it and a table top over the legs' place: hollows of 5 to 30 cm."""
    torso = lathe([(0.1, 0.8), (0.16, 0.85), (0.17, 1.1), (0.15, 1.4), (0.05, 1.5)])
    arms = [lathe([(0.03, 0.8), (0.05, 1.1), (0.05, 1.4)]).moved(y=side * 0.26) for side in (-1, 1)]
    return joined([torso, *arms, box((0.8, 1.0, 0.03)).moved(x=0.55, z=0.75), box((0.3, 0.3, 0.5)).moved(x=0.6, z=0.4)])


def test_light_from_all_around_is_what_rays_find(group):
    left, normals = _lit(group, NO_LAMP)
    scene = RayScene(group.vertices, group.faces)
    rng = np.random.default_rng(0)
    towards = rng.normal(0, 1, (len(normals), 200, 3)) / 3
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    towards += normals[:, None]  # cosine-weighted
    hits = scene.cast(np.repeat((group.vertices + 0.01 * normals)[:, None], 200, 1), towards)
    visible = (hits.face < 0).mean(1)
    expected = visible + GIVEN_BACK * (1 - visible)
    # 20 directions and cells of 4 cm against 200 rays (3 % noise): measured 0.06 and 0.96
    assert np.sqrt(np.square(left - expected).mean()) < 0.08
    assert np.corrcoef(left, expected)[0, 1] > 0.9
    assert abs((left - expected).mean()) < 0.04


def test_what_nothing_stands_beside_keeps_its_light():
    left, _ = _lit(_ball(0.25, 1.0))
    assert left.min() > 0.9  # facets
    assert left.max() <= 1.0 + 1e-6
    assert left.mean() > 0.98


def test_lamps_cast_shadows_on_figures():
    lamp = Lights(
        directions=np.array([[0, 0, 1]], np.float32), powers=np.ones((1, 3), np.float32),
        sky=np.zeros(3, np.float32), ground=np.zeros(3, np.float32),
    )  # fmt: skip
    slab, ball = box((1.0, 1.0, 0.05)).moved(z=0.3), _ball(0.25, 1.2)
    left, normals = _lit(joined([slab, ball]), lamp)
    on_slab = np.arange(len(left)) < len(slab.vertices)
    vertices = joined([slab, ball]).vertices
    up = on_slab & (normals[:, 2] > 0.9)
    away = np.linalg.norm(vertices[:, :2], axis=1)
    assert left[up & (away < 0.15)].max() < 0.1
    assert left[up & (away > 0.4)].min() > 0.9


def test_samples_follow_their_vertices_and_stay_on_their_piece(group):
    samples = SurfaceSamples.of(group.vertices, group.faces)
    moved = group.vertices @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]]) + [1, 2, 3]
    turned = samples.at(group.vertices) @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]]) + [1, 2, 3]
    assert samples.at(moved) == pytest.approx(turned, abs=1e-5)  # float32
    scene = RayScene(group.vertices, group.faces)
    assert scene.closest(samples.at(group.vertices).astype(np.float64)).distance.max() < 1e-5
    near = np.linalg.norm(samples.at(group.vertices)[samples.nearest[:, 0]] - group.vertices, axis=1)
    assert near.max() < 0.15  # a side of the furniture's squares
    arm = np.abs(samples.at(group.vertices)[:, 1] - 0.26) < 0.055
    arm &= samples.at(group.vertices)[:, 2] > 0.79
    light = samples.spread(arm.astype(np.float32))
    on_arm = (np.abs(group.vertices[:, 1] - 0.26) < 0.051) & (group.vertices[:, 2] > 0.799)
    assert light[on_arm] == pytest.approx(1, abs=1e-6)
    assert light[~on_arm] == pytest.approx(0, abs=1e-6)
    with pytest.raises(CaptureError, match="without faces"):
        SurfaceSamples.of(group.vertices, group.faces[:0])


def _cell(xy) -> tuple[int, int]:
    column, row = ((np.asarray(xy) / FLOOR_M + 0.5) * FLOOR_CELLS).astype(int)
    return int(row), int(column)


def test_the_floor_is_dark_where_a_lamp_is_hidden_and_nowhere_else():
    lights = Lights(
        directions=np.array([[0.6, 0, 0.8]], np.float32), powers=np.ones((1, 3), np.float32),
        sky=np.full(3, 0.2, np.float32), ground=np.zeros(3, np.float32),
    )  # fmt: skip
    ball = _ball(0.2, 1.0, x=0.2)
    left = floor_shadow(ball.vertices, SurfaceSamples.of(ball.vertices, ball.faces), lights)
    lamp = lights.positions[0]
    centre = np.array([0.2, 0, 1.0])
    shadow = (centre + (centre - lamp) * centre[2] / (lamp[2] - centre[2]))[:2]
    power = lamp[2] / np.linalg.norm(lamp)
    assert left[_cell(shadow)] == pytest.approx(0.2 / (0.2 + power), abs=0.03)
    assert left[_cell([-shadow[0], 1.5])] == 1
    dark = np.argwhere(left < (1 + left.min()) / 2)
    middle = ((dark.mean(0)[::-1] + 0.5) / FLOOR_CELLS - 0.5) * FLOOR_M
    assert middle == pytest.approx(shadow, abs=0.06)  # the cone's section is not a circle about the centre's ray
    assert left.min() > 0
    assert left.max() <= 1


def test_higher_things_cast_softer_shadows_and_feet_darken_the_floor():
    lights = Lights(
        directions=np.array([[0, 0, 1]], np.float32), powers=np.ones((1, 3), np.float32),
        sky=np.full(3, 0.3, np.float32), ground=np.zeros(3, np.float32),
    )  # fmt: skip

    def steepest(z):
        slab = box((0.5, 0.5, 0.02)).moved(z=z)
        left = floor_shadow(slab.vertices, SurfaceSamples.of(slab.vertices, slab.faces), lights)
        return np.abs(np.diff(left[FLOOR_CELLS // 2])).max()

    assert steepest(0.2) > 1.3 * steepest(0.6) > 1.3 * 1.3 * steepest(1.4)
    foot = box((0.1, 0.25, 0.08)).moved(z=0.05)
    left = floor_shadow(foot.vertices, SurfaceSamples.of(foot.vertices, foot.faces), NO_LAMP)
    assert left[_cell([0, 0])] < 0.85
    assert left[_cell([0.15, 0])] < 0.995  # beside it
    assert left[_cell([1, 0])] == 1
