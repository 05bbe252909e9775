"""The error model draws what its table says, and the table is found again in what it draws."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.motion.joint_limits import human_limits
from hps.errors import HpsError
from hps.rgb.detector_error.model import DetectorErrorModel
from hps.rgb.detector_error.one_view import ONE_VIEW_NOISE
from hps.rgb.detector_error.samples import matched, mixed_up, samples_of
from hps.rgb.detector_error.self_occlusion import facing, self_occluded
from hps.rgb.detector_error.table import ErrorTable, read_table, write_table
from hps.rgb.detector_error.table_fit import fit_table
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.poses import PoseTable
from hps.rgb.simulation.sampler import LiftingSampler


@cache
def people(count: int = 1000) -> LiftingBatch:
    rotations = human_limits().sample(np.random.default_rng(1), 300, share=0.4).astype(np.float32)
    table = PoseTable(rotations=rotations, motion=np.zeros(300, np.int64), motions=("made up",))
    return LiftingSampler(table, "test", 5, pool=0, bodies=SplitBodies(load_body_model(), "test")).draw(count)


def drawn(table: ErrorTable, seed: int = 0) -> LiftingBatch:
    return DetectorErrorModel(table).apply(people(), torch.Generator().manual_seed(seed))


def refitted(table: ErrorTable) -> ErrorTable:
    batch = people()
    return fit_table(samples_of(batch, drawn(table).keypoints, np.full(len(batch), "")), {})


def test_the_table_is_found_again_in_what_is_drawn() -> None:
    table = read_table()
    again = refitted(table)
    # scales: half of 20,000 keypoints lie in the last knots; what was pulled over or swapped blurs the rest
    np.testing.assert_allclose(again.scale_px[3:], table.scale_px[3:], rtol=0.25)
    for view in ("front", "side", "back"):
        for part in ("whole", "upper", "lower"):
            # some 300 people of a view: 3 standard errors of a share of 5 %
            assert abs(again.mixed[view][part] - table.mixed[view][part]) < 0.04
    assert abs(again.confidence_shared[0] - table.confidence_shared[0]) < 0.1
    assert abs(again.confidence_shared[1] - table.confidence_shared[1]) < 0.1
    for seen in ("clear", "hidden"):
        for kind in ("elbow", "ankle"):
            np.testing.assert_allclose(again.confidence[seen][kind][5], table.confidence[seen][kind][5], atol=0.08)


def test_a_table_with_larger_errors_draws_larger_errors() -> None:
    table = read_table()
    larger = replace(table, scale_px=tuple(2 * x for x in table.scale_px))
    ratio = np.array(refitted(larger).scale_px) / np.array(refitted(table).scale_px)
    # errors beyond the crop are cut
    assert 1.6 < np.median(ratio) < 2.2


def test_sides_are_mixed_up_as_often_as_asked_and_that_is_seen() -> None:
    table = read_table()
    always = replace(table, mixed={view: {"whole": 1.0, "upper": 0.0, "lower": 0.0} for view in table.mixed})
    batch = people()
    swapped, told = mixed_up(samples_of(batch, drawn(always).keypoints, np.full(len(batch), "")))
    assert told.mean() > 0.5
    # large errors hide some
    assert swapped[told].mean() > 0.9


def test_what_is_outside_the_picture_stays_unknown_and_a_seed_repeats() -> None:
    before, after = people().keypoints, drawn(read_table()).keypoints
    nothing = (before.confidence == 0) & (before.confidence[:, torch.tensor(LIFTED.mirror)] == 0)
    assert nothing.any()
    assert (after.confidence[nothing] == 0).all()
    assert torch.equal(after.q, drawn(read_table()).keypoints.q)
    assert not torch.equal(after.q, drawn(read_table(), seed=1).keypoints.q)


def test_fits_of_one_picture_suppose_the_errors_that_are_drawn() -> None:
    exact, found = people().keypoints, drawn(read_table()).keypoints
    error = ((found.q - exact.q).abs() / found.pixel_size[:, None, None]).numpy()
    confidence = found.confidence.numpy()
    seen = (confidence > 0) & (exact.confidence.numpy() > 0)
    edges = (0.05, 0.25, 0.45, 0.75, 0.95, 1.01)
    for low, high in itertools.pairwise(edges):
        chosen = seen & (confidence >= low) & (confidence < high)
        said = ONE_VIEW_NOISE.sigma_px(confidence, np.ones(len(confidence)))[chosen]
        # 700 and more of other people, in wider poses: half of the errors are below 0.674 of a Gaussian's deviation
        assert 0.75 < np.median(error[chosen] / said[:, None]) / 0.674 < 1.33


def standing(turned: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints and rotations of the rest body 3 m before the camera, its face to it or away from it."""
    R = torch.diag(torch.tensor([-1.0, -1.0, 1.0])) if turned else torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    joints = torch.tensor(load_body_model().rest_joints(), dtype=torch.float32) @ R.T + torch.tensor([0, 0, 3.0])
    rotations = torch.eye(3).repeat(1, 24, 1, 1)
    rotations[:, 0] = R
    return joints[None], rotations


def test_a_face_turned_away_is_hidden_and_arms_spread_out_are_not() -> None:
    for turned in (False, True):
        joints, rotations = standing(turned)
        hidden = dict(zip(LIFTED.names, self_occluded(joints, rotations)[0].tolist()))
        assert hidden["nose"] == turned
        assert not hidden["left_wrist"]
        assert not hidden["right_elbow"]
        assert not hidden["left_ankle"]
        assert abs(float(facing(joints, rotations)) - (-1 if turned else 1)) < 0.1


def test_a_hand_behind_the_back_is_hidden_and_one_before_it_is_not() -> None:
    joints, rotations = standing(turned=False)
    for depth, expected in ((0.3, True), (-0.3, False)):
        moved = joints.clone()
        moved[0, JOINT_INDEX["left_wrist"]] = joints[0, JOINT_INDEX["spine2"]] + torch.tensor([0.02, 0, depth])
        hidden = dict(zip(LIFTED.names, self_occluded(moved, rotations)[0].tolist()))
        assert hidden["left_wrist"] == expected


def test_detections_are_matched_to_the_nearest_people_once() -> None:
    true = np.random.default_rng(0).uniform(0, 200, (2, len(LIFTED), 2)) + np.array([[[0, 0]], [[500, 0]]])
    inside = np.ones((2, len(LIFTED)), bool)
    found = np.stack([true[1] + 3, true[0] - 2, true[0] + 1, true[0] + 5000])
    assert sorted(matched(true, inside, found)) == [(0, 2), (1, 0)]


def test_a_table_survives_its_file_and_others_are_refused(tmp_path) -> None:
    path = tmp_path / "table.json"
    write_table(path, read_table())
    assert read_table(path) == read_table()
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    with pytest.raises(HpsError, match="measure_detector"):
        read_table(bad)
    three = people().rows(slice(0, 3))
    samples = samples_of(three, three.keypoints, np.full(3, ""))
    with pytest.raises(HpsError, match="too few"):
        fit_table(samples, {})
