"""Labels that a rig without a truth gives: the skin of a body, and where it is from each point."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))

from point_trials.fitted_labels import REACH_M, labels_of_body
from point_trials.shard_takes import normals_of

from body.loading import load_body_model


def test_points_over_the_skin_get_its_part_and_the_way_back_to_it() -> None:
    model = load_body_model()
    vertices = np.asarray(model.v_template, np.float64)
    normals = model.mesh(vertices).vertex_normals()
    off = np.where(np.arange(len(vertices)) % 50 == 0, 3.0, 0.01)  # some far from everybody
    some = np.arange(0, len(vertices), 7)
    points = vertices[some] + off[some, None] * normals[some]
    labels = labels_of_body(points, vertices, model)
    far = off[some] > REACH_M
    assert (labels.part[far] == 24).all()
    assert np.isnan(labels.skin_offset[far]).all()
    near = ~far
    assert (np.linalg.norm(labels.skin_offset[near], axis=1) <= 0.01 + 1e-6).all()  # the nearest skin is no further
    same = labels.part[near] == np.asarray(model.weights).argmax(1)[some[near]]
    assert same.mean() > 0.9  # between fingers and at joints another vertex is nearer


def test_normals_of_a_sphere_point_at_the_camera() -> None:
    rng = np.random.default_rng(0)
    v = rng.normal(size=(3000, 3))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    seen = v[v[:, 0] > 0.3]
    normals = normals_of(0.3 * seen, np.array([3.0, 0, 0]))
    assert np.median((normals * seen).sum(1)) > 0.98  # 12 neighbours on a sphere lie within a few degrees of a plane
