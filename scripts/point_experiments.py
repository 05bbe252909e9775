"""Trains many networks one after the other, by a plan, and tables what came out: baselines, seeds, amounts, mixtures.

    python scripts/point_experiments.py run PLAN.toml FOLDER [--minutes 60]   # goes on where it ended
    python scripts/point_experiments.py table PLAN.toml FOLDER                # mean and spread over seeds, at any time

A plan (TOML) has the settings that all trainings share, the trainings, and mixtures of two domains:

    validation = ["PACK"]                 # looked at after each training; the first also during it
    [common]                              # of hps.points.training.config.TrainConfig
    steps = 1500
    batch = 48
    [[training]]
    name = "direct"
    recipe = "direct"
    packs = ["PACK"]                      # FOLDER, FOLDER:SHARE or FOLDER:SHARE:CLOUDS
    seeds = [0, 1, 2]
    [[mixture]]                           # a training for each amount and each share of the target domain
    name = "mix"
    recipe = "S"
    target = "PACK_OF_KINECT"
    source = "PACK_OF_ANOTHER_DOMAIN"
    clouds = [4000, 16000]
    shares = [0.0, 0.5, 1.0]
    seeds = [0]

Every training gets the same number of steps, however few clouds it has. Its weights are FOLDER/NAME-SEED.safetensors,
ready for `humanrig benchmark points SET --method NAME=estimator@FOLDER/NAME-SEED.safetensors`.
"""

from __future__ import annotations

import json
import time
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from pydantic import TypeAdapter, ValidationError
from train_points import pack_share, publish
from tyro.conf import Positional

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.loading import load_body_model
from hps.errors import HpsError
from hps.points.training.config import TrainConfig
from hps.points.training.loop import train, validation_error
from hps.points.training.packed import PackedClouds

RESULTS = "results.json"


def run(plan: Positional[Path], folder: Positional[Path], minutes: float | None = None, threads: int = 1) -> None:
    """Train what is not trained yet.

    Args:
        plan: A TOML file.
        folder: Of trainings, weights and results.
        minutes: End after so many; the same command goes on.
        threads: Of torch.
    """
    torch.set_num_threads(threads)
    model, looked_at, trainings = load_body_model(), *read_plan(plan)
    packs = {path: PackedClouds(Path(path)) for path in looked_at}
    end = None if minutes is None else time.monotonic() + 60 * minutes
    for number, (name, config) in enumerate(trainings.items()):
        weights = folder / f"{name}.safetensors"
        if name in read_results(folder) and weights.exists():
            continue
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            break
        print(f"{name} ({number + 1} of {len(trainings)}): {config.steps} steps of {config.batch}", flush=True)
        done = train(config, folder / name, model, seconds=left)
        if not done.finished:
            print(f"  step {done.state.step}; the same command goes on", flush=True)
            break
        errors = {
            path: validation_error(done.what, done.weights(), pack, model, most=len(pack))
            for path, pack in packs.items()
        }
        publish(folder / name, weights)
        found = read_results(folder)
        found[name] = {
            "config": asdict(config),
            "core_seconds": round(done.state.core_seconds),
            "validation_mm": {path: round(error, 2) for path, error in errors.items()},
        }
        part = folder / f".{RESULTS}"
        part.write_text(json.dumps(found, indent=1))
        part.replace(folder / RESULTS)
    table(plan, folder)


def table(plan: Positional[Path], folder: Positional[Path]) -> None:
    """Print the table as Markdown: mean error of landmarks (S, M, L) or joints (others) in the sensor's frame.

    Args:
        plan: The plan.
        folder: Of `run`.
    """
    looked_at, trainings = read_plan(plan)
    results = read_results(folder)
    groups: dict[str, list[str]] = {}
    for name in trainings:
        groups.setdefault(name.rpartition("-")[0], []).append(name)
    print(f"| training | seeds | {' | '.join(Path(path).name + ', mm' for path in looked_at)} | core-s |")
    print(f"|---|---|{'---|' * (len(looked_at) + 1)}")
    for group, names in groups.items():
        done = [results[name] for name in names if name in results]
        if not done:
            print(f"| {group} | 0 of {len(names)} |{' |' * (len(looked_at) + 1)}")
            continue
        cells = []
        for path in looked_at:
            values = np.array([one["validation_mm"][path] for one in done])
            spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.1f}{spread}")
        cost = np.mean([one["core_seconds"] for one in done])
        print(f"| {group} | {len(done)} of {len(names)} | {' | '.join(cells)} | {cost:.0f} |")


def read_plan(path: Path) -> tuple[list[str], dict[str, TrainConfig]]:
    """Packs to look at, and the trainings by NAME-SEED. Raises HpsError for a plan that makes no sense."""
    try:
        plan = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise HpsError(f"{path} is no plan that can be read ({error})") from None
    if unknown := set(plan) - {"validation", "common", "training", "mixture"}:
        raise HpsError(f"{path} has {', '.join(sorted(unknown))}, which no plan has")
    found: dict[str, TrainConfig] = {}
    try:
        for one in [*plan.get("training", ()), *(cell for mix in plan.get("mixture", ()) for cell in mixed(mix))]:
            values: dict[str, Any] = {**plan.get("common", {}), **one}
            name, seeds = values.pop("name"), values.pop("seeds", [0])
            values["packs"] = [asdict(pack_share(text)) for text in values["packs"]]
            config = TypeAdapter(TrainConfig).validate_python(values)
            found |= {f"{name}-{seed}": replace(config, seed=seed) for seed in seeds}
    except KeyError as error:
        raise HpsError(f"{path}: a training lacks {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise HpsError(f"{path}: {'.'.join(map(str, first['loc']))} = {first['input']!r}: {first['msg']}") from None
    first_seeds_first = sorted(found.items(), key=lambda item: item[1].seed)  # ended early, all have been tried
    return list(plan["validation"]), dict(first_seeds_first)


def mixed(mix: dict[str, Any]) -> list[dict[str, Any]]:
    """The trainings of a mixture: `clouds` in all, of which a share is of the target domain."""
    own = {key: value for key, value in mix.items() if key not in ("target", "source", "clouds", "shares")}
    cells = []
    for clouds in mix["clouds"]:
        for share in mix["shares"]:
            of_target = round(share * clouds)
            parts = ((mix["target"], of_target), (mix["source"], clouds - of_target))
            packs = [f"{pack}:{count / clouds}:{count}" for pack, count in parts if count]
            cells.append({**own, "name": f"{mix['name']}-{clouds}-{round(100 * share)}%", "packs": packs})
    return cells


def read_results(folder: Path) -> dict[str, Any]:
    """Of finished trainings, by name."""
    path = folder / RESULTS
    return json.loads(path.read_text()) if path.exists() else {}


if __name__ == "__main__":
    try:
        tyro.extras.subcommand_cli_from_dict({"run": run, "table": table})
    except HpsError as error:
        raise SystemExit(str(error)) from None
