"""Methods of other people join: a package that knows nothing of ours but two values, and a folder of predictions."""

import json
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from simple_clouds import Knowing, simple_samples

from hps.benchmark.points.runner.entrant import join
from hps.benchmark.points.runner.method_spec import parse_method
from hps.benchmark.points.runner.prediction_table import PredictionTable
from hps.benchmark.points.runner.run import run_benchmark
from hps.errors import HpsError

PACKAGE = {
    "__init__.py": "",
    "network.py": """
        HEIGHT_M = 1.7
        """,
    "entry.py": """
        import numpy as np
        from body.parameters import BodyParameters
        from hps.benchmark.prediction import Prediction
        from somebodys_estimator.network import HEIGHT_M

        def predict(clouds):
            return [one(cloud) for cloud in clouds]

        def one(cloud):
            if len(cloud) < 10:
                return Prediction(refused="fewer than 10 points")
            middle = np.median(cloud.points, axis=0)
            parameters = BodyParameters(betas=np.zeros(10), global_orient=np.array([[np.pi, 0, 0]]),
                                        body_pose=np.zeros((1, 69)), transl=middle[None] + [[0, 0.3 * HEIGHT_M, 0]])
            return Prediction(parameters=parameters, joint_sigma=np.full(24, 0.2), confidence=0.9,
                              milliseconds={"network": 0.1})

        class Scaled:
            parameters = 12
            gflops = 0.25

            def __init__(self, option):
                self.digest = option

            def __call__(self, clouds):
                return predict(clouds)

        class OverTime:
            def of_clip(self, clouds, time_s):
                middle = np.mean([np.median(cloud.points, axis=0) for cloud in clouds], axis=0)
                return [Prediction(joints=np.tile(middle, (24, 1)), milliseconds={"instant": t}) for t in time_s]
        """,
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere" / "somebodys_estimator"
    folder.mkdir(parents=True)
    for name, text in PACKAGE.items():
        (folder / name).write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(folder.parent))
    yield folder
    for name in [name for name in sys.modules if name.startswith("somebodys_estimator")]:
        del sys.modules[name]


def test_a_function_and_a_class_of_another_package_join(package, tmp_path):
    samples = simple_samples()
    entrants = [
        join(parse_method("somebodys_estimator.entry:predict"), {}),
        join(parse_method("seeds=somebodys_estimator.entry:Scaled@one"), {}),
        join(parse_method("seeds=somebodys_estimator.entry:Scaled@two"), {}),
    ]
    run = run_benchmark(samples, entrants, tmp_path / "out")
    assert [e.name for e in entrants] == ["predict", "seeds@one", "seeds@two"]
    assert (entrants[1].parameters, entrants[1].gflops) == (12, 0.25)
    assert len({e.digest for e in entrants}) == 3
    assert len({e.folder_name for e in entrants}) == 3
    for table in run.tables:
        assert table.answered.all()
        assert np.isfinite(table.errors["pve_abs"]).all()
        np.testing.assert_array_equal(table.errors["pve_abs"], run.tables[0].errors["pve_abs"])


def test_a_class_of_another_package_joins_with_clips(package, tmp_path):
    samples = simple_samples(3, 4)
    over_time = join(parse_method("somebodys_estimator.entry:OverTime"), {})
    run = run_benchmark(samples, [over_time, join(parse_method("somebodys_estimator.entry:predict"), {})], tmp_path)
    assert (over_time.wants_clips, run.entrants[1].wants_clips) == (True, False)
    for row, sample in enumerate(samples):
        own = [np.median(s.cloud.points, axis=0) for s in samples if s.sequence == sample.sequence]
        answer = run.answer(0, row)
        np.testing.assert_allclose(answer.joints, np.tile(np.mean(own, axis=0), (24, 1)))
        assert answer.milliseconds["instant"] == sample.time_s
    assert run.tables[1].answered.all()


def test_a_change_anywhere_in_the_package_asks_the_method_again(package):
    spec = parse_method("somebodys_estimator.entry:predict")
    before = join(spec, {}).digest
    assert join(spec, {}).digest == before
    (package / "network.py").write_text("HEIGHT_M = 1.8\n")
    assert join(spec, {}).digest != before


def test_a_folder_of_predictions_that_ran_elsewhere_scores_like_the_method_itself(tmp_path):
    samples = simple_samples()
    clouds = [sample.cloud for sample in samples]
    theirs = tmp_path / "theirs"
    for first in (0, 5):  # in files of their own making, in another order
        part = slice(first, 5 if first == 0 else None)
        keys = [sample.key for sample in samples][part][::-1]
        given = [replace(one, confidence=0.8) for one in Knowing(samples, away_m=0.03)(clouds)[part][::-1]]
        PredictionTable.of(keys, given).write(theirs / f"part{first}.npz")
    run = run_benchmark(samples, [join(parse_method(str(theirs)), {})], tmp_path / "out")
    np.testing.assert_allclose(run.tables[0].errors["mpjpe_abs"], 30.0, atol=1e-2)
    np.testing.assert_array_equal(run.tables[0].confidence, 0.8)
    assert not (tmp_path / "out" / "predictions" / "theirs").exists()


def test_the_answers_that_a_run_keeps_are_a_folder_of_predictions(package, tmp_path):
    samples = simple_samples()
    first = join(parse_method("somebodys_estimator.entry:predict"), {})
    run = run_benchmark(samples, [first], tmp_path / "out")
    kept = tmp_path / "out" / "predictions" / first.folder_name
    again = run_benchmark(samples, [join(parse_method(f"kept={kept}"), {})], tmp_path / "again")
    np.testing.assert_array_equal(run.tables[0].errors["pve_abs"], again.tables[0].errors["pve_abs"])


def test_a_method_cannot_see_the_truth(package, tmp_path):
    (package / "entry.py").write_text(
        textwrap.dedent("""
        class Nosy:
            def __call__(self, clouds):
                from hps.benchmark.prediction import Prediction
                return [Prediction(refused=",".join(sorted(type(cloud).__slots__))) for cloud in clouds]
            def of_samples(self, samples):
                raise AssertionError("was asked with samples")
        """)
    )
    run = run_benchmark(simple_samples(), [join(parse_method("somebodys_estimator.entry:Nosy"), {})], tmp_path / "out")
    assert set(run.tables[0].refused) == {"camera,origins,points,up"}


def test_the_command_runs_them(package, tmp_path, monkeypatch, capsys):
    from hps.benchmark.points.runner import run as runner
    from humanrig.benchmarking import point_benchmark
    from humanrig.cli import main

    samples = simple_samples()
    clouds = point_benchmark.PointClouds(samples=samples, title="simple", source="of a test", digest="d")
    monkeypatch.setattr(point_benchmark, "open_clouds", lambda folder, split, parts, body: clouds)
    monkeypatch.setattr(runner, "CHUNK", 5)
    out = tmp_path / "out"
    arguments = ["benchmark", "points", str(tmp_path), "--out", str(out), "--json", "--no-timing"]
    assert main([*arguments, "--method", "theirs=somebodys_estimator.entry:predict", "--method", "mean_pose"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [method["label"] for method in told["methods"]] == ["theirs", "mean_pose"]
    assert told == json.loads((out / "results.json").read_text())
    page = (out / "index.html").read_text()
    for words in ("theirs", "smpl24_pa_rigid", "data:image/jpeg", "Plotly.newPlot", "AUROC"):
        assert words in page
    assert "theirs" in (out / "results.md").read_text()
    assert len(list((out / "errors").glob("*.parquet"))) == 2
    assert len(list((out / "gallery").glob("*.png"))) >= 12
    assert main([*arguments, "--method", "no_such_method"]) == 1


def test_a_method_that_cannot_be_imported_is_an_error_of_one_sentence(capsys, tmp_path):
    from humanrig.cli import main

    with pytest.raises(HpsError, match="cannot be imported"):
        join(parse_method("somebodys_estimator.missing:predict"), {})
    assert main(["benchmark", "points", str(tmp_path / "nothing"), "--method", "mean_pose"]) == 1
    assert "Traceback" not in capsys.readouterr().err
