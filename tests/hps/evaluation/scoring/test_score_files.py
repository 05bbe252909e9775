"""From files of the data sets to figures: a known error goes in, the same comes out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scored_people import FRAMES, walker

from body.joints import JOINT_NAMES
from hps.evaluation.files.agora_predictions import write_agora_predictions
from hps.evaluation.files.emdb import write_emdb
from hps.evaluation.files.opening import read_annotations
from hps.evaluation.files.three_dpw import COCO18, write_3dpw
from hps.evaluation.files.three_dpw_challenge import write_challenge
from hps.evaluation.scoring import BodyModels, score_people, scoring_protocol
from hps.evaluation.scoring.posing import posed_clip
from hps.evaluation.scoring.score_pictures import score_pictures

AGORA_TABLE = Path(__file__).parents[1] / "files" / "data" / "agora_pandas_2.2.pkl"


def _before_camera(**changes: Any):
    """Somebody of SMPL's layout in a world, with a camera that moves, seen in all frames but one."""
    Ts = np.tile(np.eye(4), (FRAMES, 1, 1))
    Ts[:, :3, :3] = Rotation.from_rotvec(np.linspace([1.5, 0, 0], [1.6, 0.3, 0], FRAMES)).as_matrix()
    Ts[:, :3, 3] = [0, 0, 4.0]
    seen = np.ones((FRAMES, 18, 3))
    seen[2] = 0.0
    given: dict[str, Any] = {
        "body": "smpl",
        "sequence": "downtown_00",
        "gender": "female",
        "Ts_camera_world": Ts,
        "K": np.tile(np.diag([1000.0, 1000.0, 1.0]), (FRAMES, 1, 1)),
        "image_size": np.tile([1920, 1080], (FRAMES, 1)),
        "keypoints2d": seen,
        "keypoint_names": COCO18,
    }
    return walker(**given | changes)


def test_a_submission_to_the_3dpw_challenge_is_scored_without_smpl(tmp_path):
    person = _before_camera()
    rows = np.arange(FRAMES)
    posed = posed_clip(person, rows, BodyModels(place="open"))
    truth = replace(person, joints=posed.joints, joint_names=JOINT_NAMES)
    write_3dpw(tmp_path / "truth.pkl", [truth])
    ours = posed.moved(truth.Ts_camera_world, "camera")
    turn = Rotation.from_rotvec([0, 0, np.radians(10)]).as_matrix()
    joints = ours.joints + [0.5, 0, 0]  # the root takes it out
    joints[:, [20, 21]] += [0.06, 0, 0]  # two wrists of 24 joints, and of the 12 major ones
    submitted = replace(
        person, frame="camera", joints=joints, joint_names=JOINT_NAMES, extra={"orientations": turn @ ours.orientations}
    )
    write_challenge(tmp_path / "downtown_00.pkl", [submitted])
    report = score_people(
        read_annotations(tmp_path / "downtown_00.pkl"), read_annotations(tmp_path / "truth.pkl"),
        scoring_protocol("3dpw_challenge"),
    )  # fmt: skip
    found = {one.label: one.interval.value for one in report.figures}
    assert found["MPJPE [3dpw_challenge]"] == pytest.approx(60 * 2 / 24)
    assert found["PCK50 [major12_root]"] == pytest.approx(100 * 10 / 12)
    assert found["MPJAE [major9]"] == pytest.approx(10)
    assert found["PA-MPJAE [major9_pa]"] == pytest.approx(10, abs=2)  # the joints' own turn is small
    assert report.counts.ignored_frames == 1  # without a 2D pose


def test_files_of_emdb_are_scored_in_the_world(tmp_path):
    person = _before_camera(sequence="P0_walk", keypoints2d=None)
    valid = np.arange(FRAMES) != 5
    write_emdb(tmp_path / "truth.pkl", replace(person, valid=valid))
    write_emdb(tmp_path / "estimate.pkl", replace(person, transl=person.transl + [0.03, 0, 0]))
    sides = [read_annotations(tmp_path / name) for name in ("estimate.pkl", "truth.pkl")]
    found = {}
    for name in ("smpl24", "emdb", "emdb_world"):
        report = score_people(*sides, scoring_protocol(name), models=BodyModels(place="open"))
        found[name] = {one.measure: one.interval.value for one in report.figures}
    assert found["smpl24"]["MRPE"] == pytest.approx(30)
    assert found["emdb"]["PVE"] == pytest.approx(0, abs=1e-9)
    assert found["emdb_world"]["W-MPJPE_100"] == pytest.approx(0, abs=1e-9)
    assert found["emdb_world"]["RTE"] == pytest.approx(0, abs=1e-9)


def test_agora_s_table_scores_its_own_people(tmp_path):
    truths = read_annotations(AGORA_TABLE)
    write_agora_predictions(tmp_path, truths)
    report = score_pictures(read_annotations(tmp_path), truths)
    found = {one.label: one.interval.value for one in report.figures}
    # of its three people one counts: the second is hidden by 95 %, the third is not valid
    assert (report.counts.people, report.counts.missing_people, report.counts.unknown_people) == (1, 0, 2)
    for rule in ("agora", "strict"):
        assert found[f"F1 [{rule}]"] == pytest.approx(1 / 2)
        assert found[f"MPJPE [{rule}]"] == pytest.approx(0, abs=1e-9)
        assert found[f"MVE [{rule}]"] == pytest.approx(0, abs=1e-9)
