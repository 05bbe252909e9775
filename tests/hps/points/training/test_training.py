"""Training: it goes on exactly where it ended, and refuses what does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_samples import made_sample

from body.loading import load_body_model
from hps.errors import HpsError
from hps.points.network.config import SIZES, NetworkConfig
from hps.points.training.config import PackShare, TrainConfig
from hps.points.training.loop import LOG, train
from hps.points.training.packed import PackedClouds, pack
from hps.points.training.state import FILE
from hps.points.weights_file import WeightsInfo, landmarks_sha256, write_weights

TINY = NetworkConfig(points=64, tokens=8, neighbours=6, width=16, heads=2, layers=1, rounds=1)


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    pack([made_sample(number) for number in range(6)], 6, folder / "a", load_body_model(), points=128)
    return folder


@pytest.fixture
def config(packs: Path, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    monkeypatch.setitem(SIZES, "S", TINY)
    return TrainConfig(
        recipe="S", packs=(PackShare(folder=str(packs / "a")),), steps=8, batch=4, points=(64, 96), warm=3
    )


def test_in_pieces_as_in_one_go(config: TrainConfig, tmp_path: Path) -> None:
    model = load_body_model()
    whole = train(config, tmp_path / "whole", model)
    assert whole.finished
    pieces = 0
    while not (piece := train(config, tmp_path / "pieces", model, seconds=1e-3)).finished:
        pieces += 1  # each takes one step
    assert pieces >= 5
    for name, value in whole.weights().items():
        assert torch.equal(piece.weights()[name], value), name


def test_a_training_may_begin_with_weights(config: TrainConfig, tmp_path: Path) -> None:
    """With a rate of nearly nothing they stay what they were."""
    model = load_body_model()
    first = train(replace(config, steps=3), tmp_path / "first", model)
    info = WeightsInfo(
        size="S", network=first.what.config, body=model.name, body_sha256=model.sha256,
        landmarks_sha256=landmarks_sha256(model),
    )  # fmt: skip
    path = tmp_path / "first.safetensors"
    write_weights(path, first.weights(), info)
    still = train(replace(config, steps=1, rate=1e-12, begin=str(path)), tmp_path / "then", model)
    for name, value in first.weights().items():
        torch.testing.assert_close(still.weights()[name], value, atol=1e-7, rtol=1e-5)
    with pytest.raises(HpsError, match="weights of S, not of direct"):
        train(replace(config, recipe="direct", steps=1, begin=str(path)), tmp_path / "other", model)


def test_another_seed_gives_other_weights(config: TrainConfig, tmp_path: Path) -> None:
    model = load_body_model()
    short = replace(config, steps=2)
    a = train(short, tmp_path / "a", model).weights()
    b = train(replace(short, seed=1), tmp_path / "b", model).weights()
    assert not torch.equal(a["landmark"], b["landmark"])


def test_a_folder_of_other_settings_and_a_damaged_state_are_refused(config: TrainConfig, tmp_path: Path) -> None:
    model = load_body_model()
    train(replace(config, steps=2), tmp_path, model)
    with pytest.raises(HpsError, match="other settings"):
        train(replace(config, steps=2, rate=5e-4), tmp_path, model)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:500])
    with pytest.raises(HpsError, match="damaged"):
        train(replace(config, steps=2), tmp_path, model)


def test_a_pack_of_another_body_is_refused(config: TrainConfig, packs: Path, tmp_path: Path) -> None:
    with pytest.raises(HpsError, match="another body model"):
        train(config, tmp_path, replace(load_body_model(), sha256="0" * 64))


def test_the_log_tells_errors_and_the_look_at_validation(config: TrainConfig, packs: Path, tmp_path: Path) -> None:
    train(config, tmp_path, load_body_model(), validation=PackedClouds(packs / "a"))
    (line,) = [json.loads(text) for text in (tmp_path / LOG).read_text().splitlines()]
    assert line["step"] == 8
    assert line["clouds"] == 32
    assert line["validation_mm"] > 0
    assert line["error_mm"] > 0


@pytest.mark.parametrize("recipe", ["direct", "voting"])
def test_baselines_train_in_the_same_loop(recipe: str, packs: Path, tmp_path: Path) -> None:
    config = TrainConfig(
        recipe=recipe, packs=(PackShare(folder=str(packs / "a")),), steps=1, batch=2, points=(128,), bfloat16=False
    )
    assert train(config, tmp_path, load_body_model()).finished


def test_the_rate_rises_stays_and_falls(config: TrainConfig) -> None:
    long = replace(config, steps=1000, warm=100, rate=1e-3, falling=0.3)
    assert long.rate_at(0) == pytest.approx(1e-5)
    assert long.rate_at(500) == 1e-3
    assert long.rate_at(850) == pytest.approx(5e-4)
    assert long.rate_at(999) < 1e-5
