"""Draws the scenes of the lifting benchmark and writes the tables that are committed beside its code.

Usage: python scripts/make_lifting_set.py [--detector-only]
The same seeds give the same scenes with the same versions of the libraries; the committed tables are what counts.
Tables with other bytes are refused until their digests, which this prints, stand in hps.benchmark.rgb.lifting_scenes:
they are another benchmark, and all figures must be measured anew.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import tyro

from body.loading import load_body_model
from hps.benchmark.rgb.lifting_scenes import DATA, Split, read_scenes, write_scenes
from hps.benchmark.rgb.make_scenes import detected, make_scenes
from hps.rgb.detector_error.model import DetectorErrorModel
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.poses import draw_poses
from humanrig.motions import motion_library

COUNTS: Final[dict[Split, int]] = {"validation": 1000, "test": 2000}
SEEDS: Final[dict[Split, int]] = {"validation": 20_000_001, "test": 20_000_002}
EVERY: Final = 3
"""Frames of a drawn motion: 0.6 s between poses."""


def main(detector_only: bool = False) -> None:
    """Prints how many scenes of each split there are, and of how many people and motions.

    detector_only: the committed scenes stay, what the detector says of them is drawn anew from its measured errors.
    """
    model = load_body_model()
    for split, count in COUNTS.items():
        bodies = SplitBodies(model, split)
        if detector_only:
            scenes = read_scenes(split)
        else:
            poses = draw_poses(motion_library(), split, count, np.random.default_rng(SEEDS[split]), every=EVERY)
            scenes = make_scenes(poses, bodies, SEEDS[split])
        scenes = detected(scenes, bodies, SEEDS[split], DetectorErrorModel())
        path = DATA / f"lifting_{split}.npz"
        write_scenes(path, scenes)
        print(f"{split}: {len(scenes)} scenes, {len(set(scenes.subject))} people, {len(scenes.motions)} mixes of clips")
        print(f"{split}: sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    tyro.cli(main)
