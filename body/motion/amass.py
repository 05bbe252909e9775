"""Read and write motion in the layout of AMASS (Mahmood et al. 2019, amass.is.tue.mpg.de): one .npz a clip, z up.

| key | shape | content |
|---|---|---|
| `poses` | (T, 156) | axis-angle of SMPL-H's 52 joints; also read: 72 (SMPL's 24) and 165 (SMPL-X's 55) |
| `trans` | (T, 3) | translation, metres: SMPL's `transl` |
| `betas` | (16,) | shape |
| `gender` | scalar text | female, male or neutral |
| `mocap_framerate` | scalar | Hz; `mocap_frame_rate` in the files made for SMPL-X |

Files of AMASS also hold `dmpls` (T, 8), soft-tissue coefficients, which are not read. Keys and shapes as described by
the AMASS repository (github.com/nghorbani/amass, issue 8) and by mkocabas/VIBE issue 243 for the second spelling.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from body.errors import BodyError
from body.parameters import BodyParameters
from geometry.npz_files import DAMAGED, read_npz

_BODY_COLUMNS: Final = 66
"""Root and 21 body joints, the same in SMPL, SMPL-H and SMPL-X."""
_HAND_COLUMNS: Final[dict[int, tuple[int, int]]] = {72: (66, 69), 156: (66, 111), 165: (75, 120)}
"""First column of what becomes SMPL's left and right hand, by width: in SMPL-H and SMPL-X the index knuckles."""
_BETAS: Final = 16
_RATE_KEYS: Final = ("mocap_framerate", "mocap_frame_rate")
_UNREAD: Final = ("dmpls", "labels", "label_ids")
"""Soft tissue, and names of markers, which may be Python objects."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AmassMotion:
    """One file's content."""

    parameters: BodyParameters
    rate_hz: float
    gender: str


def read_amass(path: Path | str) -> AmassMotion:
    """The motion of one .npz file, z up as AMASS is.

    SMPL's two hand joints take the rotation of the index knuckles of SMPL-H or SMPL-X; other fingers, jaw and eyes
    have no place in SMPL and are left out. `betas` of another model family describe another shape: pass your own where
    that matters. Raises BodyError for a missing or damaged file, a missing key, or a shape that does not fit.
    """
    path = Path(path)
    arrays = _load(path)
    missing = [key for key in ("poses", "trans", "betas") if key not in arrays]
    rate_key = next((key for key in _RATE_KEYS if key in arrays), None)
    if missing or rate_key is None:
        missing += [] if rate_key else [" or ".join(_RATE_KEYS)]
        raise BodyError(f"{path} lacks {', '.join(missing)}; it has {', '.join(sorted(arrays))}: not AMASS's layout")
    poses, trans = _numbers(arrays, "poses", path), _numbers(arrays, "trans", path)
    if poses.ndim != 2 or poses.shape[1] not in _HAND_COLUMNS:
        raise BodyError(f"{path}: poses has shape {poses.shape}, expected (frames, 156), (frames, 165) or (frames, 72)")
    if trans.shape != (len(poses), 3) or not len(poses):
        raise BodyError(f"{path}: trans has shape {trans.shape}, expected ({len(poses)}, 3) as poses has, and a frame")
    rate_hz = float(_numbers(arrays, rate_key, path).reshape(-1)[0])
    if not rate_hz > 0:
        raise BodyError(f"{path}: {rate_key} is {rate_hz}, expected frames a second")
    left, right = _HAND_COLUMNS[poses.shape[1]]
    return AmassMotion(
        parameters=BodyParameters(
            betas=_numbers(arrays, "betas", path).reshape(-1)[:_BETAS],
            global_orient=poses[:, :3],
            body_pose=np.concatenate(
                [poses[:, 3:_BODY_COLUMNS], poses[:, left : left + 3], poses[:, right : right + 3]], 1
            ),
            transl=trans,
            child=float(_numbers(arrays, "child", path).reshape(-1)[0]) if "child" in arrays else 0.0,
        ),
        rate_hz=rate_hz,
        gender=_text(arrays.get("gender")),
    )


def write_amass(
    path: Path | str,
    parameters: BodyParameters,
    rate_hz: float,
    gender: str = "neutral",
    joints: Literal["smplh", "smpl"] = "smplh",
) -> None:
    """Write one .npz file; the world is z up already, as AMASS's is.

    "smplh" writes 156 columns with straight fingers (SMPL's hand rotation goes to the index knuckle, where `read_amass`
    finds it), "smpl" writes 72. `betas` are filled up to 16 with zeros; a child factor, which AMASS does not know, is
    written as `child`. Raises BodyError for more than 16 betas, a rate that is not positive, or values that are not
    finite.
    """
    path = Path(path)
    if not rate_hz > 0:
        raise BodyError(f"cannot write {path}: frame rate {rate_hz} Hz, expected frames a second")
    if len(parameters.betas) > _BETAS:
        raise BodyError(f"cannot write {path}: {len(parameters.betas)} betas, AMASS holds {_BETAS}; pass fewer")
    narrow = np.concatenate([parameters.global_orient, parameters.body_pose], 1).astype(np.float64)
    for name, values in (("pose", narrow), ("transl", parameters.transl), ("betas", parameters.betas)):
        if not np.isfinite(values).all():
            raise BodyError(f"cannot write {path}: {name} holds NaN or infinity; leave those frames out")
    poses = narrow
    if joints == "smplh":
        poses = np.zeros((len(parameters), 156))
        poses[:, :_BODY_COLUMNS] = narrow[:, :_BODY_COLUMNS]
        for column, hand in zip(_HAND_COLUMNS[156], _HAND_COLUMNS[72]):
            poses[:, column : column + 3] = narrow[:, hand : hand + 3]
    betas = np.zeros(_BETAS)
    betas[: len(parameters.betas)] = parameters.betas
    arrays = {
        "poses": poses,
        "trans": np.asarray(parameters.transl, np.float64),
        "betas": betas,
        "gender": np.array(gender),
        "mocap_framerate": np.array(float(rate_hz)),
    }
    if parameters.child:
        arrays["child"] = np.array(float(parameters.child))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    os.replace(temporary, path)


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_npz(path, without=_UNREAD)
    except FileNotFoundError:
        raise BodyError(f"motion file {path} does not exist; check the path") from None
    except DAMAGED as error:
        raise BodyError(f"{path} is not a whole .npz of plain arrays ({error}); obtain the file again") from error


def _numbers(arrays: dict[str, np.ndarray], key: str, path: Path) -> np.ndarray:
    try:
        values = np.asarray(arrays[key], np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BodyError(f"{path}: {key} holds {arrays[key].dtype}, expected numbers") from error
    if not values.size or not np.isfinite(values).all():
        raise BodyError(f"{path}: {key} is empty or holds NaN or infinity; repair the file")
    return values


def _text(value: np.ndarray | None) -> str:
    """Gender as text; files hold it as text or as bytes. Absent means neutral."""
    if value is None:
        return "neutral"
    item = value.reshape(-1)[0] if value.size else "neutral"
    return item.decode(errors="replace") if isinstance(item, bytes) else str(item)
