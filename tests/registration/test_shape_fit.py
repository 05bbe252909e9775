"""The shape of a person in a scan: margins, upright search, coefficients, height, covariance, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.spatial.transform import Rotation
from shape_scenes import person_scan

from body.bank import load_body_bank
from body.loading import load_body_model
from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from geometry.mesh_files import write_obj, write_ply_cloud
from registration.errors import RegistrationError
from registration.fit.posing import PosedClip
from registration.fit.rest import RestBody
from registration.fit.state import FitState
from registration.fit.system import NormalEquations
from registration.shape import margins
from registration.shape.estimate import ShapeEstimate, estimate_of
from registration.shape.height import Stature, height_gradient, standing_height
from registration.shape.prior import coefficients_of_height, population
from registration.shape.scan_files import of_mesh
from registration.shape.scans import shape_of_scan
from registration.shape.sources import StaticSource, even_subset
from registration.shape.static_fit import FINE, ROUGH, first_state, fit_static
from registration.shape.upright import pose_of, standings

NAME = "b0031"
"""Of the bank's validation split."""


@pytest.fixture(scope="module")
def found() -> tuple[TriangleMesh, ShapeEstimate]:
    """An A-pose scan with a rough idea of the pose, and what comes out."""
    model, true = load_body_model(), person_scan(NAME)
    raw = of_mesh(true, samples=10_000)
    R = pose_of(45.0, 8.0)
    source = StaticSource(
        name="scan",
        points=raw.points,
        normals=raw.normals,
        sigma=np.full(len(raw.points), 0.001),
        floor_m=0.0,
        rotations=R,
        transl=np.array([0.0, 0.0, np.ptp(true.vertices[:, 2]) / 1.75]),
    )
    prior = population(model, 10)
    fit = fit_static(model, [source], first_state(model, 10, [source]), prior, (ROUGH[-1], FINE[0]))
    return true, estimate_of(model, [source], fit, [], prior)


def test_the_body_in_a_scan_is_found(found) -> None:
    true, estimate = found
    assert estimate.verdict == "good", estimate.warnings
    assert estimate.fit is not None
    error = np.linalg.norm(true.vertices - estimate.fit.posed.vertices[0], axis=1)
    # ten betas leave this person 5.5 mm at rest, root mean square; hands may still be turned
    assert error.mean() < 0.012


def test_the_height_is_that_of_the_record(found) -> None:
    _, estimate = found
    subject = load_body_bank(load_body_model()).subject(NAME)
    assert abs(estimate.height_m - subject.height_m) < 0.015
    assert 0 < estimate.height_sigma_m < 0.02
    assert abs(estimate.child) < 0.35  # an adult


def test_an_estimate_is_a_prior_for_the_next_fit(found) -> None:
    _, estimate = found
    prior = estimate.prior
    np.testing.assert_allclose(prior.precision @ estimate.covariance, np.eye(len(prior.mean)), atol=1e-6)
    assert (np.linalg.eigvalsh(estimate.covariance) > 0).all()
    np.testing.assert_allclose(estimate.betas_sigma**2, np.diag(estimate.covariance)[: len(estimate.betas)])


@pytest.mark.slow
def test_a_file_in_millimetres_and_turned_gives_the_same_body(found, tmp_path) -> None:
    true, rough = found
    v = true.vertices @ Rotation.from_euler("z", 40, degrees=True).as_matrix().T
    y_up = np.stack([v[:, 0], v[:, 2], -v[:, 1]], 1)
    write_obj(tmp_path / "person.obj", TriangleMesh(vertices=1000 * y_up, faces=true.faces))
    estimate = shape_of_scan(load_body_model(), tmp_path / "person.obj", unit="mm")
    assert estimate.verdict == "good", estimate.warnings
    assert estimate.fit is not None
    R = estimate.fit.surface.sources[0].R_world_scan
    assert R is not None
    error = np.linalg.norm(y_up @ R.T - estimate.fit.posed.vertices[0], axis=1)
    assert error.mean() < 0.009
    assert abs(estimate.height_m - rough.height_m) < 0.01


@pytest.mark.slow
def test_half_a_body_is_refused(tmp_path) -> None:
    points = of_mesh(person_scan(NAME), samples=12_000).points
    write_ply_cloud(tmp_path / "bust.ply", PointCloud(points=points[points[:, 2] > 0.9]))
    with pytest.raises(RegistrationError, match="whole person"):
        shape_of_scan(load_body_model(), tmp_path / "bust.ply", unit="m", up="z")


def test_the_margins_likelihood_is_a_gaussian_blurred_exponential() -> None:
    r = np.array([-0.006, -0.001, 0.0, 0.002, 0.02, 0.06])
    sigma, scale = np.full(6, 0.003), np.array([0.002, 0.001, 0.01, 0.005, 0.01, 0.02])
    cost, slope, weight = margins.likelihood(r, sigma, scale)
    for k in range(6):
        p = quad(
            lambda m, k=k: np.exp(-0.5 * ((r[k] - m) / sigma[k]) ** 2 - m / scale[k])
            / (np.sqrt(2 * np.pi) * sigma[k] * scale[k]),
            0, 0.15, points=[max(r[k], 0)], limit=200,
        )[0]  # fmt: skip
        np.testing.assert_allclose(cost[k], -np.log(p * sigma[k] * np.sqrt(2 * np.pi)), rtol=1e-6)
    step = 1e-7
    ahead = margins.likelihood(r + step, sigma, scale)[0]
    np.testing.assert_allclose((ahead - cost) / step, slope, rtol=1e-3, atol=1e-2)
    assert (weight > 0).all()


def test_the_scale_of_a_margin_is_found() -> None:
    rng = np.random.default_rng(0)
    true, sigma = 0.012, np.full(4000, 0.003)
    r = rng.exponential(true, 4000) + rng.normal(0, 0.003, 4000)
    region = np.full(4000, margins.REGIONS.index("trunk"))
    scale = margins.EXPECTED_M.copy()
    for _ in range(40):
        margin = margins.expected_margin(r, sigma, scale[region])
        scale = margins.scales(margin, np.ones(4000), region)
    # the mean of 4000 exponentials is known to 1.6 %; the prior's points pull by less than 1 %
    assert abs(scale[margins.REGIONS.index("trunk")] - true) < 0.06 * true


def test_a_scan_stands_upright_whichever_way_it_lay() -> None:
    scan = of_mesh(person_scan(NAME, 60.0, 8.0), samples=5000)
    R = Rotation.from_euler("xyz", [90, 0, 200], degrees=True).as_matrix()
    ways = standings(load_body_model(), scan.points @ R.T, 10)
    up = ways[0].R_world_scan @ R @ [0, 0, 1]
    assert up[2] > 0.98  # a person's principal axis is not exactly vertical
    facing = [(way.R_world_scan @ R)[1] @ [0, 1, 0] for way in ways]
    assert max(facing) > 0.9
    assert min(facing) < -0.9


@pytest.mark.parametrize("height", [1.1, 1.45, 1.75, 1.95])
def test_the_likeliest_body_of_a_height_has_it(height: float) -> None:
    model = load_body_model()
    coefficients = coefficients_of_height(model, 10, height)
    # linear in the coefficients but for which vertex is the highest
    assert abs(standing_height(model, coefficients[:10], coefficients[10]) - height) < 0.004


def test_the_gradient_of_the_height_is_its_derivative() -> None:
    model = load_body_model()
    x = np.random.default_rng(0).normal(0, 1, 11)
    gradient = height_gradient(model, x[:10], x[10], 11)
    step = 1e-6 * np.eye(11)
    finite = [(standing_height(model, *_split(x + s)) - standing_height(model, *_split(x - s))) / 2e-6 for s in step]
    np.testing.assert_allclose(gradient, finite, atol=1e-6)


def _split(x: np.ndarray) -> tuple[np.ndarray, float]:
    return x[:10], float(x[10])


def test_the_stature_pulls_crown_and_soles() -> None:
    model = load_body_model()
    rest = RestBody.of(model, 4, fit_child=True)
    state = FitState(
        rotations=pose_of(50.0, 8.0)[None],
        transl=np.array([[0.0, 0, 1.1]]),
        betas=np.zeros(4),
        offsets=np.zeros((0, 3)),
        fits_child=True,
    )
    z = PosedClip(state, rest).vertices[0][:, 2]
    points = np.stack([0 * z, 0 * z, np.linspace(z.min() - 0.02, z.max() + 0.03, len(z))], 1)
    source = StaticSource(name="s", points=points, normals=points, sigma=z)
    stature = Stature.of(model, [source])
    scale = margins.EXPECTED_M

    def at(state: FitState) -> NormalEquations:
        system = NormalEquations.zeros(1, 5)
        stature.add(system, PosedClip(state, rest), scale)
        return system

    system = at(state)
    direction = np.zeros(5)
    direction[-1] = 1
    ahead, behind = (at(state.stepped(np.zeros((1, 75)), s * 1e-6 * direction)).cost for s in (1, -1))
    np.testing.assert_allclose(system.b_shared[-1], -(ahead - behind) / 2e-6, rtol=1e-4)
    assert system.b_shared[-1] < 0  # a child is too small


def test_subsets_are_even_over_the_surface() -> None:
    rng = np.random.default_rng(0)
    dense, sparse = rng.random((20_000, 3)) * [1, 1, 0], rng.random((2000, 3)) * [1, 1, 0] + [1, 0, 0]
    points = np.concatenate([dense, sparse])
    some = even_subset(points, 600, rng)
    assert 400 <= len(some) <= 600
    assert 0.35 < (points[some][:, 0] > 1).mean() < 0.65  # a half, not the tenth that it is of the points


def test_people_in_general_are_adults_give_or_take() -> None:
    prior = population(load_body_model(), 10)
    assert len(prior.mean) == 11
    assert not prior.mean.any()
    assert prior.precision[0, 0] < prior.precision[10, 10]
