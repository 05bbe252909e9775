"""Estimators from files of weights: of this version, of another network, of another body."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from simulated_people import BODY, person

import hps.points
from hps.errors import HpsError
from hps.points.judging.confidence import DEFAULT
from hps.points.loading import WEIGHTS, load, weights_path
from hps.points.network.config import NetworkConfig
from hps.points.network.landmark_network import LandmarkNetwork
from hps.points.weights_file import WeightsInfo, landmarks_sha256, write_weights

CONFIG = NetworkConfig(points=128, tokens=16, neighbours=8, width=32, heads=2, layers=1, rounds=1)


def network() -> LandmarkNetwork:
    torch.manual_seed(0)
    return LandmarkNetwork(CONFIG)


def info(**other: object) -> WeightsInfo:
    given = WeightsInfo(
        size="tiny", network=asdict(CONFIG), body=BODY.name, body_sha256=BODY.sha256,
        landmarks_sha256=landmarks_sha256(BODY),
    )  # fmt: skip
    return replace(given, **other)


def test_a_file_gives_the_network_that_was_written(tmp_path: Path) -> None:
    path, own = tmp_path / "w.safetensors", network()
    write_weights(path, own.state_dict(), info())
    estimator = hps.points.load(path)
    assert estimator.seeing.points == 128
    points, rays = torch.randn(2, 128, 3), torch.zeros(2, 128, 3)
    with torch.no_grad():
        expected, found = own.eval()(points, rays), estimator.seeing.network(points, rays)
    assert torch.equal(expected.position, found.position)
    half = {name: tensor.half() for name, tensor in own.state_dict().items()}
    write_weights(path, half, info())
    with torch.no_grad():
        found = load(path).seeing.network(points, rays)
    torch.testing.assert_close(found.position, expected.position, atol=0.02, rtol=0.02)  # weights of 11 bits


def test_an_untrained_network_gives_an_estimate_that_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, network().state_dict(), info())
    found = load(path).estimate(person(0).cloud)
    assert np.isfinite(found.joints).all()
    assert found.confidence[0] < 0.5
    assert found.reasons[0].startswith("no trustworthy body: ")


def test_what_was_measured_on_validation_data_is_used(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    judge = {**DEFAULT.described(), "offset": 1.25}
    calibration = {"sigma": {"joints": 2.0, "markers": 0.5}, "spread": 3.0, "confidence": judge}
    write_weights(path, network().state_dict(), info())
    plain = load(path, twice=False)
    write_weights(path, network().state_dict(), info(calibration=calibration))
    calibrated = load(path, twice=False)
    cloud = person(0).cloud
    a, b = plain.seeing([cloud]).sigma, calibrated.seeing([cloud]).sigma
    torch.testing.assert_close(b[:, :24], 2 * a[:, :24])
    torch.testing.assert_close(b[:, 24:], 0.5 * a[:, 24:])
    assert calibrated.judge.offset == 1.25
    assert calibrated.spread == 3.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network": {**asdict(CONFIG), "width": 64}}, "another network"),
        ({"network": {**asdict(CONFIG), "wings": 2}}, "another network"),
        ({"network": {}}, "another network"),
        ({"body_sha256": "0" * 64}, "trained for the body model"),
        ({"landmarks_sha256": "0" * 64}, "other landmarks"),
        ({"calibration": {"confidence": {}}}, "damaged"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, change: dict, said: str) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, network().state_dict(), info(**change))
    with pytest.raises(HpsError, match=said):
        load(path)


def test_broken_weights_and_unknown_sizes_are_refused(tmp_path: Path) -> None:
    path, tensors = tmp_path / "w.safetensors", network().state_dict()
    name = next(iter(tensors))
    write_weights(path, {**tensors, name: torch.full_like(tensors[name], torch.nan)}, info())
    with pytest.raises(HpsError, match="no numbers"):
        load(path)
    with pytest.raises(HpsError, match="no weights called 'XL'"):
        load("XL")
    assert weights_path(path) == path


def test_a_size_is_a_size_beside_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions are called S in the documentation."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "XL").mkdir()
    with pytest.raises(HpsError, match="no weights called 'XL'"):
        weights_path("XL")
    assert weights_path("./XL") == Path("XL")


def test_a_device_that_is_not_here_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, network().state_dict(), info())
    with pytest.raises(HpsError, match="device 'nonsense' cannot be used here"):
        load(path, device="nonsense")


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_weights_that_come_with_the_package_are_calibrated_and_small(path: Path) -> None:
    estimator = load(path.stem)
    assert path.stat().st_size < 30e6
    assert estimator.info is not None
    assert {"sigma", "spread", "confidence"} <= set(estimator.info.calibration)
