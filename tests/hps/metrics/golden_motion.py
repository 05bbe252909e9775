"""The inputs of the golden values of world motion: random walks of a fixed generator, longer than two chunks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SEED = 20261122
FRAMES = 230
POINTS = 40


@dataclass(frozen=True, kw_only=True)
class GoldenMotion:
    estimate: np.ndarray  # (230, 24, 3) joints in a world, metres
    truth: np.ndarray
    feet: np.ndarray  # (230, 4, 3)
    true_feet: np.ndarray
    vertices: np.ndarray  # (230, 40, 3)
    true_vertices: np.ndarray


def golden_motion() -> GoldenMotion:
    # only Generator.random of PCG64 is used: its stream is documented and does not change between releases
    rng = np.random.default_rng(SEED)

    def near(shape: tuple[int, ...], spread: float) -> np.ndarray:
        return spread * (rng.random(shape) + rng.random(shape) + rng.random(shape) - 1.5)

    path = np.cumsum(near((FRAMES, 1, 3), 0.05), 0)
    drift = np.cumsum(near((FRAMES, 1, 3), 0.01), 0)
    pose = near((1, 24, 3), 0.5)
    truth = path + pose + near((FRAMES, 24, 3), 0.02)
    estimate = 1.1 * (truth + drift) @ np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) + 0.3
    true_feet = np.cumsum(near((FRAMES, 4, 3), 0.012), 0)
    skin = near((1, POINTS, 3), 0.5)
    true_vertices = path + skin + near((FRAMES, POINTS, 3), 0.02)
    return GoldenMotion(
        truth=truth,
        estimate=estimate + near((FRAMES, 24, 3), 0.03),
        true_feet=true_feet,
        feet=true_feet + near((FRAMES, 4, 3), 0.02),
        true_vertices=true_vertices,
        vertices=true_vertices + near((FRAMES, POINTS, 3), 0.05) + near((FRAMES, 1, 3), 0.1),
    )
