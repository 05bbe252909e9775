"""Trains the lifter of keypoints, in pieces that may be ended at any moment, and publishes its weights.

    python scripts/train_lifter.py train RUN [--minutes 35]        # people are simulated while it trains
    python scripts/train_lifter.py publish RUN FILE.safetensors    # calibrated on people of the validation split

`train` with the same folder goes on where it ended; ctrl-C keeps what was done. One core is enough.
"""

from __future__ import annotations

import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import tyro
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tyro.conf import Positional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.loading import load_body_model
from hps.errors import HpsError
from hps.points.weights_file import WeightsInfo, landmarks_sha256, write_weights
from hps.rgb.lifter.config import LifterConfig
from hps.rgb.lifter.lifter import Lifter
from hps.rgb.lifter.training.config import LifterTraining, Supervision
from hps.rgb.lifter.training.loop import train
from hps.rgb.lifter.training.reading import read_log, read_trained
from hps.rgb.lifter.widening import measured_widening
from scripts.rgb_studies.people import detector_errors, sampler_of, validation_people


def train_network(
    run: Positional[Path],
    minutes: float | None = None,
    steps: int = 14_500,
    batch: int = 512,
    rate: float = 1.5e-3,
    width: int = 768,
    blocks: int = 3,
    poses: int = 40_000,
    seed: int = 0,
    every: int = 500,
    supervision: Supervision = "full",
) -> None:
    """Train, or go on.

    Args:
        run: Folder of the state and the log.
        minutes: End after so many of computing; the same command goes on. By default at the last step.
        steps: In all.
        batch: People a step.
        rate: Of learning, at its highest.
        width: Of the network.
        blocks: Of the network.
        poses: Drawn out of the training motions, once, and kept in the cache.
        seed: Of everything that is drawn.
        every: Steps between two looks at validation people.
        supervision: ordinal: of depth only which joint of two is nearer; for studies, it cannot be published.
    """
    torch.set_num_threads(1)
    config = LifterTraining(
        network=LifterConfig(width=width, blocks=blocks), steps=steps, batch=batch, rate=rate, seed=seed,
        supervision=supervision,
    )  # fmt: skip
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("train", total=steps)

        def line(values: dict[str, Any]) -> None:
            if "validation_mm" in values:
                bar.console.print(
                    f"step {values['step']}: {values['core_s']:.0f} core-s, joints off by {values['error_mm']:.1f} mm "
                    f"in training, {values['validation_mm']:.1f} mm on validation people"
                )
            bar.update(task, completed=values["step"])

        try:
            done = train(
                config,
                run,
                load_body_model(),
                sampler_of("train", poses),
                detector_errors(),
                seconds=None if minutes is None else 60 * minutes,
                validation=validation_people(2000),
                every=every,
                on_line=line,
            )
        except KeyboardInterrupt:
            print(f"interrupted; the same command goes on from the last state in {run}")
            raise SystemExit(130) from None
    print(f"{run}: step {done.state.step} of {steps}, {done.state.core_seconds:.0f} core-seconds")


def publish(run: Positional[Path], file: Positional[Path], people: int = 4000) -> None:
    """Write the running mean of a run's weights in 16 bits, with what they are of and how far their sigmas hold.

    Args:
        run: Folder of `train`.
        file: To write.
        people: Of the validation split, for the calibration.
    """
    torch.set_num_threads(1)
    model = load_body_model()
    trained = read_trained(run)
    if trained.config.supervision != "full":
        raise HpsError(
            f"{run} was trained with {trained.config.supervision} supervision, which says nothing of the root, the "
            "deviations and the SMPL body; train with full supervision to publish"
        )
    looked = [line["validation_mm"] for line in read_log(run) if "validation_mm" in line]
    network = trained.network()
    truth = validation_people(people)
    raw = Lifter(network, model)
    widening = measured_widening(raw(truth.keypoints), truth)
    training = {
        "steps": trained.state.step,
        "batch": trained.config.batch,
        "people_seen": trained.state.step * trained.config.batch,
        "core_seconds": round(trained.state.core_seconds),
        "seed": trained.config.seed,
        "rate": trained.config.rate,
        "validation_mm": looked[-1] if looked else None,
        "machine": platform.machine(),
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    info = WeightsInfo(
        size="lifter", network=asdict(trained.config.network), body=model.name, body_sha256=model.sha256,
        landmarks_sha256=landmarks_sha256(model), training=training,
        calibration={"widening": asdict(widening), "people": len(truth)},
    )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    write_weights(file, {name: value.half() for name, value in network.state_dict().items()}, info)
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB, {training}, {widening}")


if __name__ == "__main__":
    try:
        tyro.extras.subcommand_cli_from_dict({"train": train_network, "publish": publish})
    except HpsError as error:
        raise SystemExit(str(error)) from None
