"""Draws the scenes of the lifting benchmark and writes the tables that are committed beside its code.

Usage: python scripts/make_lifting_set.py [--detector-only]
The same seeds give the same scenes with the same versions of the libraries; the committed tables are what counts.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import tyro

from body.loading import load_body_model
from hps.benchmark.rgb.lifting_scenes import DATA, Split, write_scenes
from hps.benchmark.rgb.make_scenes import make_scenes
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.poses import draw_poses
from humanrig.motions import motion_library

COUNTS: Final[dict[Split, int]] = {"validation": 1000, "test": 2000}
SEEDS: Final[dict[Split, int]] = {"validation": 20_000_001, "test": 20_000_002}
EVERY: Final = 3
"""Frames of a drawn motion: 0.6 s between poses."""


def main() -> None:
    """Prints how many scenes of each split there are, and of how many people and motions."""
    library, model = motion_library(), load_body_model()
    for split, count in COUNTS.items():
        poses = draw_poses(library, split, count, np.random.default_rng(SEEDS[split]), every=EVERY)
        scenes = make_scenes(poses, SplitBodies(model, split), SEEDS[split])
        write_scenes(DATA / f"lifting_{split}.npz", scenes)
        print(f"{split}: {len(scenes)} scenes, {len(set(scenes.subject))} people, {len(scenes.motions)} mixes of clips")


if __name__ == "__main__":
    tyro.cli(main)
