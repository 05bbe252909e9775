"""What the texture trials measure with: drawings and their scores, wrong parts, seams, flicker, and altered takes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from texture_trials.altered import MOVED_M, TURNED_DEG, disturbed, exposure_table, stops_of
from texture_trials.body_parts import PARTS, ROOM, PaintedPerson, counted, flat, neighbours, strongest, turns
from texture_trials.flicker import flicker
from texture_trials.gaps import largest_gap_cm2
from texture_trials.kept import measured
from texture_trials.rerender import Drawing, drawn, encoded, filled_by, linear, score, ssim_map
from texture_trials.seams import border_samples, charts_of, steps
from texture_trials.surfaces import described

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from geometry.rigid import inverse, look_at, rotation_angle
from humanrig.errors import HumanrigError
from texture.layout.atlas import Atlas


def ball(center=(0.0, 0.0, 1.0), radius=0.3, rows=24, columns=48) -> TriangleMesh:
    """A closed sphere; its last column has texture coordinates of its own, so that one chart has a seam."""
    polar, azimuth = np.linspace(0.02, np.pi - 0.02, rows + 1), np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ring = np.stack([np.outer(np.sin(polar), np.cos(azimuth)), np.outer(np.sin(polar), np.sin(azimuth)),
                     np.outer(np.cos(polar), np.ones(columns))], -1)  # fmt: skip
    u, v = np.meshgrid(np.linspace(0.05, 0.95, columns + 1), np.linspace(0.95, 0.05, rows + 1))
    i, j = (a.ravel() for a in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
    quad = np.stack([a * columns + b % columns for a, b in corners], -1)
    uv_quad = np.stack([a * (columns + 1) + b for a, b in corners], -1)
    split = [[0, 1, 2], [0, 2, 3]]
    return TriangleMesh(
        vertices=ring.reshape(-1, 3) * radius + center, faces=quad[:, split].reshape(-1, 3),
        uv=np.stack([u, v], -1).reshape(-1, 2), uv_faces=uv_quad[:, split].reshape(-1, 3),
    )  # fmt: skip


def camera(angle=0.3, name="a/color", size=(320, 240)) -> Camera:
    eye = np.array([1.6 * np.cos(angle), 1.6 * np.sin(angle), 1.1])
    K = np.array([[300.0, 0, size[0] / 2], [0, 300.0, size[1] / 2], [0, 0, 1]])
    place = look_at(eye, np.array([0, 0, 1.0]))
    return Camera(name=name, K=K, width=size[0], height=size[1], T_world_camera=place)


def painting(size=256) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    return np.stack([90 + 60 * np.sin(20 * x), 110 + 50 * np.cos(17 * y), 100 + 60 * x * y], -1).astype(np.uint8)


@pytest.fixture(scope="module")
def scene() -> tuple[TriangleMesh, np.ndarray, Camera, np.ndarray, np.ndarray]:
    """A ball, its texture, a camera, and its picture by rays: not by the rasteriser that draws."""
    mesh, texture, view = ball(), painting(), camera()
    hits = RayScene.of(mesh).cast_camera(view)
    mask = hits.face >= 0
    bary = np.stack([1 - hits.uv.sum(-1), hits.uv[..., 0], hits.uv[..., 1]], -1)[mask]
    uv = np.einsum("nk,nkc->nc", bary, mesh.uv[mesh.uv_faces[hits.face[mask]]])
    picture = np.full((*mask.shape, 3), 20, np.uint8)
    at = np.rint(np.stack([(1 - uv[:, 1]) * 256 - 0.5, uv[:, 0] * 256 - 0.5])).astype(int)
    picture[mask] = texture[at[0], at[1]]
    return mesh, texture, view, picture, mask


def test_a_drawing_is_as_near_as_its_texture(scene) -> None:
    mesh, texture, view, picture, mask = scene
    same = score(drawn(mesh, texture, view), picture, mask)
    assert same.psnr_db > 35  # nearest texels in the picture against 2 x 2 bilinear ones: 37 dB
    assert same.overlap > 0.97  # pixels at the outline are filled in part
    other = score(drawn(mesh, np.roll(texture, 12, 1), view), picture, mask)
    assert other.psnr_db < same.psnr_db - 10
    assert other.flip > 2 * same.flip
    assert other.ssim < same.ssim


def test_exposure_of_the_judge_does_not_count(scene) -> None:
    mesh, texture, view, picture, mask = scene
    brighter = np.rint(255 * encoded(linear(texture / 255) * [0.6, 0.7, 0.8])).astype(np.uint8)
    own, dimmed = (score(drawn(mesh, t, view), picture, mask) for t in (texture, brighter))
    assert np.allclose(np.array(dimmed.gain) / own.gain, 1 / np.array([0.6, 0.7, 0.8]), rtol=0.01)
    assert dimmed.psnr_db == pytest.approx(own.psnr_db, abs=0.3)  # rounded to levels once more


def test_a_surface_elsewhere_is_said(scene) -> None:
    mesh, texture, view, picture, mask = scene
    away = replace(mesh, vertices=mesh.vertices + [0, 0, 5.0])
    with pytest.raises(ValueError, match="share no pixel"):
        score(drawn(away, texture, view), picture, mask)


def test_ssim_is_its_formula() -> None:
    rng = np.random.default_rng(0)
    a = rng.random((21, 21, 1))
    b = np.clip(a + 0.1 * rng.normal(size=a.shape), 0, 1)
    w = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    w = np.outer(w, w) / np.outer(w, w).sum()
    x, y = a[5:16, 5:16, 0], b[5:16, 5:16, 0]
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy, c = (w * x * x).sum() - mx**2, (w * y * y).sum() - my**2, (w * x * y).sum() - mx * my
    want = (2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    three = [np.repeat(v, 3, 2) for v in (a, b)]
    assert ssim_map(*three)[10, 10] == pytest.approx(want, abs=1e-9)


def person() -> PaintedPerson:
    """A torso, and a left hand a hand's breadth before it."""
    torso, hand = ball(), ball((0.5, 0, 1.0), 0.08, 12, 24)
    surface = TriangleMesh(
        vertices=np.concatenate([torso.vertices, hand.vertices]),
        faces=np.concatenate([torso.faces, hand.faces + len(torso.vertices)]),
    )
    parts = np.repeat([PARTS.index("torso"), PARTS.index("left_hand")], [len(torso.faces), len(hand.faces)])
    return PaintedPerson(surface, parts)


def test_only_parts_that_do_not_hang_together_are_wrong() -> None:
    table, n = neighbours(), PARTS.index
    assert table[n("torso"), n("left_thigh")]
    assert table[n("left_forearm"), n("left_hand")]
    assert not table[n("left_thigh"), n("right_thigh")]
    assert table[ROOM].sum() == 1


def test_wrong_texels_are_counted() -> None:
    who, n = person(), PARTS.index
    way = np.array([1.0, 0, 0])
    positions = np.array([[0.3, 0, 1], [0.3, 0, 1], [0.3, 0, 1], [0.58, 0, 1], [-0.3, 0, 1], [0.42, 0, 1]], np.float32)
    normals = np.array([way, way, way, way, -way, -way], np.float32)
    painted = np.array([n("torso"), n("left_hand"), n("head"), ROOM, -1, n("torso")])
    own = who.own_parts(positions, normals)
    assert own.tolist() == [n("torso")] * 3 + [n("left_hand"), n("torso"), n("left_hand")]
    wrong = who.wrong(positions, normals, painted, own)
    assert wrong.tolist() == [False, True, False, True, False, True]
    found = counted(wrong, own, painted)
    assert (found.painted, found.wrong, found.room) == (5, 3, 1)
    assert found.share == pytest.approx(0.6)


def test_touching_and_buried_texels_are_not_wrong() -> None:
    who, n = person(), PARTS.index
    moved = replace(who.surface, vertices=np.where(
        (who.surface.vertices[:, :1] > 0.4), who.surface.vertices - [0.20, 0, 0], who.surface.vertices))  # fmt: skip
    touching = PaintedPerson(moved, who.parts)  # the hand's middle lies on the torso's border: half of it is inside
    up = np.array([0, 0, 1.0])
    inside = np.array([[0.24, 0, 1.05]], np.float32)
    assert touching.inside(inside, up[None].astype(np.float32)).all()
    assert not touching.inside(np.array([[0.3, 0, 1.08]], np.float32), up[None].astype(np.float32)).any()
    painted, own = np.array([n("torso")]), np.array([n("left_hand")])
    assert not touching.wrong(inside, up[None].astype(np.float32), painted, own).any()


def test_parts_are_told_from_their_pictures() -> None:
    parts = np.arange(len(PARTS)).reshape(3, 5)
    painted = strongest(lambda turn: flat(parts, turn).reshape(-1, 3).astype(np.float32), np.ones(len(PARTS), bool))
    assert painted.tolist() == list(range(len(PARTS)))
    assert sorted(part for turn in turns() for part in turn) == list(range(len(PARTS)))


def test_seams_are_found_where_charts_meet() -> None:
    mesh, size = ball(), 256
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, size)
    a, b = border_samples(mesh, size)
    assert len(a) == 24 * 4  # one edge for each row, four points each
    assert np.allclose(np.abs(a[:, 0] - b[:, 0]), 0.9 * size, atol=3)  # the two sides of the seam
    assert np.allclose(a[:, 1], b[:, 1], atol=1.5)
    assert len(np.unique(charts_of(mesh))) == 1
    smooth = np.full((size, size, 3), 100, np.uint8)
    stepped = smooth.copy()
    stepped[:, size // 2 :] += 12  # the chart's right half: a step at the seam, and where the camera changes
    source = np.where(np.arange(size) < size // 2, 1, 2)[None].repeat(size, 0).astype(np.uint8)
    seen = atlas.image(np.ones(len(atlas), bool), False)
    found = steps(mesh, atlas, stepped, seen, smooth, source)
    assert (found.charts, found.charts_added, found.sources, found.sources_added) == pytest.approx((12, 12, 12, 12))
    assert steps(mesh, atlas, smooth, seen).charts == 0


def test_flicker_is_a_standard_deviation() -> None:
    rng = np.random.default_rng(1)
    textures = [np.clip(np.rint(120 + 3 * rng.normal(size=(64, 64, 3))), 0, 255).astype(np.uint8) for _ in range(12)]
    seen = np.zeros((64, 64), bool)
    seen[8:] = True
    # the mean of sample deviations of 12 is 0.978 sigma; rounding adds 1/12 to the variance
    assert flicker(textures, seen).mean == pytest.approx(0.978 * np.hypot(3, 12**-0.5), rel=0.02)
    with pytest.raises(ValueError, match="cannot flicker"):
        flicker(textures[:1], seen)


def test_disturbed_cameras_are_off_as_told() -> None:
    cameras = {name: camera(a, name) for a, name in enumerate(("a/color", "a/depth", "b/color"))}
    moved = disturbed(cameras, np.random.default_rng(0))
    for name, one in cameras.items():
        T = inverse(one.T_world_camera) @ moved[name].T_world_camera
        assert np.rad2deg(rotation_angle(T)) == pytest.approx(TURNED_DEG, abs=1e-6)
        assert np.linalg.norm(T[:3, 3]) == pytest.approx(MOVED_M, abs=1e-9)
    shift = {name: moved[name].center - one.center for name, one in cameras.items()}
    assert np.allclose(shift["a/color"], shift["a/depth"])
    assert not np.allclose(shift["a/color"], shift["b/color"], atol=1e-3)


def test_exposures_scale_light() -> None:
    table = exposure_table(1.0)
    levels = np.arange(20, 150)
    assert np.allclose(linear(table[levels] / 255), 2 * linear(levels / 255), rtol=0.03)  # rounded to levels
    assert table[250] == 255
    assert (exposure_table(0.0) == np.arange(256)).all()
    stops = stops_of([f"{n}/color" for n in range(8)])
    assert (min(stops.values()), max(stops.values())) == (-0.5, 0.5)


def test_handles_and_pieces_of_a_surface() -> None:
    i, j = (a.ravel() for a in np.meshgrid(np.arange(8), np.arange(12), indexing="ij"))
    quad = np.stack([i * 12 + j, (i + 1) % 8 * 12 + j, (i + 1) % 8 * 12 + (j + 1) % 12, i * 12 + (j + 1) % 12], -1)
    ring = TriangleMesh(
        vertices=np.random.default_rng(0).random((96, 3)), faces=quad[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    )
    found = described(ring)
    assert (found["closed"], found["pieces"], found["genus"]) == (True, 1, 1)
    assert described(person().surface)["pieces"] == 2


def test_a_missing_piece_is_a_gap_of_its_area() -> None:
    true, eyes = ball(), [camera(a, size=(320, 320)) for a in np.linspace(0, 2 * np.pi, 6, endpoint=False)]
    assert largest_gap_cm2(true, true, eyes) == 0
    middle = true.vertices[true.faces].mean(1) - [0, 0, 1]
    cut = (middle[:, 0] > 0.2) | (middle[:, 0] < -0.25)  # caps of 10 and 5 cm; 1 cm near their rims is not far
    made = replace(true, faces=true.faces[~cut], uv=None, uv_faces=None)
    assert largest_gap_cm2(made, true, eyes) == pytest.approx(1e4 * 2 * np.pi * 0.3 * 0.1, rel=0.15)


def test_figures_are_kept_until_what_they_rest_on_changes(tmp_path: Path) -> None:
    calls = []

    def measure() -> dict[str, float]:
        calls.append(1)
        return {"mm": float(len(calls))}

    for key, expected in (("a", 1), ("a", 1), ("b", 2)):
        found = measured(tmp_path, "surfaces", ("take", "tight"), "free tsdf", key, measure)
        assert found.figures["mm"] == expected

    def fails() -> dict[str, float]:
        raise HumanrigError("no cloud")

    assert measured(tmp_path, "surfaces", ("other", "tight"), "x", "a", fails).error == "no cloud"
    assert measured(tmp_path, "surfaces", ("other", "tight"), "x", "a", measure).error is None


def test_a_drawing_has_the_colours_of_its_texture() -> None:
    mesh, view = ball(), camera()
    drawing = drawn(mesh, np.full((64, 64, 3), 77, np.uint8), view)
    assert isinstance(drawing, Drawing)
    assert np.allclose(255 * drawing.image[drawing.covered], 77, atol=0.01)


def test_the_room_at_the_outline_judges_no_surface_that_stands_out() -> None:
    """A surface 4 mm larger (0.7 pixels) fills pixels at the true outline whose picture shows half of the room. What a
    pixel filled by 2 x 2 samples still holds of the room at 4 x 4, at most 4 of 16, leaves 41 dB of 32."""
    view, texture, room = camera(), np.full((64, 64, 3), 77, np.uint8), 255
    fine = filled_by(ball(), view.resized(4 * view.width, 4 * view.height))
    share = fine.reshape(view.height, 4, view.width, 4).mean((1, 3))
    picture = np.rint(77 * share + room * (1 - share)).astype(np.uint8)[..., None].repeat(3, 2)
    larger = drawn(ball(radius=0.304), texture, view)
    centres, filled = (score(larger, picture, mask).psnr_db for mask in (share > 0.5, filled_by(ball(), view)))
    assert filled > centres + 6
