"""A clip of bodies in a z-up frame, as viewers want it, whichever way up its clouds were."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from geometry.rigid import rigid
from hps.points.canonical import CAMERA_UP


def T_upright_cloud(up: Float[np.ndarray, "3"] | None) -> Float[np.ndarray, "4 4"]:
    """The shortest turn that takes `up` to z about the origin; None: the camera is taken to be level."""
    v = np.asarray(CAMERA_UP if up is None else up, np.float64)
    v = v / np.linalg.norm(v)
    axis = np.cross(v, (0.0, 0.0, 1.0))
    sine, cosine = float(np.linalg.norm(axis)), float(v[2])
    if sine < 1e-9:
        return np.eye(4) if cosine > 0 else rigid(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
    turn = Rotation.from_rotvec(axis / sine * np.arctan2(sine, cosine)).as_matrix()
    return rigid(turn, np.zeros(3))
