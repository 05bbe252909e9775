"""A template follows a bending limb and its clouds, keeps still what stands still, and is given up where it tears."""

import numpy as np
import pytest

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from texture.errors import TextureError
from texture.tracking.body_clip import BodyClip
from texture.tracking.contacts import by_contact, touching
from texture.tracking.mesh_kernels import blended
from texture.tracking.refinement import NOISE_M, calmed, refined
from texture.tracking.template import hang
from texture.tracking.track import Track, follow, gaps

RADIUS, CLOTH, LENGTH = 0.05, 0.008, 0.6


def tube(radius, rows=40, columns=24, length=LENGTH):
    """A closed tube along x, with its ends drawn together."""
    x = np.linspace(0, length, rows)
    a = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    wide = radius * np.sqrt(np.clip(1 - (np.abs(x - length / 2) / (length / 2)) ** 8, 0.02, 1))
    ring = np.stack([np.zeros_like(a), -np.cos(a), np.sin(a)], -1)
    vertices = x[:, None, None] * [1, 0, 0] + wide[:, None, None] * ring
    vertices = np.concatenate([vertices.reshape(-1, 3), [[-0.002, 0, 0]], [[length + 0.002, 0, 0]]])
    i, j = (g.ravel() for g in np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij"))
    k = (j + 1) % columns
    quads = np.stack([i * columns + j, (i + 1) * columns + j, (i + 1) * columns + k, i * columns + k], -1)
    c = np.arange(columns)
    n, last = rows * columns, (rows - 1) * columns
    caps = [np.stack([np.full(columns, n), c, (c + 1) % columns], -1)]
    caps.append(np.stack([np.full(columns, n + 1), last + (c + 1) % columns, last + c], -1))
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]], *caps])
    return TriangleMesh(vertices=vertices, faces=faces)


def bend(vertices, angle, at=LENGTH / 2):
    """Two bones that meet at `at`; the second turns about z."""
    share = 1 / (1 + np.exp(-(vertices[:, 0] - at) / 0.02))
    weights = np.stack([1 - share, share], -1)
    T = np.tile(np.eye(4), (2, 1, 1))
    T[1, :2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    T[1, :3, 3] = np.array([at, 0, 0]) - T[1, :3, :3] @ [at, 0, 0]
    weights4 = np.hstack([weights, np.zeros((len(vertices), 2))])
    T = np.concatenate([T, np.tile(np.eye(4), (2, 1, 1))])
    rows = np.einsum("vj,jab->vab", weights4, T[:, :3])
    return np.einsum("vij,vj->vi", rows[..., :3], vertices) + rows[..., 3], weights4, T


def limb(angles):
    body = tube(RADIUS)
    posed = [bend(body.vertices, angle) for angle in angles]
    return BodyClip(
        vertices=np.stack([p[0] for p in posed]), Ts_world_rest=np.stack([p[2] for p in posed]),
        rest=body.vertices, weights=posed[0][1], faces=body.faces,
    )  # fmt: skip


def dressed(angle, bulge=0.0):
    """The true surface: cloth around the limb, with a bump that the body knows nothing of."""
    cloth = tube(RADIUS + CLOTH, rows=60, columns=32)
    v = cloth.vertices.copy()
    lump = bulge * np.exp(-(((v[:, 0] - 0.15) / 0.04) ** 2))
    v[:, 1:] *= 1 + lump[:, None] / RADIUS
    return TriangleMesh(vertices=bend(v, angle)[0], faces=cloth.faces)


def cloud_of(mesh, rng, count=6000, noise=0.001):
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1)
    face = rng.choice(len(area), count, p=area / area.sum())
    u, v = rng.random((2, count, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    n = normal[face] / area[face, None]
    points = a[face] + u * (b - a)[face] + v * (c - a)[face] + noise * rng.normal(size=(count, 1)) * n
    return PointCloud(points=points, normals=n)


def error(vertices, faces, truth):
    return RayScene(truth.vertices, truth.faces).closest(TriangleMesh(vertices=vertices, faces=faces).vertices).distance


def test_the_template_is_itself_at_its_own_instant():
    clip, mesh = limb([0.4, 0.9]), dressed(0.4)
    template = hang(mesh, clip, 0)
    np.testing.assert_allclose(template.posed(clip, 0).vertices, mesh.vertices, atol=1e-6)  # the rest pose is float32
    np.testing.assert_allclose(template.binding.weights.sum(1), 1, atol=1e-6)
    # at another instant the limb takes the cloth along: far from the joint it is where it truly is
    moved = error(template.posed(clip, 1).vertices, mesh.faces, dressed(0.9))
    far = np.abs(dressed(0).vertices[:, 0] - LENGTH / 2) > 0.1
    assert moved[far].max() < 0.002


def test_refinement_finds_what_the_body_does_not_know():
    clip, mesh = limb([0.0, 0.3]), dressed(0.0)
    template = hang(mesh, clip, 0)
    truth = dressed(0.3, bulge=0.015)
    cloud = cloud_of(truth, np.random.default_rng(0))
    posed = template.posed(clip, 1)
    found = refined(template, posed, cloud)
    before, after = error(posed.vertices, mesh.faces, truth), error(found.vertices, mesh.faces, truth)
    assert before.max() > 0.01
    # 1 mm of noise over some 10 points, and a bump whose top the last level's stiffness holds back
    assert np.sqrt((after**2).mean()) < 0.0008
    assert found.seen.mean() > 0.95
    # offsets at rest turn with the limb
    np.testing.assert_allclose(posed.in_world(found.offsets), found.vertices - posed.vertices, atol=2e-3)


def test_what_no_cloud_shows_keeps_the_offsets_of_its_neighbour():
    clip, mesh = limb([0.0, 0.1]), dressed(0.0)
    template = hang(mesh, clip, 0)
    before = np.full((len(mesh.vertices), 3), 0.004)
    posed = template.posed(clip, 1)
    found = refined(template, posed, None, before)
    np.testing.assert_allclose(found.vertices - posed.vertices, posed.in_world(before), atol=1e-12)
    assert not found.seen.any()
    half = cloud_of(dressed(0.1), np.random.default_rng(1))
    half = half[half.points[:, 2] > 0]
    found = refined(template, posed, half)
    back = mesh.vertices[:, 2] < -0.03
    # nothing pulls there but the front, across the stiffness of the cloth
    assert np.linalg.norm(found.vertices - posed.vertices, axis=1)[back].max() < 0.004


def test_somebody_who_stands_still_stays_still():
    clip, mesh = limb([0.2] * 6), dressed(0.2)
    template, rng = hang(mesh, clip, 0), np.random.default_rng(2)
    clouds = [cloud_of(mesh, rng, count=12000) for _ in range(6)]
    track = follow(template, clip, clouds.__getitem__, 0, 0, 5)
    assert track.rows == list(range(6))
    # the skin of a limb that never moves is the mean surface
    skinned = blended(track.binding.joints, track.binding.weights, clip.Ts_world_rest[0])
    mean = np.einsum("vij,vj->vi", skinned[0], track.binding.rest) + skinned[1]
    assert np.abs(mean - track.vertices.mean(0)).max() < 1e-4
    # 1 mm of noise in the points; 10 of them around a vertex, and its neighbours, leave a quarter
    assert track.vertices.std(0).mean() < 0.00025


def test_a_template_is_given_up_where_it_leaves_out_the_cloud():
    angles = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
    clip, mesh, rng = limb(angles), dressed(0.1), np.random.default_rng(3)
    template = hang(mesh, clip, 2)
    clouds = [cloud_of(dressed(angle, bulge=0.0 if row < 4 else 0.09), rng) for row, angle in enumerate(angles)]
    rows = []
    track = follow(template, clip, clouds.__getitem__, 2, 0, 5, on_row=rows.append)
    assert track.rows == [0, 1, 2, 3]
    assert rows == [2, 3, 1, 0]
    assert list(gaps(0, 5, [track])) == [(4, 5)]
    assert all(quality.unexplained < 0.01 for quality in track.qualities)
    kept = follow(template, clip, clouds.__getitem__, 2, 0, 5, judged=lambda row: row < 4, threads=2)
    assert kept.rows == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(kept.vertices[:4], track.vertices)
    # nothing speaks against a surface where there is no cloud
    assert follow(template, clip, lambda row: clouds[2] if row == 2 else None, 2, 0, 5).rows == [0, 1, 2, 3, 4, 5]


def test_noise_is_calmed_and_motion_is_not():
    along = np.array([0.0001, NOISE_M, 0.02, -0.02])
    step = calmed(along + 0.003, np.full(4, 0.003)) - 0.003
    assert abs(step[0]) < 0.02 * along[0]
    assert step[1] == pytest.approx(NOISE_M / 2)
    np.testing.assert_allclose(step[2:], along[2:], rtol=0.002)


def test_the_unseen_side_of_thin_cloth_comes_along():
    """A sheet 6 mm thick, of which the clouds show the upper side, rises by 30 mm between two instants."""
    sheet = tube(0.05, rows=40, columns=24)
    vertices = sheet.vertices * [1, 4, 0.06] + [0, 0, 0.2]  # flat, 3 mm to each side, off the limb
    flat = TriangleMesh(vertices=vertices, faces=sheet.faces)
    clip = limb([0.0, 0.0])
    template = hang(flat, clip, 0)
    risen = TriangleMesh(vertices=vertices + [0, 0, 0.03], faces=sheet.faces)
    cloud = cloud_of(risen, np.random.default_rng(5), count=30000)
    upper = cloud[cloud.normals[:, 2] > 0.5]
    found = refined(template, template.posed(clip, 1), upper)
    rise = (found.vertices - vertices)[:, 2]
    below = (np.abs(vertices[:, 1]) < 0.15) & (vertices[:, 2] < 0.199)
    above = (np.abs(vertices[:, 1]) < 0.15) & (vertices[:, 2] > 0.201)
    inside = (vertices[:, 0] > 0.1) & (vertices[:, 0] < 0.5)
    assert np.median(rise[above & inside]) == pytest.approx(0.03, abs=0.004)  # the other side's inertia holds it back
    assert np.percentile(rise[below & inside], 95) < 0.036  # it stays below
    assert np.percentile(rise[below & inside], 5) > 0.02  # 0.010 without links


def test_limbs_that_part_tear_the_template():
    clip = limb([2.9, 0.2])  # folded together, then stretched
    folded = dressed(2.9)
    bridge = np.array([[10 * 32, 11 * 32, 48 * 32]])  # a face from one half to the other, as surfaces of depth have
    bridges = bridge + np.arange(80)[:, None] % 16
    mesh = TriangleMesh(vertices=folded.vertices, faces=np.concatenate([folded.faces, bridges]))
    assert touching(clip, 0) > 0.2 > touching(clip, 1)
    assert by_contact(clip, [0, 1]) == [1, 0]
    clouds = [cloud_of(dressed(angle), np.random.default_rng(4)) for angle in (2.9, 0.2)]
    track = follow(hang(mesh, clip, 0), clip, clouds.__getitem__, 0, 0, 1)
    assert track.rows == [0]
    assert list(gaps(0, 1, [track])) == [(1, 1)]


def test_a_surface_that_cannot_be_tracked_is_refused():
    clip, mesh = limb([0.0]), dressed(0.0)
    vertices = mesh.vertices.copy()
    vertices[5] = np.nan
    with pytest.raises(TextureError, match=r"1 of \d+ vertices not finite"):
        hang(TriangleMesh(vertices=vertices, faces=mesh.faces), clip, 0)
    with pytest.raises(TextureError, match="0 faces"):
        hang(TriangleMesh(vertices=mesh.vertices, faces=mesh.faces[:0]), clip, 0)
    assert list(gaps(0, 3, [])) == [(0, 3)]
    assert isinstance(follow(hang(mesh, clip, 0), clip, lambda row: None, 0, 0, 0), Track)
