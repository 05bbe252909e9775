"""Trains the networks of the point-cloud estimator and its baselines, in pieces that may be ended at any moment.

    python scripts/train_points.py pack DATASET PACK            # once for each data set: plain arrays for training
    python scripts/train_points.py train RUN --recipe S --packs PACK [--validation PACK] [--minutes 60]
    python scripts/train_points.py plot RUN [RUN ...]           # the log as curves, at any time
    python scripts/train_points.py publish RUN FILE.safetensors # the running mean of the weights, with what it is of

`train` with the same folder goes on where it ended; ctrl-C keeps what was done. On a GPU add --device cuda.
"""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tyro.conf import Positional

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.loading import load_body_model
from hps.datasets.opening import open_dataset
from hps.errors import HpsError
from hps.points.training.config import PackShare, TrainConfig
from hps.points.training.loop import LOG, train
from hps.points.training.packed import PackedClouds, pack
from hps.points.training.recipes import trainable
from hps.points.training.state import TrainState
from hps.points.weights_file import WeightsInfo, landmarks_sha256, write_weights


def pack_clouds(
    dataset: Positional[Path],
    folder: Positional[Path],
    split: Literal["train", "validation", "test"] = "train",
    points: int = 1024,
    seed: int = 0,
    most: int | None = None,
    unfinished: bool = False,
) -> None:
    """Pack a data set's clouds into plain arrays.

    Args:
        dataset: Any folder or file that hps.datasets can open.
        folder: Where the pack is written.
        split: Of the data set.
        points: Of each cloud, drawn at random.
        seed: Of that draw.
        most: Only so many clouds, at even steps.
        unfinished: Take what there is of a synthetic data set that is still being made.
    """
    options: dict[str, Any] = {"unfinished": True} if unfinished else {}
    reader = open_dataset(dataset, **options).split(split)
    which = np.unique(np.linspace(0, len(reader) - 1, min(most or len(reader), len(reader))).astype(int))
    about = {"dataset": reader.dataset, "protocol": reader.protocol, "split": split}
    with _bar() as bar:
        task = bar.add_task("pack", total=len(which))
        figures = pack(
            (reader[int(number)] for number in which),
            len(which),
            folder,
            load_body_model(),
            points=points,
            seed=seed,
            about=about,
            on_progress=lambda done, total: bar.update(task, completed=done),
        )
    print(f"{folder}: {figures.clouds} clouds; left out: {figures.left_out or 'none'}")


def train_network(
    run: Positional[Path],
    recipe: str = "S",
    packs: tuple[str, ...] = (),
    validation: Path | None = None,
    minutes: float | None = None,
    steps: int = 10_000,
    batch: int = 64,
    rate: float = 1e-3,
    falling: float = 0.3,
    average: float = 0.998,
    points: tuple[int, ...] = (256, 512, 512, 1024),
    augmentation: str = "train_default",
    bfloat16: bool = True,
    begin: str = "",
    seed: int = 0,
    every: int = 1000,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Train, or go on.

    Args:
        run: Folder of the state and the log.
        recipe: S, M, L, direct or voting.
        packs: Folders of packs, each as FOLDER, FOLDER:SHARE or FOLDER:SHARE:CLOUDS.
        validation: A pack that is only looked at.
        minutes: End after so many; the same command goes on. By default at the last step.
        steps: In all.
        batch: Clouds a step.
        rate: Of learning, at its highest.
        falling: Share of the steps, at the end, in which the rate falls to 0.
        average: How much of itself the running mean of the weights keeps at a step.
        points: Numbers of points of a cloud, of which each step draws one.
        augmentation: A plan by name, or a TOML file.
        bfloat16: Multiply matrices in bfloat16.
        begin: Weights to begin with, as `publish` writes them.
        seed: Of everything that is drawn.
        every: Steps between two looks at the validation pack.
        device: cpu, cuda, …
        threads: Of torch; more than there are idle cores make it far slower.
    """
    if not packs:
        raise HpsError("give at least one pack with --packs; `pack` makes one of a data set")
    torch.set_num_threads(threads)
    config = TrainConfig(
        recipe=recipe, packs=tuple(pack_share(text) for text in packs), steps=steps, batch=batch, rate=rate,
        falling=falling, average=average, points=points, augmentation=augmentation, bfloat16=bfloat16,
        begin=begin, seed=seed,
    )  # fmt: skip
    looked_at = PackedClouds(validation) if validation is not None else None
    with _bar() as bar:
        task = bar.add_task(recipe, total=steps)

        def line(values: dict[str, Any]) -> None:
            told = f"{recipe}  error {values['error_mm']:.1f} mm"
            if "validation_mm" in values:
                bar.console.print(
                    f"step {values['step']}: {values['clouds']} clouds, {values['core_s']:.0f} core-s, error "
                    f"{values['error_mm']:.1f} mm in training, {values['validation_mm']:.1f} mm on validation clouds"
                )
            bar.update(task, completed=values["step"], description=told)

        try:
            done = train(
                config,
                run,
                load_body_model(),
                device=device,
                seconds=None if minutes is None else 60 * minutes,
                validation=looked_at,
                every=every,
                on_line=line,
            )
        except KeyboardInterrupt:
            print(f"interrupted; the same command goes on from the last state in {run}")
            raise SystemExit(130) from None
    print(f"{run}: step {done.state.step} of {steps}, {done.state.core_seconds:.0f} core-seconds")
    plot_runs((run,))


def plot_runs(runs: Positional[tuple[Path, ...]], out: Path | None = None) -> None:
    """Draw the logs of runs: error against clouds seen.

    Args:
        runs: Folders of `train`.
        out: A page with curves; by default RUN/log.html of the first.
    """
    from hps.points.training.plot import draw_logs

    path = out or runs[0] / "log.html"
    draw_logs({run.name: read_log(run) for run in runs}, path)
    print(f"curves: {path}")


def publish(run: Positional[Path], file: Positional[Path], half: bool = False) -> None:
    """Write the running mean of a run's weights as safetensors, with what they are of.

    Args:
        run: Folder of `train`.
        file: To write.
        half: Store the weights in 16 bits.
    """
    from safetensors import safe_open

    with safe_open(run / "state.safetensors", framework="pt") as opened:
        told = json.loads(opened.metadata()["training"])
    config = told["config"]
    what = trainable(config["recipe"])
    state = TrainState(network=what.network, optimiser=torch.optim.AdamW(what.network.parameters()), average={})
    state.read(run, {"config": config})
    model = load_body_model()
    lines = read_log(run)
    looked = [line for line in lines if "validation_mm" in line]
    training = {
        "steps": state.step,
        "batch": config["batch"],
        "clouds_seen": state.step * config["batch"],
        "core_seconds": round(state.core_seconds),
        "seed": config["seed"],
        "rate": config["rate"],
        "augmentation": config["augmentation"],
        "begun_with": Path(config.get("begin", "")).name,
        "packs": [_pack_told(share) for share in config["packs"]],
        "validation_mm": looked[-1]["validation_mm"] if looked else None,
        "machine": platform.machine(),
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    weights = {
        name: value.half() if half and value.is_floating_point() else value for name, value in state.average.items()
    }
    info = WeightsInfo(
        size=what.size, network=what.config, body=model.name, body_sha256=model.sha256,
        landmarks_sha256=landmarks_sha256(model), training=training,
    )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    write_weights(file, weights, info)
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB, {asdict(info)['training']}")


def read_log(run: Path) -> list[dict[str, Any]]:
    """Lines of a run's log; of steps that were taken twice, the later."""
    lines = {}
    for text in (run / LOG).read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:  # the last line of a run that was killed
            continue
        lines[line["step"]] = line
    return [lines[step] for step in sorted(lines)]


def pack_share(text: str) -> PackShare:
    """FOLDER, FOLDER:SHARE or FOLDER:SHARE:CLOUDS. Raises HpsError for anything else."""
    folder, *numbers = text.split(":")
    try:
        share = float(numbers[0]) if numbers and numbers[0] else 1.0
        return PackShare(folder=folder, share=share, clouds=int(numbers[1]) if len(numbers) > 1 else None)
    except ValueError:
        raise HpsError(f"'{text}' is no pack; give FOLDER, FOLDER:SHARE or FOLDER:SHARE:CLOUDS") from None


def _pack_told(share: dict[str, Any]) -> dict[str, Any]:
    about = PackedClouds(Path(share["folder"])).about
    return {
        "name": Path(share["folder"]).name,
        "dataset": about.get("dataset", ""),
        "clouds": about["clouds"],
        "share": share["share"],
    }


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


if __name__ == "__main__":
    try:
        tyro.extras.subcommand_cli_from_dict(
            {"pack": pack_clouds, "train": train_network, "plot": plot_runs, "publish": publish}
        )
    except HpsError as error:
        raise SystemExit(str(error)) from None
