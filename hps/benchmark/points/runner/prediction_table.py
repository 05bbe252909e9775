"""Answers to many clouds as stacked arrays, and the .npz file that holds them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT
from body.parameters import BodyParameters
from geometry.npz_files import DAMAGED, read_npz
from hps.benchmark.prediction import Prediction
from hps.errors import HpsError

PARAMETERS: Final = {"global_orient": 3, "body_pose": 69, "transl": 3}
"""Columns of each array of a body's parameters beside betas and child."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PredictionTable:
    """One row a cloud; frame: the cloud's. NaN rows are what a method did not give."""

    keys: tuple[str, ...]
    betas: Float[np.ndarray, "clouds shapes"]
    child: Float[np.ndarray, "clouds"]
    global_orient: Float[np.ndarray, "clouds 3"]
    body_pose: Float[np.ndarray, "clouds 69"]
    transl: Float[np.ndarray, "clouds 3"]
    joints: Float[np.ndarray, "clouds 24 3"]
    joint_sigma: Float[np.ndarray, "clouds 24"]
    confidence: Float[np.ndarray, "clouds"]
    """That the body is right, 0 to 1."""
    refused: tuple[str, ...]
    """Why there is no answer; empty where there is one."""
    milliseconds: Mapping[str, Float[np.ndarray, "clouds"]] = field(default_factory=dict)
    """By step; NaN where the method did not tell."""

    def __len__(self) -> int:
        """Number of clouds."""
        return len(self.keys)

    @classmethod
    def of(cls, keys: Sequence[str], predictions: Sequence[Prediction]) -> PredictionTable:
        """Stacks the answers; what is wrong with one makes it a refusal with the reason, see `checked`."""
        if len(keys) != len(predictions):
            raise HpsError(f"{len(predictions)} answers came for {len(keys)} clouds; give one for each, in their order")
        good = [checked(prediction) for prediction in predictions]
        shapes = max((len(p.parameters.betas) for p in good if p.parameters is not None), default=0)
        steps = sorted({step for p in good for step in p.milliseconds})
        rows = [_parameter_row(p.parameters, shapes) for p in good]
        return cls(
            keys=tuple(keys),
            **{name: np.stack([row[name] for row in rows]) if rows else _empty(name, shapes) for name in _ROW_NAMES},
            joints=_stacked([p.joints for p in good], (JOINT_COUNT, 3)),
            joint_sigma=_stacked([p.joint_sigma for p in good], (JOINT_COUNT,)),
            confidence=np.array([np.nan if p.confidence is None else p.confidence for p in good], np.float64),
            refused=tuple(p.refused for p in good),
            milliseconds={s: np.array([p.milliseconds.get(s, np.nan) for p in good], np.float64) for s in steps},
        )

    def __getitem__(self, row: int) -> Prediction:
        """The answer to one cloud."""
        there = np.isfinite(self.transl[row]).all()
        parameters = None
        if there:
            parameters = BodyParameters(
                betas=self.betas[row][np.isfinite(self.betas[row])],
                child=float(self.child[row]),
                **{name: getattr(self, name)[row : row + 1] for name in PARAMETERS},
            )
        joints, sigma, confidence = self.joints[row], self.joint_sigma[row], float(self.confidence[row])
        return Prediction(
            parameters=parameters,
            joints=joints if np.isfinite(joints).all() else None,
            joint_sigma=sigma if np.isfinite(sigma).all() else None,
            confidence=None if np.isnan(confidence) else confidence,
            refused=self.refused[row],
            milliseconds={s: float(v[row]) for s, v in self.milliseconds.items() if np.isfinite(v[row])},
        )

    def write(self, path: Path, about: Mapping[str, str] | None = None) -> None:
        """Writes the file whole or not at all; `about` are words kept beside the arrays."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in (*_ROW_NAMES, *_BESIDE)}
        arrays |= {"keys": np.array(self.keys, np.str_), "refused": np.array(self.refused, np.str_)}
        arrays |= {f"milliseconds/{step}": values for step, values in self.milliseconds.items()}
        arrays |= {f"about/{name}": np.array(words, np.str_) for name, words in (about or {}).items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> tuple[PredictionTable, dict[str, str]]:
        """The table and the words beside it. Only `keys`, and `transl` with its fellows or `joints`, must be there.

        Raises HpsError for a file that is damaged, holds objects, or whose arrays disagree.
        """
        try:
            arrays = read_npz(path)
        except DAMAGED as error:
            raise HpsError(
                f"{path} is not a whole .npz of plain arrays ({error}); write the predictions again"
            ) from None
        if "keys" not in arrays or not ({"joints", "transl"} & arrays.keys()):
            raise HpsError(
                f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}; predictions need `keys` and either `joints` "
                "or betas, global_orient, body_pose and transl (docs/point_benchmark.md)"
            )
        count = len(arrays["keys"])
        shapes = np.shape(arrays.get("betas", np.zeros((count, 0))))[-1]
        wanted = {"betas": (count, shapes), "child": (count,), "joints": (count, JOINT_COUNT, 3)}
        wanted |= {"joint_sigma": (count, JOINT_COUNT), "confidence": (count,)}
        wanted |= {name: (count, k) for name, k in PARAMETERS.items()}
        found: dict[str, Any] = {}
        for name, shape in wanted.items():
            missing = np.zeros(shape) if name == "child" else np.full(shape, np.nan)
            found[name] = np.asarray(arrays.get(name, missing), np.float64)
            if found[name].shape != shape:
                raise HpsError(f"{path}: {name} has shape {found[name].shape}, {count} keys make it {shape}")
        refused = arrays.get("refused", np.full(count, "", np.str_))
        prefix, about = "milliseconds/", "about/"
        table = cls(
            keys=tuple(str(key) for key in arrays["keys"]),
            refused=tuple(str(words) for words in refused),
            milliseconds={n.removeprefix(prefix): arrays[n] for n in sorted(arrays) if n.startswith(prefix)},
            **found,
        )
        return table, {n.removeprefix(about): str(arrays[n]) for n in arrays if n.startswith(about)}


_ROW_NAMES: Final = ("betas", "child", *PARAMETERS)
_BESIDE: Final = ("joints", "joint_sigma", "confidence")


def checked(prediction: Prediction) -> Prediction:
    """The answer, or a refusal that says what is wrong with it: nothing in it, wrong shapes, numbers not finite."""
    wrong = _what_is_wrong(prediction)
    if not wrong:
        return prediction
    return Prediction(refused=prediction.refused or wrong, milliseconds=prediction.milliseconds)


def _what_is_wrong(prediction: Prediction) -> str:
    if prediction.refused:
        return prediction.refused
    parameters, joints, sigma = prediction.parameters, prediction.joints, prediction.joint_sigma
    if parameters is None and joints is None:
        return "the answer has neither parameters nor joints"
    if parameters is not None and len(parameters) != 1:
        return f"the parameters are of {len(parameters)} frames instead of one"
    given: dict[str, Any] = {"joints": joints, "joint_sigma": sigma}
    if parameters is not None:
        given |= {name: getattr(parameters, name) for name in _ROW_NAMES}
    for name, values in given.items():
        if values is not None and not np.isfinite(values).all():
            return f"{name} is not finite"
    if joints is not None and np.shape(joints) != (JOINT_COUNT, 3):
        return f"joints have shape {np.shape(joints)} instead of (24, 3)"
    if sigma is not None and (np.shape(sigma) != (JOINT_COUNT,) or (np.asarray(sigma) <= 0).any()):
        return f"joint_sigma must be 24 positive numbers, it has shape {np.shape(sigma)}"
    if prediction.confidence is not None and not 0 <= prediction.confidence <= 1:
        return f"a confidence lies between 0 and 1, this one is {prediction.confidence}"
    return ""


def _parameter_row(parameters: BodyParameters | None, shapes: int) -> dict[str, np.ndarray]:
    betas = np.full(shapes, np.nan)
    if parameters is None:
        nothing = {name: np.full(count, np.nan) for name, count in PARAMETERS.items()}
        return {"betas": betas, "child": np.array(np.nan), **nothing}
    betas[: len(parameters.betas)] = parameters.betas
    rest = {name: np.asarray(getattr(parameters, name)[0], np.float64) for name in PARAMETERS}
    return {"betas": betas, "child": np.array(float(parameters.child)), **rest}


def _stacked(values: Sequence[np.ndarray | None], shape: tuple[int, ...]) -> np.ndarray:
    found = np.full((len(values), *shape), np.nan)
    for row, value in enumerate(values):
        if value is not None:
            found[row] = value
    return found


def _empty(name: str, shapes: int) -> np.ndarray:
    return np.zeros({"betas": (0, shapes), "child": (0,)}.get(name, (0, PARAMETERS.get(name, 0))))
