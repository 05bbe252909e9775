"""Body parameters alone, one small file for each instant under HuMMan's names, in the session's own world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from humanrig.export.humman import write_parameters
from humanrig.export.humman_body import humman_body
from humanrig.export.person import body_rows
from humanrig.results import Results


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes NNNNNN.npz; returns lines for source.txt. Raises HumanrigError when ten betas cannot hold the shape."""
    rows = body_rows(results)
    body = humman_body(results.model, results.parameters[rows], np.eye(4))
    write_parameters(folder, results.body["instants"][rows].tolist(), body.parameters)
    on_progress(1, 1)
    return [
        "NNNNNN.npz: betas (10,), body_pose (69,), global_orient (3,), transl (3,), float32, HuMMan's names",
        "of the body model named above, in metres and radians; z up, floor at z = 0 (the session's world)",
        f"ten betas hold the fitted shape to {body.mean_mm:.2f} mm in the mean",
    ]
