"""People of the open body who walk, as readers of files give them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hps.evaluation.people_annotations import PersonAnnotations

FRAMES = 8


def walker(seed: int = 0, frames: int = FRAMES, noise: float = 0.0, **changes: Any) -> PersonAnnotations:
    """A person of the open body in the world; the same seed and another noise is an estimate of the same person."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.2, (1, 69)) + np.cumsum(rng.normal(0, 0.01, (frames, 69)), 0)
    transl = np.stack([np.linspace(0, 0.05 * frames, frames), np.zeros(frames), np.full(frames, 0.9)], 1)
    betas = np.repeat(rng.normal(0, 1, (1, 10)), frames, 0)
    off = np.random.default_rng(seed + 1000)
    given: dict[str, Any] = {
        "dataset": "humanrig",
        "sequence": f"sequence{seed}",
        "person": "0",
        "frames": np.arange(frames),
        "frame": "world",
        "fps": 30.0,
        "body": "open body",
        "betas": betas,
        "global_orient": np.tile([np.pi / 2, 0.0, 0.0], (frames, 1)) + noise * off.normal(0, 1, (frames, 3)),
        "body_pose": pose + noise * off.normal(0, 1, (frames, 69)),
        "transl": transl + noise * off.normal(0, 1, (frames, 3)),
    }
    return PersonAnnotations(**given | changes)
