"""SMPL-format parameters of other people's files as bodies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from hps.evaluation.files.entries import Entries
from hps.evaluation.files.parameters import NAMES, parameter_rows


def body_rows(
    arrays: dict[str, np.ndarray], path: Path, names: Sequence[str] = NAMES
) -> dict[str, Float[np.ndarray, "frames _"]]:
    """SMPL-format parameters as one row a frame, in SMPL's layout: hands that the file has not are straight.

    Raises HpsError as `parameter_rows` does.
    """
    rows = parameter_rows(Entries(str(path), arrays), names)
    pose = rows["body_pose"]
    rows["body_pose"] = np.concatenate([pose, np.zeros((len(pose), 69 - pose.shape[1]))], 1)
    return rows


def body_at(rows: dict[str, np.ndarray], frame: int) -> BodyParameters | None:
    """The body of one row; None beyond the rows and where a number is not finite."""
    if not 0 <= frame < len(rows["transl"]):
        return None
    values = {name: value[frame] for name, value in rows.items()}
    if not all(np.isfinite(value).all() for value in values.values()):
        return None
    return BodyParameters(
        betas=values["betas"],
        global_orient=values["global_orient"][None],
        body_pose=values["body_pose"][None],
        transl=values["transl"][None],
    )
