"""Which person of a picture a body is judged on, and figures of nothing."""

import numpy as np

from capture.virtual.truth import Truth
from humanrig.evaluation.against_truth import nearest_person
from humanrig.evaluation.pixels import _nearest
from humanrig.evaluation.summary import summary


def test_a_half_hidden_subject_is_nearer_than_a_bystander() -> None:
    errors = np.full((1, 2, 12), 400.0)  # the second person is a bystander, seen whole
    errors[0, 0] = np.nan
    errors[0, 0, :5] = 8.0
    assert np.nanmedian(_nearest(errors)) == 8.0


def test_a_person_with_hardly_a_joint_is_not_compared() -> None:
    errors = np.full((1, 2, 12), 30.0)
    errors[0, 0] = np.nan
    errors[0, 0, 0] = 1.0
    assert np.nanmedian(_nearest(errors)) == 30.0


def test_the_summary_of_nothing_is_none() -> None:
    assert summary(np.array([np.nan, np.inf]), "mean", "p95") == {"mean": None, "p95": None}


def test_a_summary_leaves_gaps_out() -> None:
    assert summary(np.array([1.0, np.nan, 3.0]), "mean", "median", "max") == {"mean": 2.0, "median": 2.0, "max": 3.0}


class _Two(Truth):
    """Two people a metre apart, without a session."""

    @property
    def people(self) -> list[str]:
        return ["person00", "person01"]

    def joints(self, person: str = "person00") -> np.ndarray:
        return np.full((3, 24, 3), float(person == "person01"))


def test_of_several_people_the_fitted_one_is_judged() -> None:
    truth, rows = object.__new__(_Two), np.array([0, 2])
    assert nearest_person(truth, rows, np.full((2, 24, 3), 0.9)) == "person01"
    assert nearest_person(truth, rows, np.full((2, 24, 3), 0.2)) == "person00"
