"""How far regressed bodies are from true ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hps.points.baselines.body_output import VERTEX_COUNT, BodyOutput, body_distance, loss_skinning, loss_vertices
from hps.points.landmarks import landmarks_of


def of_truth(batch):
    return BodyOutput(rotations=batch.rotations, betas=batch.betas, child=batch.child, transl=batch.transl)


def test_the_vertices_of_losses_begin_with_the_markers_and_are_all_different(open_body):
    chosen, markers = loss_vertices(open_body), landmarks_of(open_body).markers
    assert len(np.unique(chosen)) == VERTEX_COUNT
    assert (chosen[: len(markers)] == markers).all()


def test_the_true_body_is_at_no_distance(open_body, clouds_of_bodies):
    batch = clouds_of_bodies()
    found = body_distance(of_truth(batch), batch, loss_skinning(open_body))
    for name in ("joints", "vertices", "rotations", "betas", "child"):
        # float32 sums of products of a few metres
        assert getattr(found, name).item() < 1e-6, name


def test_a_shifted_body_is_at_the_shift(open_body, clouds_of_bodies):
    batch = clouds_of_bodies()
    moved = replace(of_truth(batch), transl=batch.transl + torch.tensor([0.3, 0.0, 0.0]))
    found = body_distance(moved, batch, loss_skinning(open_body))
    # the mean over three coordinates, of which one is off
    assert found.joints.item() == pytest.approx(0.1, abs=1e-6)
    assert found.vertices.item() == pytest.approx(0.1, abs=1e-6)
    assert found.rotations.item() == 0


def test_where_the_truth_is_not_exact_only_joints_and_markers_count(open_body, clouds_of_bodies):
    batch = clouds_of_bodies()
    stretched = replace(batch, landmarks=1.2 * batch.landmarks, exact=torch.zeros(len(batch), dtype=torch.bool))
    skinning = loss_skinning(open_body)
    wrong = replace(stretched, betas=batch.betas + 5, rotations=torch.eye(3).expand(len(batch), 24, 3, 3))
    found, other = (body_distance(of_truth(batch), each, skinning) for each in (stretched, wrong))
    assert found.rotations.item() == found.betas.item() == other.rotations.item() == 0
    assert found.joints.item() == other.joints.item() > 0
    assert found.vertices.item() == pytest.approx(other.vertices.item(), abs=1e-7)
    markers = batch.landmarks[:, 24:]
    assert found.vertices.item() == pytest.approx(0.2 * markers.abs().mean().item(), abs=1e-6)
