"""Arrays of other people's .npz files, without ever running what is inside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from geometry.npz_files import DAMAGED, damage
from hps.errors import HpsError


def read_npz(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """All arrays, or those of `names` that it has.

    Raises HpsError for a missing or damaged file, and for one that holds Python objects (pickles).
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files if names is None or name in names}
    except FileNotFoundError:
        raise HpsError(f"{path} is missing; extract the data set again") from None
    except DAMAGED as error:
        if "Object arrays" in str(error):
            raise HpsError(f"{path} holds Python objects, which are not opened: they could run code") from None
        raise HpsError(f"{path} cannot be read ({damage(error)}); extract the data set again") from None


def body_rows(
    arrays: dict[str, np.ndarray], path: Path, names: Sequence[str] = ("betas", "body_pose", "global_orient", "transl")
) -> dict[str, Float[np.ndarray, "frames _"]]:
    """SMPL-format parameters as one row a frame, however they are stored (N, 23, 3), (1, 10), ….

    Raises HpsError for a missing array and for lengths that do not agree.
    """
    missing = [name for name in names if name not in arrays]
    if missing:
        raise HpsError(f"{path} has no {', '.join(missing)}; it has {', '.join(arrays) or 'nothing'}")
    rows: dict[str, np.ndarray] = {}
    frames = 0
    for name in names:
        value = np.asarray(arrays[name])
        if value.dtype.kind not in "fiu":
            raise HpsError(f"{path}: {name} holds {value.dtype}, not numbers")
        value = value.astype(np.float64)
        if name != "betas" and value.ndim == 1:
            value = value[None]
        rows[name] = value.reshape(len(value), -1) if value.ndim > 1 else value[None]
        frames = max(frames, len(rows[name]))
    sizes = {"body_pose": (69, 63), "global_orient": (3,), "transl": (3,)}
    for name, value in rows.items():
        if value.shape[1] not in sizes.get(name, (value.shape[1],)) or len(value) not in (1, frames):
            raise HpsError(
                f"{path}: {name} has shape {np.shape(arrays[name])}, which is not of {frames} frames of a body"
            )
        rows[name] = np.repeat(value, frames, 0) if len(value) == 1 and frames > 1 else value
    pose = rows["body_pose"]
    rows["body_pose"] = np.concatenate([pose, np.zeros((frames, 69 - pose.shape[1]))], 1)
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
