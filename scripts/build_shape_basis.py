"""Learn the basis shapes of convex lifting from the training clips and people, and their errors on validation's.

python scripts/build_shape_basis.py [--shapes 64] [--poses 6000] [--sparsity 0.1] [--out FILE]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from body.bank import Split
from body.joints import MIRROR
from body.loading import load_body_model
from body.rotations import axis_angle_to_matrix
from hps.rgb.convex.basis_learning import aligned, learned_shapes
from hps.rgb.convex.lifter import ConvexLifter, bones
from hps.rgb.convex.shape_basis import DATA, ShapeBasis
from hps.rgb.keypoint_names import LIFTED_COUNT
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.poses import PoseTable, kept_poses
from hps.rgb.simulation.sampler import LiftingSampler
from humanrig.motions import motion_library
from humanrig.wheel_files import cache_folder

SOURCE = "DeepMimic motions (zlib licence); holosoma-retargeting takes (Apache-2.0); people of the open body's bank"
SEED = 7
VALIDATION = 1000
CHI2_MEDIANS = torch.tensor([1.386, 0.455], dtype=torch.float64)
"""Of two axes and of one, for a Gaussian of variance 1: deviations are told without the worst people's."""


def main() -> None:
    """Writes the file and prints how large it is and how well it lifts validation people."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--shapes", type=int, default=64)
    parser.add_argument("--poses", type=int, default=6000)
    parser.add_argument("--sparsity", type=float, default=0.1, help="of the weights in learning")
    parser.add_argument("--out", type=Path, default=DATA)
    options = parser.parse_args()
    torch.set_num_threads(1)
    library, folder = motion_library(), cache_folder() / "lifting-poses"
    bodies = turned_bodies(kept_poses(library, "train", options.poses, SEED, folder), "train")
    shapes = learned_shapes(
        bodies.flatten(1), options.shapes, torch.Generator().manual_seed(SEED), sparsity=options.sparsity
    ).view(options.shapes, 3, -1)
    basis = ShapeBasis(
        keypoints=shapes[..., :LIFTED_COUNT],
        landmarks=shapes[..., LIFTED_COUNT:],
        sigma=torch.ones(shapes.shape[2] - LIFTED_COUNT, 2, dtype=shapes.dtype),
        root_sigma=torch.ones(2, dtype=shapes.dtype),
        bones_m=bones(bodies[..., LIFTED_COUNT:].mT).mean(),
        source=SOURCE,
    )
    poses = kept_poses(library, "validation", VALIDATION, SEED, folder)
    batch = LiftingSampler(poses, "validation", SEED, pool=0).draw(VALIDATION)
    enough = (batch.keypoints.confidence > 0).sum(1) >= 12
    basis = with_errors(basis, batch, enough)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    basis.write(options.out)
    print(f"{len(bodies)} bodies, {len(basis)} shapes, {options.out.stat().st_size / 1000:.0f} kB")
    across, along = 1000 * basis.sigma.mean(0)
    print(f"landmarks on validation: {across:.0f} mm across the ray, {along:.0f} mm along it")
    print("root: {:.3f} of its distance across the ray, {:.3f} along it".format(*basis.root_sigma.tolist()))


def turned_bodies(poses: PoseTable, split: Split) -> Float[Tensor, "bodies 3 points"]:
    """Keypoints and landmarks of random people of the split in these poses and their mirror images, turned alike.

    All have bones of the same length together: that of people on average.
    """
    people, generator = SplitBodies(load_body_model(), split), torch.Generator().manual_seed(SEED)
    turns, motion = torch.as_tensor(poses.rotations), torch.as_tensor(poses.motion)
    found = []
    for some, clip in zip(turns.split(1000), motion.split(1000)):
        for rotations in (some, some[:, list(MIRROR)] * torch.tensor([1.0, -1.0, -1.0])):
            who = torch.randint(len(people.names), (len(some),), generator=generator)
            posed = people.pose(who, axis_angle_to_matrix(rotations), clip, generator)
            both = torch.cat([posed.keypoints, posed.landmarks], 1)
            found.append((both @ posed.rotations[:, 0]).mT.double())
    shapes = torch.cat(found)
    length = bones(shapes[..., LIFTED_COUNT:].mT)
    return aligned(shapes * (length.mean() / length)[:, None, None], LIFTED_COUNT)


def with_errors(basis: ShapeBasis, batch: LiftingBatch, which: Tensor) -> ShapeBasis:
    """The basis with the standard deviations of what it lifts, across and along the ray, by medians."""
    lifted = ConvexLifter(basis=basis)(batch.keypoints.rows(which))
    root = batch.landmarks[which, 0]
    ray = (root / root.norm(dim=1, keepdim=True))[:, None]
    error = lifted.relative - (batch.landmarks[which] - root[:, None])
    away = torch.cat([error, (lifted.root - root)[:, None]], 1).double()
    along = (away * ray).sum(2)
    squared = torch.stack([away.square().sum(2) - along.square(), along.square()], 2)
    share = squared[:, -1] / root.square().sum(1, keepdim=True)
    # the pelvis is known exactly from itself
    sigma = (squared[:, :-1].median(0).values / CHI2_MEDIANS).sqrt().clamp_min(1e-3)
    return replace(basis, sigma=sigma, root_sigma=(share.median(0).values / CHI2_MEDIANS).sqrt())


if __name__ == "__main__":
    main()
