import re
from dataclasses import replace

import numpy as np
import pytest
from simple_clouds import Knowing, simple_samples

from body.parameters import BodyParameters
from hps.benchmark.points.runner.prediction_folder import PredictionFolder
from hps.benchmark.points.runner.prediction_table import PredictionTable
from hps.benchmark.prediction import Prediction
from hps.errors import HpsError


def body(**changes):
    values = {"betas": np.zeros(3), "global_orient": np.zeros((1, 3)), "body_pose": np.zeros((1, 69))}
    return BodyParameters(**{**values, "transl": np.zeros((1, 3)), **changes})


def test_what_is_written_is_read(tmp_path):
    samples = simple_samples()
    given = Knowing(samples, sigma=0.03)([sample.cloud for sample in samples])
    given[0] = replace(given[0], confidence=0.75)
    given[1] = Prediction(refused="two people")
    given[2] = Prediction(joints=np.arange(72.0).reshape(24, 3))
    PredictionTable.of([s.key for s in samples], given).write(tmp_path / "p.npz", {"method": "m"})
    table, about = PredictionTable.read(tmp_path / "p.npz")
    assert about == {"method": "m"}
    assert table.keys == tuple(s.key for s in samples)
    one, truth = table[0], samples[0].truth
    assert one.parameters is not None
    assert truth is not None
    assert one.joint_sigma is not None
    np.testing.assert_array_equal(one.parameters.betas, truth.betas)
    np.testing.assert_array_equal(one.parameters.body_pose, truth.body_pose)
    np.testing.assert_array_equal(one.joint_sigma, 0.03)
    assert (one.confidence, table[1].confidence, table[2].confidence) == (0.75, None, None)
    assert one.milliseconds == {"network": 2.0, "fit": 1.0}
    assert (table[1].parameters, table[1].joints, table[1].refused) == (None, None, "two people")
    assert table[2].parameters is None
    np.testing.assert_array_equal(table[2].joints, np.arange(72.0).reshape(24, 3))


def with_wrong_shape():
    """As a method gives it that runs without checks of shapes"""
    answer = Prediction(joints=np.zeros((24, 3)))
    object.__setattr__(answer, "joints", np.zeros((17, 3)))
    return answer


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Prediction(), "neither"),
        (Prediction(parameters=body(transl=np.full((1, 3), np.nan))), "transl is not finite"),
        (Prediction(parameters=body(betas=np.array([np.inf]))), "betas is not finite"),
        (with_wrong_shape(), r"\(17, 3\)"),
        (Prediction(parameters=body(), joint_sigma=np.zeros(24)), "positive"),
        (Prediction(parameters=body(), confidence=1.5), "between 0 and 1, this one is 1.5"),
        (Prediction(parameters=body(), confidence=float("nan")), "between 0 and 1"),
        (Prediction(parameters=body(**{k: np.zeros((2, n)) for k, n in
                                       (("global_orient", 3), ("body_pose", 69), ("transl", 3))})), "2 frames"),
    ],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_a_refusal_with_the_reason(wrong, words):
    table = PredictionTable.of(["a", "b"], [wrong, Prediction(parameters=body())])
    assert re.search(words, table.refused[0])
    assert table[0].parameters is None
    assert table[0].joints is None
    assert table.refused[1] == ""


def test_a_folder_answers_by_key_and_refuses_clouds_that_it_does_not_know(tmp_path):
    PredictionTable.of(["a"], [Prediction(parameters=body())]).write(tmp_path / "0.npz")
    np.savez(tmp_path / "1.npz", keys=np.array(["b"]), joints=np.ones((1, 24, 3)))  # the least that may be given
    folder = PredictionFolder(tmp_path)
    answers = folder.answers(["b", "z", "a"])
    assert len(folder) == 2
    assert answers[0].joints is not None
    assert "none for this cloud" in answers[1].refused
    assert answers[2].parameters is not None


def test_files_that_are_damaged_or_hold_objects_are_refused(tmp_path):
    good = tmp_path / "a.npz"
    PredictionTable.of(["a"], [Prediction(parameters=body())]).write(good)
    content = good.read_bytes()
    for wrong in (content[: len(content) // 2], b"", b"no numbers"):
        (tmp_path / "b.npz").write_bytes(wrong)
        with pytest.raises(HpsError, match=r"b\.npz is not a whole"):
            PredictionFolder(tmp_path)
    np.savez(tmp_path / "b.npz", keys=np.array(["b"]), joints=np.array([{"x": 1}], object))
    with pytest.raises(HpsError, match=r"b\.npz is not a whole"):
        PredictionFolder(tmp_path)
    np.savez(tmp_path / "b.npz", keys=np.array(["b"]), joints=np.zeros((1, 17, 3)))
    with pytest.raises(HpsError, match=r"joints has shape \(1, 17, 3\)"):
        PredictionFolder(tmp_path)
    np.savez(tmp_path / "b.npz", something=np.zeros(3))
    with pytest.raises(HpsError, match="predictions need `keys`"):
        PredictionFolder(tmp_path)
    np.savez(tmp_path / "b.npz", keys=np.array(["a"]), joints=np.zeros((1, 24, 3)))
    with pytest.raises(HpsError, match="'a' has a prediction already"):
        PredictionFolder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(HpsError, match=r"no \.npz files"):
        PredictionFolder(tmp_path / "empty")
