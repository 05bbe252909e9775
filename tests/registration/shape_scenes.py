"""Scans with a known person in them: a bank body in an A-pose, bent by dual quaternions."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from body.bank import load_body_bank
from body.dual_quaternions import dual_quaternion_skin
from body.joints import PARENTS
from body.loading import load_body_model
from geometry.mesh import TriangleMesh
from registration.shape.upright import pose_of


def person_scan(name: str, arms_deg: float = 50.0, legs_deg: float = 10.0, seed: int = 0) -> TriangleMesh:
    """The skin of a person of the bank, standing on z = 0 and facing -y, some degrees from the grid of first poses."""
    model = load_body_model()
    person = load_body_bank(model).model(name)
    turns = np.random.default_rng(seed).normal(0, 0.06, (24, 3))
    turns[0] = 0
    local = pose_of(arms_deg, legs_deg) @ Rotation.from_rotvec(turns).as_matrix().reshape(24, 3, 3)
    J = person.rest_joints()
    R, p = np.empty((24, 3, 3)), np.empty((24, 3))
    for j, parent in enumerate(PARENTS):
        R[j] = local[j] if parent < 0 else R[parent] @ local[j]
        p[j] = J[j] if parent < 0 else p[parent] + R[parent] @ (J[j] - J[parent])
    t = p - (R @ J[..., None])[..., 0]
    v = dual_quaternion_skin(person.v_template[None], R[None], t[None], person.weights)[0]
    v[:, 2] -= v[:, 2].min()
    return TriangleMesh(vertices=v, faces=model.faces)
