"""The fit to true landmarks comes to the truth, and nobody else is told it."""

from dataclasses import replace

import numpy as np
import pytest

from hps.errors import HpsError
from hps.points.baselines.oracle import Oracle


def test_true_landmarks_give_the_true_body(open_body, seen_bodies):
    samples = seen_bodies(3)
    found = Oracle(open_body).of_samples(samples)
    for sample, prediction in zip(samples, found, strict=True):
        posed, true = open_body.pose(prediction.parameters), open_body.pose(sample.truth)
        # what the priors of pose and shape pull at bodies that were drawn without them; measured: 4 and 3 mm
        assert np.linalg.norm(posed.joints - true.joints, axis=-1).mean() < 0.010
        assert np.linalg.norm(posed.vertices - true.vertices, axis=-1).mean() < 0.010


def test_a_sample_without_truth_is_refused(open_body, seen_bodies):
    known, other = seen_bodies(2)
    found = Oracle(open_body).of_samples([replace(other, truth=None), known])
    assert "not known" in found[0].refused
    assert not found[1].refused


def test_it_cannot_be_asked_with_clouds_alone(open_body, seen_bodies):
    with pytest.raises(HpsError, match="samples"):
        Oracle(open_body)([sample.cloud for sample in seen_bodies(1)])
