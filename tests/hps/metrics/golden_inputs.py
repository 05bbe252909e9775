"""The inputs of the golden values: random numbers of a fixed generator, from which both sides were computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

SEED = 20230831
FRAMES = 12


@dataclass(frozen=True, kw_only=True)
class GoldenInputs:
    estimate: np.ndarray  # (12, 24, 3) joints, metres
    truth: np.ndarray
    rotations: np.ndarray  # (12, 24, 3, 3) local
    true_rotations: np.ndarray
    vertices: np.ndarray  # (40, 60, 3)
    true_vertices: np.ndarray
    mean_vertices: np.ndarray  # (60, 3)
    error: np.ndarray  # (1000,) one coordinate, metres
    sigma: np.ndarray


def golden_inputs() -> GoldenInputs:
    # only Generator.random of PCG64 is used: its stream is documented and does not change between releases
    rng = np.random.default_rng(SEED)

    def near(shape: tuple[int, ...], spread: float) -> np.ndarray:
        return spread * (rng.random(shape) + rng.random(shape) + rng.random(shape) - 1.5)

    truth = near((FRAMES, 24, 3), 1.0) + [0.2, -0.3, 2.5]
    vertices = near((40, 60, 3), 1.0)
    true_turns = near((FRAMES * 24, 3), 1.2)
    sigma = 0.01 + 0.05 * rng.random(1000)
    return GoldenInputs(
        truth=truth,
        estimate=truth + near((FRAMES, 24, 3), 0.1) + near((FRAMES, 1, 3), 0.1),
        true_rotations=Rotation.from_rotvec(true_turns).as_matrix().reshape(FRAMES, 24, 3, 3),
        rotations=Rotation.from_rotvec(true_turns + near((FRAMES * 24, 3), 0.4)).as_matrix().reshape(FRAMES, 24, 3, 3),
        true_vertices=vertices,
        vertices=vertices + near((40, 60, 3), 0.1),
        mean_vertices=near((60, 3), 1.0),
        error=sigma * near((1000,), 2.6),
        sigma=sigma,
    )
