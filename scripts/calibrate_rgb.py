"""Finds which signs tell bad bodies of the picture estimator, on the lifting benchmark's validation scenes.

    python scripts/calibrate_rgb.py --people 600

Keypoints have the detector's error model. Beside them are keypoints of nobody: each of another person, in one box. The
detector's score is not simulated; its weight is not found here. Prints the weights for `hps.rgb.judging.confidence` and
how they do on people who were not used.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import numpy as np
import torch

from hps.benchmark.rgb.lifting_scenes import read_scenes
from hps.benchmark.rgb.true_bodies import true_bodies
from hps.points.judging.calibration import logistic
from hps.rgb.fitting.who import Who
from hps.rgb.judging.confidence import FEATURES, GOOD_MM, RgbJudge, feature_rows
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.loading import load

NOBODY_SHARE = 0.15


def nobody(batch: KeypointBatch, generator: torch.Generator) -> KeypointBatch:
    """Every keypoint from another row's place in the box of its person."""
    low, high = batch.q.amin(1, keepdim=True), batch.q.amax(1, keepdim=True)
    within = (batch.q - low) / (high - low).clamp(min=1)
    mixed = torch.stack(
        [within[torch.randperm(len(batch), generator=generator), n] for n in range(batch.q.shape[1])], 1
    )
    return replace(batch, q=low + mixed * (high - low))


def main() -> None:
    """Prints the weights."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=600)
    words = parser.parse_args()
    scenes = read_scenes("validation")
    rng = np.random.default_rng(0)
    scenes = scenes.rows(np.sort(rng.choice(len(scenes), min(words.people, len(scenes)), replace=False)))
    estimator = load(who=Who(children=True))  # who are a sixth of the scenes' people
    batch = scenes.keypoints("detector")
    found = estimator.found(batch)
    joints = np.full((len(scenes), 24, 3), np.nan)
    for some in true_bodies(scenes, estimator.body):
        joints[some.rows] = np.asarray(some.joints, np.float64)
    own = found.bodies.joints
    off = 1000 * np.linalg.norm((own - own[:, :1]) - (joints - joints[:, :1]), axis=-1).mean(1)
    false = estimator.found(
        nobody(batch.rows(slice(0, int(NOBODY_SHARE * len(batch)))), torch.Generator().manual_seed(1))
    )
    features = np.concatenate([feature_rows(list(found.signs)), feature_rows(list(false.signs))])
    good = np.concatenate([off < GOOD_MM, np.zeros(len(false.signs), bool)])
    fit = rng.random(len(good)) < 0.7
    offset, weights = logistic(features[fit], good[fit])
    judge = RgbJudge(
        offset=offset,
        weights=dict(zip(FEATURES, weights.tolist())),
        usual=dict(zip(FEATURES, np.median(features[fit & good], axis=0).tolist())),
    )
    confidence = np.array([judge.confidence(row) for row in features])
    held = ~fit
    people = held & (np.arange(len(good)) < len(off))
    wins = (confidence[held & good][:, None] > confidence[held & ~good]).mean()
    wins_people = (confidence[people & good][:, None] > confidence[people & ~good]).mean()
    print(f"{len(off)} people, rooted MPJPE {off.mean():.0f} mm, {100 * (off < GOOD_MM).mean():.0f} % good")
    print(f"held out: AUROC {wins:.3f}, of people alone {wins_people:.3f}")
    for name, which in (("good", good), ("bad people", ~good & (np.arange(len(good)) < len(off)))):
        print(f"usable of {name}: {100 * (confidence[held & which] >= 0.5).mean():.0f} %")
    print(f"usable of nobody: {100 * (confidence[held & (np.arange(len(good)) >= len(off))] >= 0.5).mean():.0f} %")
    rounded = {key: {name: round(value, 3) for name, value in part.items()} for key, part in
               (("weights", judge.weights), ("usual", judge.usual))}  # fmt: skip
    print(json.dumps({"offset": round(offset, 3), **rounded}))


if __name__ == "__main__":
    main()
