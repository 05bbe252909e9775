"""Estimated and true bodies of the golden values: one shape each, because LiveHPS measures sequences of one person."""

from __future__ import annotations

import numpy as np

from body.parameters import BodyParameters

SEED = 20240614
FRAMES = 6
SHAPES = 10


def golden_bodies() -> tuple[list[BodyParameters], list[BodyParameters]]:
    """Estimates and truths: only Generator.random of PCG64 is used, whose stream does not change between releases."""
    rng = np.random.default_rng(SEED)

    def near(shape: tuple[int, ...], spread: float) -> np.ndarray:
        return spread * (rng.random(shape) + rng.random(shape) + rng.random(shape) - 1.5)

    shape, true_shape = near((SHAPES,), 1.5), near((SHAPES,), 1.5)
    estimates, truths = [], []
    for _ in range(FRAMES):
        orient, pose, transl = near((1, 3), 2.0), near((1, 69), 0.5), near((1, 3), 1.0)
        truths.append(BodyParameters(betas=true_shape, global_orient=orient, body_pose=pose, transl=transl))
        estimates.append(
            BodyParameters(
                betas=shape,
                global_orient=orient + near((1, 3), 0.2),
                body_pose=pose + near((1, 69), 0.2),
                transl=transl + near((1, 3), 0.1),
            )
        )
    return estimates, truths
