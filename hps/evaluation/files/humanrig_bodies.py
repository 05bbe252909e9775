"""humanrig's own bodies: `personNN.npz` of a session's `body/` or `truth/body/`, and of `humanrig estimate`.

The arrays are those of docs/conventions.md. A session's bodies are in its world. Bodies of `humanrig estimate` are in
the frame that the file's `frame` names, by default the camera's, and `T_world_camera` says where the camera was; what
an estimate could not say of an instant is in `extra`: `refused` (instants) and `refused_reasons`.
"""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path
from typing import Any, Final

import numpy as np

from body.joints import JOINT_NAMES
from geometry.rigid import inverse, is_rigid
from hps.errors import HpsError
from hps.evaluation.files.entries import Entries, whole
from hps.evaluation.files.npz_files import read_npz
from hps.evaluation.files.rows import gender_of, repeated
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "humanrig"
KEYS: Final = ("global_orient", "body_pose", "transl", "betas", "joints", "instants", "model")
ONE_OF_MANY: Final = re.compile(r"(.+)_(person\d+)")
"""How `humanrig estimate` calls the files of several people: NAME_personNN.npz."""
ESTIMATED: Final = "confidence"
"""Only files of `humanrig estimate` have it."""
KEPT: Final = (
    "confidence", "refused", "refused_reasons", "flags", "joint_sigma", "time_us", "subject", "model_sha256",
)  # fmt: skip


def is_humanrig_npz(names: Set[str]) -> bool:
    """Whether an .npz with these arrays is one of ours."""
    return set(KEYS) <= names


def read_humanrig(path: Path) -> list[PersonAnnotations]:
    """The person of one file. Raises HpsError for a damaged file and for arrays that do not fit each other."""
    a = Entries(str(path), read_npz(path))
    transl = a.array("transl", shape=(None, 3))
    n = len(transl)
    in_session = path.parent.name == "body"
    together = ONE_OF_MANY.fullmatch(path.stem)
    sequence, person = together.groups() if together else (path.stem, path.stem)
    estimated = ESTIMATED in a
    frame = a.text("frame", "camera" if estimated else "world")
    if frame not in ("camera", "world"):
        raise HpsError(f"{path}: frame is '{frame}', camera or world was expected")
    time_us = a.maybe("time_us", shape=(n,))
    size = a.maybe("image_size")
    model = a.text("model")
    K = a.maybe("K")
    return [
        PersonAnnotations(
            dataset=NAME,
            sequence=_session(path) if in_session else a.text("sequence", sequence),
            person=path.stem if in_session else a.text("person", person),
            frames=whole(a.array("instants", shape=(n,)), f"{path}: instants"),
            images=a.texts("images", n) if "images" in a else (),
            frame=frame,
            fps=_rate(time_us, a.array("instants", shape=(n,))),
            body="open body" if model == "open body" else "smpl",
            gender=gender_of(a.text("gender", "neutral")),
            betas=repeated(a.array("betas", shape=(None,)), n),
            child=np.full(n, a.number("child", 0.0)),
            global_orient=a.array("global_orient", shape=(n, 3)),
            body_pose=a.array("body_pose", shape=(n, 69)),
            transl=transl,
            joints=a.array("joints", shape=(n, 24, 3)),
            joint_names=JOINT_NAMES,
            K=None if K is None else np.broadcast_to(K, (n, 3, 3)),
            image_size=None if size is None else np.broadcast_to(whole(size, f"{path}: image_size"), (n, 2)),
            Ts_camera_world=_cameras(a, n, frame),
            extra=_kept(a, model),
        )
    ]


def _cameras(a: Entries, frames: int, frame: str) -> np.ndarray | None:
    """One camera for all frames, or one each; None where the file knows no world.

    A photograph's estimate is in the camera's frame with an identity beside it: its camera was nowhere.
    """
    Ts = a.maybe("T_world_camera")
    if Ts is None or (frame == "camera" and Ts.shape[-2:] == (4, 4) and bool((Ts == np.eye(4)).all())):
        return None
    if Ts.shape not in ((4, 4), (frames, 4, 4)):
        raise HpsError(f"{a.where}: T_world_camera has shape {Ts.shape}, (4, 4) or ({frames}, 4, 4) was expected")
    if not all(is_rigid(T) for T in Ts.reshape(-1, 4, 4)):
        raise HpsError(f"{a.where}: T_world_camera is no rotation and translation")
    return np.broadcast_to(inverse(Ts), (frames, 4, 4))


def _kept(a: Entries, model: str) -> dict[str, Any]:
    return {"model": model} | {name: a.content[name] for name in KEPT if name in a}


def _session(path: Path) -> str:
    folder = path.absolute().parent.parent
    return folder.parent.name if folder.name == "truth" else folder.name


def _rate(time_us: np.ndarray | None, instants: np.ndarray) -> float:
    """Instants a second, by the median step, whether every instant is kept or each sixth; NaN where there is none."""
    steps = np.diff(time_us) / np.maximum(np.diff(instants), 1) if time_us is not None else np.zeros(0)
    middle = float(np.median(steps)) if len(steps) else 0.0
    return 1e6 / middle if middle > 0 else float("nan")
