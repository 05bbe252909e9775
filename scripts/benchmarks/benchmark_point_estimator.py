"""What the point estimator costs on one core: packing, a step of training, networks, and whole estimates.

CPU time of this process, the best of several runs, so that other work on the machine disturbs little. Clouds come from
any data set of docs/point_datasets.md. Usage: benchmark_point_estimator.py DATASET [--clouds 256] [--repeats 3].
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from tyro.conf import Positional

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.loading import load_body_model
from body.model import BodyModel
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.opening import open_dataset
from hps.points.augmentation.body_facts import BodyFacts
from hps.points.augmentation.plan import augment, load_plan
from hps.points.cloud_batch import sampled
from hps.points.estimator import AT_ONCE, PointEstimator
from hps.points.fitting.config import BodyFitConfig
from hps.points.network.config import SIZES
from hps.points.network.landmark_network import LandmarkNetwork
from hps.points.training.config import PackShare, TrainConfig
from hps.points.training.loop import train
from hps.points.training.packed import PackedClouds, pack


def main(dataset: Positional[Path], /, clouds: int = 256, repeats: int = 3) -> None:
    """Prints tables; `clouds` of the data set are used."""
    torch.set_num_threads(1)
    model = load_body_model()
    reader = open_dataset(dataset)
    samples = [reader[int(n)] for n in np.unique(np.linspace(0, len(reader) - 1, clouds).astype(int))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _training(samples, folder, model, repeats)
    _networks(repeats)
    _estimates(samples, model, repeats)


def _training(samples: list[CloudSample], folder: Path, model: BodyModel, repeats: int) -> None:
    """Packing, augmentation, and network S through the training loop at 512 points and 64 clouds a step."""
    pack(iter(samples[:2]), 2, folder / "warm", model)
    packing = _best(lambda: pack(iter(samples), len(samples), folder / "pack", model), 1)
    packed = PackedClouds(folder / "pack")
    batch = packed.batch(np.arange(min(64, len(packed))))
    plan, facts = load_plan("train_default"), BodyFacts.of(model)
    generator = torch.Generator().manual_seed(0)
    augmenting = _best(lambda: augment(batch, plan, generator, facts), 3 * repeats)
    sampling = _best(lambda: sampled(batch, 512, generator), 3 * repeats)
    print("| of one cloud | ms |\n|---|---|")
    print(f"| packing | {1e3 * packing / len(packed):.2f} |")
    print(f"| augmentation | {1e3 * augmenting / len(batch):.3f} |")
    print(f"| drawing 512 points | {1e3 * sampling / len(batch):.3f} |\n")
    config = TrainConfig(recipe="S", packs=(PackShare(folder=str(folder / "pack")),), points=(512,), steps=10**6)
    speed = [_clouds_a_second(replace(config, bfloat16=low), folder / f"run{low}", model) for low in (False, True)]
    print("| training of S | clouds a core-second |\n|---|---|")
    print(f"| float32 | {speed[0]:.0f} |\n| bfloat16 | {speed[1]:.0f} |\n| ratio | {speed[1] / speed[0]:.2f} |\n")


def _clouds_a_second(config: TrainConfig, folder: Path, model: BodyModel) -> float:
    """Of a training of some steps after those that compile and fill caches."""
    spent: list[float] = []
    for steps in (3, 23):
        spent.append(train(replace(config, steps=steps), folder / str(steps), model).state.core_seconds)
    return 20 * config.batch / (spent[1] - spent[0])


def _networks(repeats: int) -> None:
    """All sizes, alone and in batches, in both precisions."""
    print(
        "| network, ms a cloud | float32, 1 | float32, 32 | bfloat16, 1 | bfloat16, 32 | clouds a second, float32, 32 |"
    )
    print("|---|---|---|---|---|---|")
    for size, config in SIZES.items():
        network = LandmarkNetwork(config).eval()
        points = 0.4 * torch.randn(AT_ONCE, config.points, 3, generator=torch.Generator().manual_seed(0))
        rays = torch.nn.functional.normalize(points, dim=-1)
        spent = []
        for low in (False, True):
            for count in (1, AT_ONCE):
                with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=low):
                    spent.append(1e3 * _best(partial(network, points[:count], rays[:count]), repeats) / count)
        print(f"| {size} | " + " | ".join(f"{value:.1f}" for value in spent) + f" | {1e3 / spent[1]:.0f} |")
    print()


def _estimates(samples: list[CloudSample], model: BodyModel, repeats: int) -> None:
    """Checks, network, fit, refinement and verdict of clouds, by networks that were never trained, so that every cloud
    is refined: the dearest case."""
    clouds = [sample.cloud for sample in islice(samples, AT_ONCE)]
    print("| estimate, ms a cloud | 1 | 32 | 32 without refinement |\n|---|---|---|---|")
    for size in ("S", "M"):
        network = LandmarkNetwork(SIZES[size]).eval()
        kinds: dict[str, Any] = {"points": SIZES[size].points}
        whole = PointEstimator(network, model, **kinds)
        bare = PointEstimator(network, model, fit=BodyFitConfig(refine=False), **kinds)
        spent = [
            _best(partial(whole.estimate_many, clouds[:1]), repeats),
            _best(partial(whole.estimate_many, clouds), repeats) / len(clouds),
            _best(partial(bare.estimate_many, clouds), repeats) / len(clouds),
        ]
        print(f"| {size} | " + " | ".join(f"{1e3 * value:.1f}" for value in spent) + " |")


def _best(work: Callable[[], object], repeats: int) -> float:
    """Least CPU seconds of several runs after one that does not count."""
    return min(islice(_spent(work), 1, 1 + max(repeats, 1)))


def _spent(work: Callable[[], object]) -> Iterator[float]:
    while True:
        started = time.process_time()
        work()
        yield time.process_time() - started


if __name__ == "__main__":
    tyro.cli(main)
