from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_scene import open_body
from term_checks import SHAPES, random_state, rest_body

from body.joints import PARENTS
from registration.errors import RegistrationError
from registration.fit.accumulate import surface_block
from registration.fit.posing import PosedClip
from registration.fit.state import FRAME_SIZE
from registration.fit.terms import clothing as clothing_module
from registration.fit.terms.clothing import Clothing, FramePoints
from registration.fit.terms.clothing_kernel import clothed_block
from registration.fit.terms.margin_learning import learned_margins
from registration.fit.terms.margin_prior import (
    MarginPrior,
    MarginPriors,
    default_margin_priors,
    read_margin_priors,
    write_margin_priors,
)

POINTS = 300


class Setup:
    """Points that belong to given vertices of a body, along fixed directions."""

    def __init__(self, seed=0, patches=12, directions=3):
        rng = np.random.default_rng(seed)
        self.body = replace(rest_body(), posedirs=None)
        self.state = random_state(1, rng)
        posed = PosedClip(self.state, self.body)
        self.vertex = rng.choice(len(self.body.template), POINTS, replace=False)
        self.direction = posed.normals[0, self.vertex]
        self.target = posed.vertices[0, self.vertex] + (rng.normal(0.02, 0.01, POINTS))[:, None] * self.direction
        self.prior = MarginPrior(
            name="some",
            mean=rng.uniform(0, 0.03, patches),
            basis=0.01 * rng.standard_normal((patches, directions)),
            rest=rng.uniform(0.001, 0.004, patches),
            within=rng.uniform(0.001, 0.003, patches),
        )
        patch = rng.integers(0, patches, len(self.body.template))
        self.clothing = Clothing(prior=self.prior, patch=patch, said=0.4, reach_m=10.0)  # no outliers: linear

    def at(self, state):
        posed = PosedClip(state, self.body)
        residual = ((self.target - posed.vertices[0, self.vertex]) * self.direction).sum(1)
        points = FramePoints(
            residual=residual, aside=np.zeros(POINTS), trust=np.ones(POINTS), sigma=np.full(POINTS, 0.002),
            vertex=self.vertex,
        )  # fmt: skip
        f, m = posed.frames, self.body
        geometry = (
            np.repeat(self.vertex[:, None], 3, 1), np.tile([1.0, 0.0, 0.0], (POINTS, 1)), self.direction, posed.rest[0],
            m.carriers, m.weights, m.directions, f.R[0], f.R_parent[0], f.t[0], f.joints[0], f.d_t[0],
            np.array(PARENTS),
        )  # fmt: skip
        return points, geometry

    def cost(self, state):
        points, geometry = self.at(state)
        return self.clothing.equations(points, *geometry)


def test_gradient_is_the_cost_s():
    setup, rng = Setup(), np.random.default_rng(1)
    _, b, _ = setup.cost(setup.state)
    for _ in range(4):
        frames, shared = rng.standard_normal((1, FRAME_SIZE)), rng.standard_normal(SHAPES)
        ahead, behind = (setup.cost(setup.state.stepped(s * frames, s * shared))[2] for s in (1e-6, -1e-6))
        predicted = b @ np.concatenate([frames[0], shared])
        # the reach of 10 m leaves 1e-5 of robustness
        assert (behind - ahead) / 2e-6 == pytest.approx(predicted, rel=1e-3, abs=1e-3 * np.abs(b).max())


def test_marginalised_equations_are_those_of_the_whole_covariance():
    """Against the inverse of the dense covariance of all points, shared margins and directions included."""
    setup = Setup()
    points, geometry = setup.at(setup.state)
    outside = replace(points, residual=np.abs(points.residual))  # nobody inside
    A, b, _ = setup.clothing.equations(outside, *geometry)
    prior, patch = setup.prior, setup.clothing.patch[setup.vertex]
    count = np.bincount(patch, minlength=len(prior.mean))
    own = 0.002**2 + clothing_module.SURFACE_SIGMA_M**2 + prior.within[patch] ** 2
    independent = own + count[patch] * (prior.rest[patch] ** 2 + setup.clothing.gap_m**2)
    B = prior.basis[patch]
    S = np.diag(independent) + B @ B.T / setup.clothing.said
    rows = np.stack(
        [surface_block(*(g[n : n + 1] for g in geometry[:3]), *_unit(), *geometry[3:])[1] for n in range(POINTS)]
    )
    np.testing.assert_allclose(A, rows.T @ np.linalg.solve(S, rows), rtol=1e-4, atol=1e-4 * np.abs(A).max())
    expected = rows.T @ np.linalg.solve(S, outside.residual - prior.mean[patch])
    np.testing.assert_allclose(b, expected, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def _unit():
    return np.ones(1), np.ones(1)


def test_the_kernel_adds_points_as_the_plain_one_does_and_sums_rows_by_patch():
    setup = Setup()
    _, geometry = setup.at(setup.state)
    rng = np.random.default_rng(2)
    information, inside, r = rng.uniform(0, 2, POINTS), rng.uniform(0, 1, POINTS), rng.standard_normal(POINTS)
    patch = rng.integers(0, 5, POINTS)
    H, g, G = clothed_block(5, patch, information, inside, r, 2 * r, *geometry)
    one = surface_block(*geometry[:3], information, r, *geometry[3:])
    other = surface_block(*geometry[:3], inside, 2 * r, *geometry[3:])
    np.testing.assert_allclose(H, one[0] + other[0], atol=1e-9)
    np.testing.assert_allclose(g, one[1] + other[1], atol=1e-9)
    for p in range(5):
        only = surface_block(*geometry[:3], np.where(patch == p, information, 0.0), np.ones(POINTS), *geometry[3:])
        np.testing.assert_allclose(G[p], only[1], atol=1e-9)


def test_points_inside_the_skin_push_harder_than_points_outside():
    setup = Setup()
    points, geometry = setup.at(setup.state)
    bare = replace(setup.clothing, prior=replace(setup.prior, mean=np.zeros(12)))
    cost = {s: bare.equations(replace(points, residual=np.full(POINTS, s * 0.01)), *geometry)[2] for s in (-1, 1)}
    assert cost[-1] - cost[1] == pytest.approx(12 * 0.5 * (0.01 / 0.004) ** 2, rel=0.1)  # 12 patches, each a gap off


def test_a_patch_with_a_smaller_gap_says_more():
    setup = Setup()
    even, uneven = setup.clothing, replace(setup.clothing, gap_m=np.where(np.arange(12) == 3, 0.001, 0.004))
    points, geometry = setup.at(setup.state)
    mine = setup.clothing.patch[setup.vertex] == 3
    for trust, same in ((np.where(mine, 0.0, 1.0), True), (np.where(mine, 1.0, 0.0), False)):
        some = replace(points, trust=trust)
        A, B = even.equations(some, *geometry)[0], uneven.equations(some, *geometry)[0]
        assert np.allclose(A, B) == same
    assert np.trace(B) > 1.5 * np.trace(A)


def test_the_ends_of_a_body_are_its_crown_and_soles():
    model, margins = open_body(), default_margin_priors()
    y = np.asarray(model.v_template)[:, 1]
    height = (y - y.min()) / np.ptp(y)
    ends = margins.ends[margins.patches(model)]
    assert ends[y.argmax()]
    assert ends[y.argmin()]
    assert not ends[(height > 0.08) & (height < 0.92)].any()
    assert 0.03 < margins.ends.mean() < 0.08  # patches are even: so much of the skin


def test_each_kind_of_clothes_explains_its_own_margins_best():
    priors, model = default_margin_priors(), open_body()
    rng, setup = np.random.default_rng(3), Setup()
    patch = priors.patches(model)
    points, geometry = setup.at(setup.state)
    for worn in priors.kinds:
        margins = worn.mean + worn.basis @ rng.standard_normal(worn.basis.shape[1])
        residual = np.maximum(margins, 0)[patch[setup.vertex]] + 0.002 * rng.standard_normal(POINTS)
        costs = {}
        for kind in priors.kinds:
            term = Clothing(prior=kind, patch=patch, said=1.0, reach_m=0.03)
            costs[kind.name] = term.equations(replace(points, residual=residual), *geometry)[2]
        assert min(costs, key=costs.__getitem__) == worn.name


def test_hands_and_faces_are_bare_and_shirts_are_not():
    model = open_body()
    sewn = default_margin_priors().kind("sewn")
    mean = sewn.mean[default_margin_priors().patches(model)]
    mover = np.asarray(model.weights).argmax(1)
    assert mean[np.isin(mover, (22, 23))].mean() < 0.001
    assert mean[np.isin(mover, (3, 6))].mean() > 0.01
    assert abs(mean[model.keypoint_vertices["nose"]]) < 0.002


def test_margins_are_learned_from_examples_with_holes(tmp_path):
    rng = np.random.default_rng(4)
    mean, basis = rng.uniform(0, 0.02, 30), 0.01 * rng.standard_normal((30, 2))
    margins = mean + rng.standard_normal((200, 2)) @ basis.T + 0.001 * rng.standard_normal((200, 30))
    margins[rng.random(margins.shape) < 0.2] = np.nan
    margins[:, 7] = np.nan
    found = learned_margins("some", margins, np.full_like(margins, 0.003), 2)
    seen = np.arange(30) != 7
    covariance, true = found.basis @ found.basis.T, basis @ basis.T
    assert np.abs(found.mean - mean)[seen].max() < 0.003  # 14 mm / sqrt(200) and three times that
    assert np.abs(covariance - true)[np.ix_(seen, seen)].max() < 0.25 * true.max()
    assert np.median(found.rest[seen]) == pytest.approx(0.001, rel=0.2)
    assert found.rest[7] == 0.01
    priors = MarginPriors(kinds=(found,), center=rng.standard_normal((30, 3)))
    write_margin_priors(tmp_path / "m.npz", priors, "made up")
    again = read_margin_priors(tmp_path / "m.npz").kind("some")
    np.testing.assert_allclose(again.basis, found.basis, atol=2e-5)  # half precision of millimetres


def test_files_that_hold_no_margins_and_unknown_clothes_are_named(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(RegistrationError, match=r"x\.npz has no margins of clothes"):
        read_margin_priors(tmp_path / "x.npz")
    with pytest.raises(
        RegistrationError, match="no clothes of the kind 'armour'; the kinds are: painted, sewn, skirted"
    ):
        default_margin_priors().kind("armour")
    with pytest.raises(RegistrationError, match="4 examples, 3 directions need 6"):
        learned_margins("few", np.zeros((4, 5)), np.zeros((4, 5)), 3)
