"""Pose tokens against direct rotations against a prior, on the trunk of the learned lifter, with limbs out of sight.

python -m scripts.rgb_studies.study_tokens [--seeds 3] [--people 6000] [--code-steps 400] [--head-steps 300]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from body.loading import load_body_model
from hps.rgb import lifter
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifter.person_view import person_view
from hps.rgb.lifter.training.degrading import LIMBS, without
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.tokens.heads import DirectHead, PriorHead, TokenHead
from hps.rgb.tokens.pose_code import PoseTokenizer, PoseVae
from hps.rgb.tokens.training import Skeleton, fitted, joint_errors_mm
from scripts.rgb_studies.people import detector_errors, sampler_of, validation_people

POSES = 6000
ARMS = LIMBS[:4]
"""Two arms and two legs: one missing is 25 %, two are 50 %."""
MISSING = {"0 %": 0, "25 %": 1, "50 %": 2}
CODES = {"8 tokens": (8, 256), "32 tokens": (32, 256)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What the trunk makes of people, and their poses."""

    features: Float[Tensor, "people features"]
    rotations: Float[Tensor, "people 23 3 3"]


def main() -> None:
    """Prints two tables: what codes cost, and heads by how many limbs are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--people", type=int, default=6000, help="training people")
    parser.add_argument("--held-out", type=int, default=1000)
    parser.add_argument("--code-steps", type=int, default=400)
    parser.add_argument("--head-steps", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    skeleton = Skeleton(load_body_model())
    people = detector_errors()(sampler_of("train", POSES)(0).draw(options.people), torch.Generator().manual_seed(1))
    poses, held_out = people.rotations[:, 1:], validation_people(options.held_out)
    print(
        "| code | error of joints, held-out motions | training motions | words in use | core-s |\n|---|---|---|---|---|"
    )
    codes: dict[str, nn.Module] = {}
    for name in [*CODES, "VAE, 32 numbers"]:
        start = time.process_time()
        codes[name] = trained_code(name, poses, skeleton, options.code_steps)
        spent = time.process_time() - start
        told, known = (error_of_code(codes[name], r, skeleton) for r in (held_out.rotations[:, 1:], poses[:2000]))
        print(f"| {name} | {told:.1f} mm | {known:.1f} mm | {in_use(codes[name], poses)} | {spent:.0f} |", flush=True)
    start = time.process_time()
    train = joined([seen_without(people.keypoints, people, count, 10 + count) for count in MISSING.values()])
    test = {name: seen_without(held_out.keypoints, held_out, count, 20 + count) for name, count in MISSING.items()}
    print(f"\ntrunk: {time.process_time() - start:.0f} core-s; errors in mm, mean ± sd over {options.seeds} seeds")
    print("| head | " + " | ".join(f"{name} missing" for name in MISSING) + " | core-s |\n|---|" + "---|" * 4)
    for head in ("direct", "tokens", "prior"):
        start, rows = time.process_time(), []
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            network = made(head, train.features.shape[1], codes)
            fitted(
                network, network, train.features, train.rotations, skeleton,
                steps=options.head_steps, generator=torch.Generator().manual_seed(seed),
            )  # fmt: skip
            network.eval()
            rows.append([error_of_head(network, some, skeleton) for some in test.values()])
        figures = zip(np.mean(rows, 0), np.std(rows, 0, ddof=1 if options.seeds > 1 else 0))
        cells = " | ".join(f"{mean:.1f} ± {sd:.1f}" for mean, sd in figures)
        print(f"| {head} | {cells} | {(time.process_time() - start) / options.seeds:.0f} |", flush=True)


def trained_code(name: str, poses: Tensor, skeleton: Skeleton, steps: int) -> nn.Module:
    """A code of this name, seed 0."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    if name in CODES:
        code: nn.Module = PoseTokenizer(*CODES[name], generator=generator)
    else:
        code = PoseVae(generator=generator)
    fitted(code, code, poses, poses, skeleton, steps=steps, generator=generator)
    return code.eval()


def made(head: str, features: int, codes: dict[str, nn.Module]) -> nn.Module:
    """A head that has learnt nothing yet."""
    tokenizer, vae = codes["32 tokens"], codes["VAE, 32 numbers"]
    assert isinstance(tokenizer, PoseTokenizer)
    assert isinstance(vae, PoseVae)
    if head == "direct":
        return DirectHead(features)
    return TokenHead(features, tokenizer) if head == "tokens" else PriorHead(features, vae)


@torch.no_grad()
def seen_without(batch: KeypointBatch, truth: LiftingBatch, limbs: int, seed: int) -> Seen:
    """The people with so many random limbs out of sight, as the trunk of the learned lifter sees them.

    People who would have fewer than 4 keypoints are left out.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand((len(batch), len(ARMS)), generator=generator).argsort(1)[:, :limbs]
    away = torch.zeros(len(batch), len(LIFTED), dtype=torch.bool)
    for limb, names in enumerate(ARMS):
        of_limb = torch.tensor([name in names for name in LIFTED.names])
        away |= (order == limb).any(1)[:, None] & of_limb
    batch = without(batch, away)
    enough = (batch.confidence > 0).sum(1) >= 4
    network = lifter.load().network
    features = [network.trunk(person_view(part)) for part in parts_of(batch.rows(enough))]
    return Seen(features=torch.cat(features), rotations=truth.rotations[enough, 1:])


def parts_of(batch: KeypointBatch) -> list[KeypointBatch]:
    """A thousand people at a time."""
    return [batch.rows(slice(first, first + 1000)) for first in range(0, len(batch), 1000)]


def joined(parts: list[Seen]) -> Seen:
    """All of them."""
    return Seen(
        features=torch.cat([part.features for part in parts]), rotations=torch.cat([part.rotations for part in parts])
    )


@torch.no_grad()
def error_of_code(code: nn.Module, rotations: Tensor, skeleton: Skeleton) -> float:
    """Of poses that go through a code and back."""
    return float(joint_errors_mm(code(rotations).rotations, rotations, skeleton).mean())


@torch.no_grad()
def error_of_head(head: nn.Module, seen: Seen, skeleton: Skeleton) -> float:
    """Of poses that a head makes of the trunk's features."""
    return float(joint_errors_mm(head(seen.features).rotations, seen.rotations, skeleton).mean())


def in_use(code: nn.Module, poses: Tensor) -> str:
    """How many of a tokenizer's words occur in some poses."""
    if not isinstance(code, PoseTokenizer):
        return "–"
    return f"{len(code.words(poses[:4000]).unique())} of {len(code.codebook.words)}"


if __name__ == "__main__":
    main()
