import json
from dataclasses import replace

import numpy as np
import pytest
from simple_clouds import Knowing, simple_samples

from hps.benchmark.points.report.curves import CURVES, curve_of
from hps.benchmark.points.report.markdown import markdown
from hps.benchmark.points.report.summary import summarise
from hps.benchmark.points.runner.cloud_facts import CloudFacts
from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.method_spec import MethodSpec
from hps.benchmark.points.runner.run import run_benchmark, spread
from hps.benchmark.prediction import Prediction
from hps.errors import HpsError


def entrant(label, method, option=""):
    return Entrant(spec=MethodSpec(label=label, target="x:y", option=option), method=method, digest=label + option)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    samples = simple_samples(4, 5)

    def shy(clouds):
        given = Knowing(samples, away_m=0.02)(clouds)
        return [Prediction(refused="half") if n % 2 else one for n, one in enumerate(given)]

    def unsure(clouds):  # half are 0.2 m off; of these, one in five is not doubted
        near, off = Knowing(samples, away_m=0.01)(clouds), Knowing(samples, away_m=0.2)(clouds)
        doubts = [0.9, 0.3, 0.8, 0.3, 0.7, 0.3, 0.6, 0.3, 0.5, 0.9]
        given = [off[n] if n % 2 else near[n] for n in range(len(clouds))]
        return [replace(one, confidence=doubts[n % 10]) for n, one in enumerate(given)]

    entrants = [
        entrant("unsure", unsure),
        entrant("ours", Knowing(samples, away_m=0.010, sigma=0.01), "0"),
        entrant("ours", Knowing(samples, away_m=0.016, sigma=0.01), "1"),
        entrant("far", Knowing(samples, away_m=0.2)),
        entrant("shy", shy),
    ]
    run = run_benchmark(samples, entrants, tmp_path_factory.mktemp("run"))
    return summarise(run, {"title": "t", "from": "f", "notes": []})


def by_label(results):
    return {method["label"]: method for method in results["methods"]}


def test_seeds_of_one_label_are_one_method_with_a_spread(results):
    ours = by_label(results)["ours"]
    assert len(results["methods"]) == 4
    assert len(ours["runs"]) == 2
    told = ours["all"]["mpjpe_abs"]
    assert told["value"] == pytest.approx(13.0, abs=0.01)
    assert told["runs"] == pytest.approx([10.0, 16.0], abs=0.01)
    assert told["sd"] == pytest.approx(6 / np.sqrt(2), abs=0.01)
    assert (told["n"], told["subjects"]) == (20, 4)
    assert told["low"] <= told["value"] <= told["high"]


def test_failures_and_refusals_are_told(results):
    far, shy = by_label(results)["far"], by_label(results)["shy"]
    assert far["all"]["failure"]["value"] == 1.0
    assert shy["all"]["failure"]["value"] == pytest.approx(0.5)
    assert shy["refused"] == {"half": 10}
    assert (shy["answers"], shy["asked"]) == (10, 20)
    assert shy["all"]["mpjpe_abs"]["value"] > 60  # 20 mm where it answered; what stands in elsewhere
    assert shy["all"]["mpjpe_abs"]["n"] == 20


def test_cases_and_strata_part_the_clouds(results):
    assert results["cases"] == {"kinect": 15, "occluded": 5}
    strata = by_label(results)["ours"]["strata"]
    for attribute in ("part", "action", "occluded_share", "rarity_mm"):
        assert sum(told["mpjpe_abs"]["n"] for told in strata[attribute].values()) == 20


def test_ratios_compare_methods_on_the_same_clouds(results):
    told = results["ratios"]["kinect"]["ours"]["far"]
    assert told["value"] == pytest.approx(0.065, abs=1e-3)
    assert told["low"] == pytest.approx(told["high"], abs=1e-3)  # every cloud has the same ratio


def test_what_stated_deviations_hold_is_told_by_rarity_too(results):
    told = by_label(results)["ours"]["calibration"]
    assert told["sigma_mm"] == pytest.approx(10.0)
    assert told["rms_mm"] == pytest.approx(np.sqrt((10**2 + 16**2) / 2 / 3), abs=0.01)
    assert set(told["groups"]) <= set(by_label(results)["ours"]["strata"]["rarity_mm"])
    assert by_label(results)["far"]["calibration"] is None


def test_acceleration_is_told_in_both_units_with_its_rate(results):
    assert results["movement"]["rates_hz"] == [10.0]
    jumps = by_label(results)["unsure"]  # 0.2 and 0.01 m off in turn: second differences of 2 x 0.19 m
    assert jumps["acceleration"]["value"] == pytest.approx(380, abs=0.1)
    assert jumps["acceleration_m_s2"]["value"] == pytest.approx(38.0, abs=0.01)
    assert (jumps["acceleration"]["n"], jumps["acceleration_m_s2"]["n"]) == (12, 4)
    tables = markdown(results)
    for words in ("clouds at 10 Hz", "m/s²", "WHAM", "mm/frame²", "HMMR"):
        assert words in tables


def test_confidence_is_held_against_failures(results):
    told = by_label(results)["unsure"]["confidence"]
    assert (told["bodies"], told["failures"]) == (20, 10)
    # of five right bodies (0.9, 0.8, 0.7, 0.6, 0.5) and five failures (0.3 four times, 0.9): 20 pairs, and one tie
    assert told["auroc"] == pytest.approx(20.5 / 25)
    assert (told["used"], told["used_share"]) == (12, 0.6)
    assert told["used_failure"]["value"] == pytest.approx(1 / 6)
    assert told["bins"]["count"] == [8, 2, 2, 2, 2, 4]
    assert told["bins"]["true"] == pytest.approx([0, 1, 1, 1, 1, 0.5])
    assert told["ece"] == pytest.approx((8 * 0.3 + 2 * (0.5 + 0.4 + 0.3 + 0.2) + 4 * 0.4) / 20)
    assert by_label(results)["far"]["confidence"] is None
    row = next(line for line in markdown(results).splitlines() if line.startswith("| unsure | 20 | 10 ("))
    assert "(50.0 %) | 0.820 | 0.340 |" in row
    assert "| 60.0 % | 16.7 [" in row


def test_refused_clouds_are_not_used_and_tell_nothing_of_confidence(tmp_path):
    samples = simple_samples()

    def half(clouds):
        given = [replace(one, confidence=0.9) for one in Knowing(samples, away_m=0.01)(clouds)]
        return [Prediction(refused="half") if n % 2 else one for n, one in enumerate(given)]

    run = run_benchmark(samples, [entrant("half", half)], tmp_path)
    told = summarise(run, {"title": "t", "from": "f"})["methods"][0]["confidence"]
    assert (told["bodies"], told["used_share"], told["auroc"]) == (6, 0.5, None)


def test_curves_need_a_spread(results):
    assert results["curves"]["distance_m"] is None  # all at three metres


def test_a_curve_leaves_out_parts_of_the_set_that_are_hard_for_other_reasons():
    count = 400
    parts = np.array(["kinect", "removed_50", "far", "rare"])[np.arange(count) % 4]
    share = np.where(parts == "removed_50", 0.5, 0.0) + np.arange(count) * 1e-5
    facts = CloudFacts(
        keys=tuple(map(str, range(count))), subjects=("a",) * count, sequences=("s",) * count,
        frames=np.arange(count), time_s=np.full(count, np.nan),
        attributes={"occluded_share": tuple(share.tolist()), "part": tuple(parts.tolist())},
    )  # fmt: skip
    error = np.select([parts == "kinect", parts == "removed_50"], [50.0, 90.0], 1000.0)
    methods = {"m": {"mpjpe_abs": [error], "pve_abs": [error]}}
    curve = curve_of(CURVES[0], facts, np.arange(count), methods)
    assert curve is not None
    assert curve["parts"] == ["kinect", "removed_50"]
    assert sum(curve["n"]) == count / 2
    assert set(curve["methods"]["m"]["mpjpe_abs"]["value"]) == {50.0, 90.0}
    elsewhere = replace(facts, attributes={**facts.attributes, "part": ("far",) * count})
    everything = curve_of(CURVES[0], elsewhere, np.arange(count), methods)
    assert everything is not None
    assert sum(everything["n"]) == count


def test_a_curve_follows_the_error_of_clouds_of_one_camera():
    rng = np.random.default_rng(0)
    count = 300
    share, views = rng.uniform(0, 0.9, count), rng.choice([1.0, 4.0], count)
    facts = CloudFacts(
        keys=tuple(map(str, range(count))), subjects=("a",) * count, sequences=("s",) * count,
        frames=np.arange(count), time_s=np.full(count, np.nan),
        attributes={"occluded_share": tuple(share.tolist()), "views": tuple(views.tolist())},
    )  # fmt: skip
    error = np.where(views == 1, 20 + 100 * share, 1000.0)
    methods = {"m": {"mpjpe_abs": [error], "pve_abs": [np.full(count, np.nan)]}}
    curve = curve_of(CURVES[0], facts, rng.integers(0, 30, count), methods)
    assert curve is not None
    assert curve["one_camera"]
    assert sum(curve["n"]) == (views == 1).sum()
    told = curve["methods"]["m"]
    assert set(told) == {"mpjpe_abs"}
    assert len(curve["x"]) == 10
    np.testing.assert_allclose(told["mpjpe_abs"]["value"], 20 + np.array(curve["x"]), atol=1e-6)  # x is in percent
    assert all(
        low <= value <= high for low, value, high in zip(*(told["mpjpe_abs"][k] for k in ("low", "value", "high")))
    )


def test_results_are_plain_json_and_tables_name_every_protocol(results):
    text = json.dumps(results, allow_nan=False)
    tables = markdown(json.loads(text))
    for words in ("smpl24_abs", "smpl24_pa_rigid", "13.0 ± 4.2", "10: 10 × half", "PVE > 150 mm"):
        assert words in tables


def test_a_limit_spreads_evenly_and_nothing_at_all_is_an_error(tmp_path):
    assert spread(10, None).tolist() == list(range(10))
    assert spread(10, 3).tolist() == [0, 4, 9]
    assert spread(3, 8).tolist() == [0, 1, 2]
    with pytest.raises(HpsError, match="limit of 0"):
        spread(10, 0)
    samples = simple_samples()
    with pytest.raises(HpsError, match="no method"):
        run_benchmark(samples, [], tmp_path)
    with pytest.raises(HpsError, match="no clouds"):
        run_benchmark([], [entrant("a", Knowing(samples))], tmp_path)


def test_without_any_truth_there_are_answers_and_no_errors(tmp_path):
    samples = [replace(sample, truth=None, joints=None) for sample in simple_samples()]
    run = run_benchmark(samples, [entrant("a", Knowing(simple_samples()))], tmp_path)
    found = summarise(run, {"title": "t", "from": "f"})
    assert found["clouds_with_truth"] == 0
    assert found["methods"][0]["all"] == {}
    assert found["methods"][0]["answers"] == len(samples)


def test_a_kept_camera_measures_a_body_without_any_truth(tmp_path):
    samples = simple_samples(2, 2, 900, 3)
    for away, least, most in ((0.0, 0.5, 4.0), (0.05, 8.0, 50.0)):  # 3 mm of noise; 50 mm, less along the surface
        blind = [replace(sample, truth=None, joints=None) for sample in samples]
        run = run_benchmark(blind, [entrant("a", ByPlace(samples, away))], tmp_path / str(away))
        assert run.held_out_facts is not None
        assert all("~without_c2" in key for key in run.held_out_facts.keys)
        told = summarise(run, {"title": "t", "from": "f"})["methods"][0]["held_out_camera"]
        assert told["n"] == 4
        assert least < told["value"] < most


class ByPlace(Knowing):
    """Knows clouds by where most points are: some were kept from it"""

    def __init__(self, samples, away_m):
        super().__init__(samples, away_m)
        self._samples = samples

    def _one(self, cloud):
        near = min(self._samples, key=lambda s: len(set(map(bytes, cloud.points)) - set(map(bytes, s.cloud.points))))
        return super()._one(near.cloud)
