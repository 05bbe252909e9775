"""People who a tracker numbered as it liked are compared with whom they are nearest to."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scored_people import FRAMES, walker

from geometry.rigid import rigid, transform
from hps.errors import HpsError
from hps.evaluation.scoring import BodyModels, score_people, scoring_protocol
from hps.evaluation.scoring.matching_by_place import named_by_place
from hps.evaluation.scoring.posing import posed_clip

PLACES = ([0.0, 0, 0], [1.0, 0, 0], [0.0, 2, 0])
TRUTHS = [walker(1, person=f"person0{n}", transl=walker(1).transl + place) for n, place in enumerate(PLACES)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_numbering_gives_the_same_people(order):
    tracked = [
        replace(TRUTHS[n], person=f"person0{place}", sequence="video", transl=TRUTHS[n].transl + [0, 0, 0.1])
        for place, n in enumerate(order)
    ]
    named, told = named_by_place(tracked, TRUTHS, BodyModels())
    assert [one.person for one in named] == [f"person0{n}" for n in order]
    assert all("0.10 m away" in sentence for sentence in told)


def test_who_is_left_over_is_nobody_and_who_is_absent_is_missing():
    ghost = replace(TRUTHS[0], person="person07", frames=np.arange(FRAMES) + 500)
    named, _ = named_by_place([TRUTHS[1], ghost], TRUTHS, BodyModels())
    report = score_people(named, TRUTHS, scoring_protocol("smpl24"))
    assert [row.name for row in report.rows] == ["sequence1, person person01"]
    assert "1 predicted people are nobody in the truth: sequence1, person unmatched person07" in report.told
    assert report.counts.missing_people == 2


def test_places_are_compared_in_one_frame():
    absent = {"betas": None, "global_orient": None, "body_pose": None, "transl": None, "frame": "camera"}
    T = rigid(Rotation.from_rotvec([1.5, 0.2, 0]).as_matrix(), np.array([0.1, 0.5, 4.0]))
    Ts = np.repeat(T[None], FRAMES, 0)
    rows = np.arange(FRAMES)
    seen = [
        replace(one, **absent, joints=transform(T, posed_clip(one, rows, BodyModels()).joints), person=f"{9 - n}")
        for n, one in enumerate(TRUTHS)
    ]
    for estimates, truths in (
        ([replace(one, Ts_camera_world=Ts) for one in seen], TRUTHS),
        (seen, [replace(one, Ts_camera_world=Ts) for one in TRUTHS]),
    ):
        named, told = named_by_place(estimates, truths, BodyModels())
        assert [one.person for one in named] == [one.person for one in TRUTHS]
        assert all("0.00 m away" in sentence for sentence in told)
    with pytest.raises(HpsError, match="neither file says where the camera was"):
        named_by_place(seen, TRUTHS, BodyModels())
