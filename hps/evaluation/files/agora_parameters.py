"""SMPL and SMPL-X parameters as AGORA's fits and predictions store them: one person, with a leading axis of one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.spatial.transform import Rotation

from hps.errors import HpsError
from hps.evaluation.files.entries import Entries

KID_BETAS: Final = 11
"""With the weight of the kid template at the end."""


def parameters_of(entries: Entries, axis_angle: bool = True) -> dict[str, Any]:
    """`global_orient`, `body_pose`, `transl`, `betas` and, of a kid, `child`, each with one row.

    With `axis_angle` False rotations are matrices, as `pose2rot=False` says. Raises HpsError for what is missing.
    """
    betas = entries.array("betas").reshape(1, -1)
    turns = {
        "global_orient": _turns(entries, ("global_orient", "root_pose"), axis_angle),
        "body_pose": _turns(entries, ("body_pose",), axis_angle),
    }
    if turns["global_orient"].shape[1] != 3 or turns["body_pose"].shape[1] not in (63, 69):
        raise HpsError(f"{entries.where}: {turns['body_pose'].shape[1] // 3} joints turn, 21 or 23 were expected")
    transl = entries.maybe("transl", "translation")
    found: dict[str, Any] = {**turns, "betas": betas}
    if transl is not None:
        found["transl"] = _row(transl, 3, entries)
    if betas.shape[1] == KID_BETAS:
        found |= {"betas": betas[:, : KID_BETAS - 1], "child": betas[:, KID_BETAS - 1]}
    return found


def _turns(entries: Entries, names: tuple[str, ...], axis_angle: bool) -> np.ndarray:
    values = entries.array(*names)
    if not axis_angle:
        if values.shape[-2:] != (3, 3) or not np.isfinite(values).all():
            raise HpsError(f"{entries.where}: {names[0]} has shape {values.shape}, matrices were expected")
        values = Rotation.from_matrix(values.reshape(-1, 3, 3)).as_rotvec()
    return values.reshape(1, -1)


def _row(values: np.ndarray, count: int, entries: Entries) -> np.ndarray:
    if values.size != count:
        raise HpsError(f"{entries.where}: a translation has shape {values.shape}, 3 numbers were expected")
    return values.reshape(1, count)
