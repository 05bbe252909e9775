"""From the named arrays of a file to a checked body model: the one place that knows SMPL's key names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse

from body.errors import BodyError
from body.joints import JOINT_COUNT, PARENTS
from body.model import BodyModel

REQUIRED = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f")
POSE_FEATURES = 9 * (JOINT_COUNT - 1)
_OTHER_MODELS = {16: "MANO (a hand)", 52: "SMPL-H", 55: "SMPL-X", 5: "FLAME (a head)"}
"""Joint counts of the other models in this family of file formats."""


def model_from_arrays(arrays: Mapping[str, Any], name: str, sha256: str = "") -> BodyModel:
    """The body model of one file's arrays; `name` says which file in the messages.

    Raises BodyError that says which array is missing, of the wrong shape, or of another kind of model.
    """
    missing = [key for key in REQUIRED if key not in arrays]
    if missing:
        raise BodyError(
            f"{name} is not an SMPL-format body model: it lacks {', '.join(missing)}; "
            f"a body model has {', '.join(REQUIRED)}"
        )
    parents = _parents(arrays["kintree_table"], name)
    v_template = _array(arrays, "v_template", (None, 3), name)
    count = len(v_template)
    faces = _indices(arrays, "f", count, name)
    posedirs = _array(arrays, "posedirs", (count, 3, POSE_FEATURES), name) if "posedirs" in arrays else None
    child = _array(arrays, "child_direction", (count, 3), name) if "child_direction" in arrays else None
    uv = _first(arrays, "uv", "vt")
    mirror = arrays.get("mirror")
    return BodyModel(
        name=name,
        v_template=v_template,
        shapedirs=_array(arrays, "shapedirs", (count, 3, None), name),
        posedirs=posedirs if posedirs is not None and posedirs.any() else None,
        J_regressor=_regressor(arrays["J_regressor"], count, name),
        weights=_weights(arrays, count, name),
        faces=faces,
        parents=parents,
        uv=None if uv is None else np.asarray(uv, np.float64),
        uv_faces=_indices(arrays, "ft", len(uv), name) if uv is not None and "ft" in arrays else None,
        mirror=None if mirror is None else np.asarray(mirror, np.int64),
        keypoint_vertices=_keypoints(arrays),
        child_direction=child,
        sha256=sha256,
    )


def _parents(table: Any, name: str) -> np.ndarray:
    table = np.asarray(table)
    count = table.shape[1] if table.ndim == 2 else 0
    if count != JOINT_COUNT:
        kind = _OTHER_MODELS.get(count)
        found = f"{kind}, {count} joints" if kind else f"a model of {count} joints"
        raise BodyError(f"{name} is {found}; humanrig needs an SMPL file of {JOINT_COUNT} joints")
    parents = table[0].astype(np.int64)
    parents[0] = -1
    if not np.array_equal(parents, PARENTS):
        raise BodyError(
            f"{name}: kintree_table is not SMPL's joint tree, so its joints mean something else; check the file"
        )
    return parents


def _array(arrays: Mapping[str, Any], key: str, shape: tuple[int | None, ...], name: str) -> np.ndarray:
    value = arrays[key]
    value = value.toarray() if scipy.sparse.issparse(value) else value
    try:
        value = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise BodyError(f"{name}: {key} does not hold numbers; check the file") from error
    if value.ndim != len(shape) or any(b is not None and a != b for a, b in zip(value.shape, shape)):
        expected = " x ".join("any" if n is None else str(n) for n in shape)
        raise BodyError(f"{name}: {key} has shape {value.shape}, an SMPL body has {expected}; check the file")
    if not np.isfinite(value).all():
        raise BodyError(f"{name}: {key} holds values that are not finite; obtain the file again")
    return value


def _weights(arrays: Mapping[str, Any], count: int, name: str) -> np.ndarray:
    """Rows of sum one to float64: files in float32 are off by 1e-7, which would scale the translation."""
    weights = _array(arrays, "weights", (count, JOINT_COUNT), name)
    total = weights.sum(1, keepdims=True)
    if np.abs(total - 1).max() > 1e-3:
        worst = int(np.abs(total - 1).argmax())
        raise BodyError(
            f"{name}: the skinning weights of vertex {worst} sum to {total[worst, 0]:.3f}, not 1; check the file"
        )
    return np.where(np.abs(total - 1) < 1e-12, weights, weights / total)


def _regressor(value: Any, count: int, name: str) -> scipy.sparse.csr_array:
    regressor = scipy.sparse.csr_array(value, dtype=np.float64)
    if regressor.shape == (count, JOINT_COUNT):
        regressor = scipy.sparse.csr_array(regressor.T)
    if regressor.shape != (JOINT_COUNT, count):
        raise BodyError(
            f"{name}: J_regressor has shape {regressor.shape}, an SMPL body has {JOINT_COUNT} x {count}; check the file"
        )
    return regressor


def _indices(arrays: Mapping[str, Any], key: str, count: int, name: str) -> np.ndarray:
    faces = np.asarray(arrays[key])
    if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise BodyError(f"{name}: {key} has shape {faces.shape}, a triangle mesh has faces x 3; check the file")
    if faces.min() < 0 or faces.max() >= count:
        raise BodyError(f"{name}: {key} points at entry {faces.max()} of {count}; obtain the file again")
    return faces.astype(np.int64)


def _keypoints(arrays: Mapping[str, Any]) -> dict[str, int]:
    if "vertex_id_names" not in arrays or "vertex_id_values" not in arrays:
        return {}
    names, values = np.asarray(arrays["vertex_id_names"]).tolist(), np.asarray(arrays["vertex_id_values"]).tolist()
    return {str(key): int(value) for key, value in zip(names, values)}


def _first(arrays: Mapping[str, Any], *keys: str) -> Any:
    return next((arrays[key] for key in keys if key in arrays), None)
