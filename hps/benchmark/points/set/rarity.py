"""How rare a pose is: the mean distance of the mean body's vertices from where they are in the mean training pose."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT
from body.loading import load_body_model
from body.model import BodyModel
from body.skinning import Skinning
from hps.metrics.rarity import rarity_mm as of_vertices

MEAN_POSE_FILE: Final = Path(__file__).parent / "data" / "mean_pose.csv"
"""Axis-angle of joints 1 to 23, one a line: `mean_pose_of` the labels of train_kinect."""
EVERY_VERTEX: Final = 8
"""Of 6,889 vertices 862 are looked at: the mean distance changes by less than 1 %."""
CHUNK: Final = 1024


def rarity_mm(body_pose: Float[np.ndarray, "poses 69"], model: BodyModel | None = None) -> Float[np.ndarray, "poses"]:
    """Mean vertex distance of each pose from the mean pose, millimetres; pelvis, heading and shape do not count.

    The measure of pose rarity of Rong et al. as used for balanced errors (IHMR); `model` None is the one that is set.
    """
    skin, mean = _mean_skin(load_body_model() if model is None else model)
    found = [
        of_vertices(_rooted(skin, body_pose[first : first + CHUNK]), mean) for first in range(0, len(body_pose), CHUNK)
    ]
    return np.concatenate(found or [np.zeros(0)])


def mean_pose_of(body_pose: Float[np.ndarray, "poses 69"]) -> Float[np.ndarray, "69"]:
    """The rotation of each joint that is nearest to all poses' (chordal mean), axis-angle."""
    joints = np.asarray(body_pose, np.float64).reshape(-1, JOINT_COUNT - 1, 3)
    return np.stack([Rotation.from_rotvec(one).mean().as_rotvec() for one in joints.transpose(1, 0, 2)]).ravel()


@lru_cache(maxsize=1)
def mean_pose() -> Float[np.ndarray, "69"]:
    """Of the training split."""
    return np.loadtxt(MEAN_POSE_FILE, delimiter=",").ravel()


@lru_cache(maxsize=2)
def _mean_skin(model: BodyModel) -> tuple[Skinning, Float[np.ndarray, "vertices 3"]]:
    skin = Skinning(model, torch.float64, vertex_subset=np.arange(0, model.vertex_count, EVERY_VERTEX))
    return skin, _rooted(skin, mean_pose()[None])[0]


def _rooted(skin: Skinning, body_pose: np.ndarray) -> Float[np.ndarray, "poses vertices 3"]:
    """Vertices of the mean body about its pelvis."""
    pose = torch.from_numpy(np.asarray(body_pose, np.float64).reshape(len(body_pose), -1, 3))
    vertices, joints = skin.pose(torch.zeros(0, dtype=torch.float64), torch.nn.functional.pad(pose, (0, 0, 1, 0)))
    return (vertices - joints[:, :1]).numpy()
