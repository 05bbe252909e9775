from dataclasses import replace

import pytest
from simple_clouds import Knowing, simple_samples

from hps.benchmark.points.runner.answering import answers
from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.method_spec import MethodSpec
from hps.benchmark.points.runner.run import run_benchmark
from hps.benchmark.prediction import Prediction
from hps.errors import HpsError


def entrant(method, digest="1", label="m"):
    return Entrant(spec=MethodSpec(label=label, target="x:y"), method=method, digest=digest)


def test_answers_are_kept_until_method_or_clouds_change(tmp_path):
    samples = list(simple_samples())
    knowing = Knowing(samples)
    first = answers(entrant(knowing), samples, tmp_path / "0.npz")
    again = answers(entrant(knowing), samples, tmp_path / "0.npz")
    assert knowing.calls == [len(samples)]
    assert again.keys == first.keys
    answers(entrant(knowing, digest="2"), samples, tmp_path / "0.npz")
    assert len(knowing.calls) == 2
    points = samples[3].cloud.points.copy()
    points[5] += 1e-9
    moved = [*samples[:3], replace(samples[3], cloud=replace(samples[3].cloud, points=points)), *samples[4:]]
    answers(entrant(knowing, digest="2"), moved, tmp_path / "0.npz")
    assert len(knowing.calls) == 3


def test_a_damaged_file_of_answers_is_made_again(tmp_path):
    samples = simple_samples()
    knowing = Knowing(samples)
    answers(entrant(knowing), samples, tmp_path / "0.npz")
    content = (tmp_path / "0.npz").read_bytes()
    (tmp_path / "0.npz").write_bytes(content[:100])
    assert answers(entrant(knowing), samples, tmp_path / "0.npz").refused == ("",) * len(samples)
    assert len(knowing.calls) == 2


def test_an_interrupted_run_asks_only_for_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("hps.benchmark.points.runner.run.CHUNK", 4)
    samples = simple_samples()
    knowing = Knowing(samples)

    def interrupted(clouds):
        if len(knowing.calls) == 2:
            raise KeyboardInterrupt
        return knowing(clouds)

    with pytest.raises(KeyboardInterrupt):
        run_benchmark(samples, [entrant(interrupted)], tmp_path)
    run = run_benchmark(samples, [entrant(knowing)], tmp_path)
    assert knowing.calls == [4, 4, 4]  # two before, one after
    assert run.tables[0].answered.all()


def test_a_method_that_breaks_on_one_cloud_loses_that_cloud_alone(tmp_path):
    samples = simple_samples()
    knowing = Knowing(samples)
    hard = samples[4].cloud.points[0].tobytes()

    def breaks(clouds):
        if any(cloud.points[0].tobytes() == hard for cloud in clouds):
            raise ZeroDivisionError("no depth")
        return knowing(clouds)

    table = answers(entrant(breaks), samples, tmp_path / "0.npz")
    assert [n for n, words in enumerate(table.refused) if words] == [4]
    assert table.refused[4] == "it broke: ZeroDivisionError: no depth"


def test_a_method_that_changes_its_clouds_changes_them_for_itself_alone(tmp_path):
    samples = simple_samples()
    before = [sample.cloud.points.copy() for sample in samples]
    knowing = Knowing(samples)

    def centred(clouds):
        found = knowing(clouds)
        for cloud in clouds:
            cloud.points[:] -= cloud.points.mean(0)
            cloud.up[:] = 0
        if len(clouds) > 1:
            raise ValueError("and it breaks")
        return found

    answers(entrant(centred), samples, tmp_path / "0.npz")
    assert all((sample.cloud.points == points).all() for sample, points in zip(samples, before))
    assert all((sample.cloud.up == [0, -1, 0]).all() for sample in samples)


def test_a_method_that_always_breaks_or_miscounts_is_told(tmp_path):
    samples = simple_samples()

    def broken(clouds):
        raise TypeError("no such argument")

    with pytest.raises(HpsError, match=r"breaks on every cloud in the same way.*no such argument"):
        answers(entrant(broken), samples, tmp_path / "0.npz")
    with pytest.raises(HpsError, match="gave 1 answers"):
        answers(entrant(lambda clouds: [Prediction(refused="x")]), samples, tmp_path / "0.npz")
    with pytest.raises(HpsError, match=r"\(int\) to 12 clouds"):
        answers(entrant(lambda clouds: [3] * len(clouds)), samples, tmp_path / "0.npz")


def test_refusals_are_an_answer(tmp_path):
    samples = simple_samples()

    def shy(clouds):
        raise HpsError("no person here")

    table = answers(entrant(shy), samples, tmp_path / "0.npz")
    assert set(table.refused) == {"no person here"}
