"""Whole scorings print what the data sets' own programs print for the same bodies (golden_scores.json)."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from golden_sequences import LENGTHS, golden_sequences

from body.joints import JOINT_NAMES
from hps.evaluation.files.opening import read_annotations
from hps.evaluation.files.three_dpw import write_3dpw
from hps.evaluation.files.three_dpw_challenge import write_challenge
from hps.evaluation.scoring import BodyModels, score_people, scoring_protocol
from hps.evaluation.scoring.posing import posed_clip

WANTED = json.loads((Path(__file__).parent / "golden_scores.json").read_text())
ESTIMATES, TRUTHS = golden_sequences()
EXACT = {"rel": 0.0, "abs": 1e-9}  # the bar that was set; float64 on both sides leaves about 1e-13


def _named(report) -> dict[str, float]:
    return {one.measure: one.interval.value for one in report.figures}


def test_files_of_the_3dpw_challenge_score_what_its_program_says(tmp_path):
    for sequence in LENGTHS:
        write_3dpw(tmp_path / "truth" / f"{sequence}.pkl", [one for one in TRUTHS if one.sequence == sequence])
        submitted = []
        for one in ESTIMATES:
            if one.sequence == sequence:
                joints = posed_clip(one, np.arange(len(one)), BodyModels(place="open")).joints
                submitted.append(replace(one, joints=joints, joint_names=JOINT_NAMES))
        write_challenge(tmp_path / "submission" / f"{sequence}.pkl", submitted)
    report = score_people(
        read_annotations(tmp_path / "submission"), read_annotations(tmp_path / "truth"),
        scoring_protocol("3dpw_challenge"), models=BodyModels(place="open"),
    )  # fmt: skip
    found, wanted = _named(report), WANTED["3dpw"]
    names = {"MPJPE": "MPJPE", "PA-MPJPE": "MPJPE_PA", "PCK50": "PCK", "MPJAE": "MPJAE", "PA-MPJAE": "MPJAE_PA"}
    for ours, theirs in names.items():
        assert found[ours] == pytest.approx(wanted[theirs], **EXACT), ours
    # it integrates straight pieces by adaptive quadrature, and warns that it stopped early
    assert found["AUC"] == pytest.approx(wanted["AUC"], abs=1e-6)
    assert report.counts.ignored_frames == sum(not ok for one in TRUTHS for ok in one.valid)


def test_emdb_scores_what_its_program_says():
    found = score_people(ESTIMATES, TRUTHS, scoring_protocol("emdb"), models=BodyModels(place="open"))
    names = {
        "MPJPE": "MPJPE [mm]", "PA-MPJPE": "MPJPE_PA [mm]", "PVE": "MVE [mm]", "PA-PVE": "MVE_PA [mm]",
        "MPJAE": "MPJAE [deg]", "PA-MPJAE": "MPJAE_PA [deg]", "jitter": "Jitter [10m/s^3]",
    }  # fmt: skip
    assert set(names.values()) == set(WANTED["emdb"])
    for ours, theirs in names.items():
        assert _named(found)[ours] == pytest.approx(WANTED["emdb"][theirs], **EXACT), ours
