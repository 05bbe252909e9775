"""Write body models as SMPL-format files that other tools open."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.model_arrays import POSE_FEATURES

_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def smpl_arrays(model: BodyModel) -> dict[str, np.ndarray]:
    """The arrays of a model under the names of the SMPL file format."""
    parents = np.where(model.parents < 0, 2**32 - 1, model.parents)
    arrays = {
        "v_template": model.v_template,
        "shapedirs": model.shapedirs,
        "J_regressor": model.J_regressor.toarray(),
        "weights": model.weights,
        "kintree_table": np.stack([parents, np.arange(JOINT_COUNT)]).astype(np.int64),
        "f": model.faces.astype(np.uint32),
    }
    optional = {
        "posedirs": model.posedirs,
        "child_direction": model.child_direction,
        "uv": model.uv,
        "ft": model.uv_faces,
        "mirror": model.mirror,
    }
    arrays |= {key: value for key, value in optional.items() if value is not None}
    if model.keypoint_vertices:
        arrays["vertex_id_names"] = np.array(list(model.keypoint_vertices))
        arrays["vertex_id_values"] = np.array(list(model.keypoint_vertices.values()), np.int64)
    return arrays


def save_smpl_npz(model: BodyModel, path: Path) -> None:
    """An .npz with everything the model has, in float64."""
    write_arrays(smpl_arrays(model), path)


def save_smpl_pkl(model: BodyModel, path: Path, betas: int = 10) -> None:
    """A pickle in the layout of the official files (protocol 2), for tools that read nothing else.

    It has `betas` shape directions, SMPL's usual ten by default, dense posedirs (zeros if the model has none) and no
    child axis.
    """
    arrays = smpl_arrays(model)
    content = {key: arrays[key] for key in ("v_template", "J_regressor", "weights", "kintree_table", "f")}
    content["shapedirs"] = model.shapedirs[..., :betas]
    content["posedirs"] = arrays.get("posedirs", np.zeros((model.vertex_count, 3, POSE_FEATURES)))
    content |= {"bs_style": "lbs", "bs_type": "lrotmin"}
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=2)


def write_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """A compressed .npz whose bytes depend on the arrays only: no time stamps."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
