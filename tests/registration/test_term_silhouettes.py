from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from simulated_scene import open_body, ring, standing
from term_checks import SHAPES, equations, rest_body

from registration.fit.posing import PosedClip
from registration.fit.state import FitState
from registration.fit.terms.silhouettes import Outline, Silhouettes, rim_vertices


def drawn(vertices, faces, camera):
    """The mask of a body, all triangles filled: no rasteriser of the product's."""
    q = camera.project(vertices)
    mask = np.zeros((camera.height, camera.width), np.uint8)
    for triangle in np.round(q[faces]).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask.astype(bool)


@pytest.fixture(scope="module")
def scene():
    cameras = list(ring(3, 640, 576).values())
    parameters = standing(open_body(), 1, np.random.default_rng(0))
    state = FitState.from_parameters(replace(parameters, betas=np.zeros(SHAPES)))
    body = PosedClip(state, rest_body())
    masks = [drawn(body.vertices[0], body.model.faces, c) for c in cameras]
    return state, body, cameras, masks, [Outline.of(mask, c, 0) for mask, c in zip(masks, cameras)]


def test_outlines_lie_on_the_rim_and_look_outwards(scene):
    _, body, cameras, masks, outlines = scene
    for camera, mask, outline in zip(cameras, masks, outlines):
        out, within = (np.round(outline.q + s * outline.outward).astype(int) for s in (2.5, -2.5))
        assert mask[within[:, 1], within[:, 0]].mean() > 0.95
        assert mask[out[:, 1], out[:, 0]].mean() < 0.08  # fingers and toes are closer than that
        rim = camera.project(body.vertices[0, rim_vertices(body.vertices[0], body.normals[0], camera)])
        nearest = np.linalg.norm(outline.q[:, None] - rim, axis=-1).min(1)
        assert np.median(nearest) < 3  # vertices are 5 to 25 mm apart, a pixel is 5 mm


def test_a_body_beside_its_masks_moves_into_them(scene):
    state, body, _, _, outlines = scene
    moved = replace(state, transl=state.transl + [0.03, -0.02, 0.02])
    term = Silhouettes(outlines=outlines)
    before = equations(term.add, moved).cost
    for _ in range(12):
        system = equations(term.add, moved)
        system.A += 1e3 * np.diag(np.append(np.ones(72), np.zeros(3)))  # the pose is known to 2 degrees
        step, _ = system.solve(1e-3, fixed_shared=True)
        moved = moved.stepped(step, np.zeros(SHAPES))
    assert equations(term.add, moved).cost < 0.5 * before
    error = np.linalg.norm(PosedClip(moved, rest_body()).vertices - body.vertices, axis=-1).mean()
    assert error < 0.012  # 41 mm before


def test_an_empty_mask_says_nothing(scene):
    state, _, cameras, _, _ = scene
    empty = Outline.of(np.zeros((576, 640), bool), cameras[0], 0)
    assert len(empty.q) == 0
    assert equations(Silhouettes(outlines=[empty]).add, state).cost == 0
