"""Prints whether classifiers can tell the clouds of the fast ways from those of the full simulator (Markdown).

`python scripts/compare_clouds.py --clouds 400`: that many clouds of each way, of people of the body bank in drawn
clothes, motions, rooms and camera places. A quarter of an hour on one quiet core; the motions are fetched once.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from body.errors import BodyError
from body.loading import load_body_model
from capture.errors import CaptureError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.sample_scenes import sample_scenes
from hps.synthesis.staging.stage import Stage
from hps.synthesis.telling_apart.classifiers import Kind
from hps.synthesis.telling_apart.cloud_statistics import LEAST_POINTS
from hps.synthesis.telling_apart.seen_cloud import SeenCloud
from hps.synthesis.telling_apart.verdict import tell_apart
from hps.synthesis.telling_apart.ways import Way, exact, fast, in_torch, simulated
from humanrig.motions import motion_library

WAYS: dict[str, tuple[Way, int]] = {
    "the simulator itself, other noise": (simulated, 1),
    "`hps.synthesis.clouds` (CPU)": (fast, 2),
    "`hps.synthesis.torch_clouds`": (in_torch, 3),
    "the simulator without noise": (exact, 4),
}
KINDS: dict[Kind, str] = {"logistic": "logistic regression", "mlp": "MLP", "pointnet": "PointNet"}
VIEWS, FRAMES = 2, 4


def main(clouds: Annotated[int, tyro.conf.arg(help="clouds of each way")] = 400, seed: int = 0) -> None:
    """Makes the clouds and prints the table."""
    found: dict[str, list[SeenCloud]] = {name: [] for name in ("simulator", *WAYS)}
    seconds = dict.fromkeys(found, 0.0)
    config = SynthesisConfig(
        people=max(10, clouds // (VIEWS * FRAMES)), views=VIEWS, frames=FRAMES, appearances=1, rate_hz=5.0, seed=seed
    )
    with tempfile.TemporaryDirectory() as folder:
        table = sample_scenes(config, motion_library, Path(folder))
        stage = Stage(Path(folder), load_body_model())
        for spec in table:
            try:
                staged = stage.scene(spec)
            except (BodyError, CaptureError) as error:
                print(f"left out {spec.name}: {error}")
                continue
            for name, (way, other) in (("simulator", (simulated, 0)), *WAYS.items()):
                start = time.process_time()
                found[name] += way(staged, other)
                seconds[name] += time.process_time() - start
    enough = [cloud for cloud in found["simulator"] if len(cloud.points) >= LEAST_POINTS]
    print(f"{len(enough)} clouds of the simulator, of {len({c.group for c in enough})} scenes, ", end="")
    print(f"{np.mean([len(c.points) for c in enough]):.0f} points each\n")
    print(f"| against the simulator | {' | '.join(KINDS.values())} |\n|{'---|' * (1 + len(KINDS))}")
    for name in WAYS:
        cells = []
        for kind in KINDS:
            verdict = tell_apart(found["simulator"], found[name], kind, seed=seed)
            cells.append(f"{100 * verdict.accuracy:.1f} % ({100 * verdict.low:.1f} to {100 * verdict.high:.1f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print("\nCPU a cloud, everything after staging: ", end="")
    print(", ".join(f"{name} {1e3 * seconds[name] / max(len(found[name]), 1):.0f} ms" for name in found))


if __name__ == "__main__":
    tyro.cli(main)
