"""Time the batched convex relaxation beside a per-pose solver in numpy: same problem, same rule to stop, one thread.

python scripts/benchmarks/benchmark_convex_lifting.py [--poses 256] [--plain 24] [--iterations 300] [--weight 0.3]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from hps.rgb.convex.admm import AdmmConfig, relaxed_lifting
from hps.rgb.convex.lifter import ConvexConfig
from hps.rgb.convex.line_of_sight import line_of_sight
from hps.rgb.convex.seen_shape import SeenShape
from hps.rgb.convex.shape_basis import default_shape_basis
from hps.rgb.simulation.poses import draw_poses
from hps.rgb.simulation.sampler import LiftingSampler
from humanrig.motions import motion_library
from scripts.benchmarks.plain_admm import relaxed_one

LEAST_SPEEDUP = 20


def main() -> None:
    """Prints milliseconds a pose of both, how alike the answers are, and fails where they differ or it is too slow."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--poses", type=int, default=256)
    parser.add_argument("--plain", type=int, default=24, help="poses that numpy solves")
    relaxation = ConvexConfig().relaxation
    parser.add_argument("--iterations", type=int, default=relaxation.iterations)
    parser.add_argument("--tolerance", type=float, default=relaxation.tolerance)
    parser.add_argument("--weight", type=float, default=relaxation.weight)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = AdmmConfig(weight=options.weight, iterations=options.iterations, tolerance=options.tolerance)
    W, weight, shapes = keypoints(options.poses)
    relaxed_lifting(W[:8], weight[:8], shapes, config)
    for name, v in (("all keypoints", torch.ones_like(weight)), ("a fifth missing, weights differ", weight)):
        start = time.process_time()
        found = relaxed_lifting(W, v, shapes, config)
        batched = (time.process_time() - start) / len(W)
        rows = [tuple(x[n].numpy() for x in (W, v)) for n in range(options.plain)]
        start = time.process_time()
        plain = [relaxed_one(*row, shapes.numpy(), config) for row in rows]
        alone = (time.process_time() - start) / options.plain
        start = time.process_time()
        for row in rows:
            relaxed_one(*row, shapes.numpy(), config, factorised=True)
        once = (time.process_time() - start) / options.plain
        M = np.stack([answer for answer, _ in plain])
        apart = np.abs(found.M[: options.plain].permute(0, 3, 1, 2).numpy() - M).max() / np.abs(M).max()
        same = int(sum(int(n) == k for n, (_, k) in zip(found.iterations, plain)))
        print(
            f"{name}: numpy {1000 * alone:.1f} ms a pose, factorised once {1000 * once:.1f} ms, batched "
            f"{1000 * batched:.2f} ms: {alone / batched:.0f} and {once / batched:.0f} times faster; iterations "
            f"{found.iterations.double().mean():.0f}, converged {found.converged.double().mean():.2f}; answers apart "
            f"by {apart:.1e} of the largest, {same} of {options.plain} after equally many iterations"
        )
        if apart > 1e-6 or alone < LEAST_SPEEDUP * batched:
            sys.exit(f"wanted: {LEAST_SPEEDUP} times faster, answers within 1e-6")


def keypoints(poses: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Validation people before simulated cameras, in units of their spread; weights with a fifth missing; shapes."""
    library, rng = motion_library(), np.random.default_rng(0)
    table = draw_poses(library, "validation", min(poses, 120), rng)
    batch = LiftingSampler(table, "validation", 0, pool=0).draw(poses).keypoints
    weight = torch.as_tensor(
        rng.uniform(0.2, 1, (poses, batch.q.shape[1])) * (rng.random((poses, batch.q.shape[1])) > 0.2)
    )
    basis = default_shape_basis()
    spread = basis.keypoints - basis.keypoints.mean(2, keepdim=True)
    seen = SeenShape.of(line_of_sight(batch).p, torch.ones_like(weight))
    return seen.W, weight, basis.keypoints / spread.square().sum(1).mean().sqrt()


if __name__ == "__main__":
    main()
