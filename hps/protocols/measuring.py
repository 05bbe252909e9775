"""Measuring joints under a protocol."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from hps.errors import HpsError
from hps.metrics.alignment import procrustes, rooted, same_shape
from hps.metrics.positions import joint_distances_mm
from hps.protocols.protocol import Protocol


def protocol_points(
    protocol: Protocol,
    joints: Float[np.ndarray, "frames 24 3"],
    vertices: Float[np.ndarray, "frames vertices 3"] | None = None,
    regressors: Mapping[str, Float[np.ndarray, "regressed regressor_vertices"]] | None = None,
) -> Float[np.ndarray, "frames sources 3"]:
    """The points that the protocol chooses from: SMPL's joints, or those that a regressor finds in the vertices.

    Raises HpsError where the protocol needs a regressor that is not given or is of another body model.
    """
    if not protocol.regressor:
        return joints
    matrix = (regressors or {}).get(protocol.regressor)
    if matrix is None or vertices is None:
        raise HpsError(
            f"protocol {protocol.name} needs the joint regressor {protocol.regressor!r} and posed vertices; the file "
            "(such as J_regressor_h36m.npy) is not ours to ship: load it and pass regressors={...}"
        )
    if matrix.shape[1] != vertices.shape[1]:
        raise HpsError(
            f"regressor {protocol.regressor!r} is of {matrix.shape[1]} vertices, the bodies have {vertices.shape[1]}; "
            "it is of another body model"
        )
    return np.einsum("jv,fvc->fjc", matrix, vertices)


def measure_mm(
    protocol: Protocol,
    estimate: Float[np.ndarray, "frames sources 3"],
    truth: Float[np.ndarray, "frames sources 3"],
    valid: Bool[np.ndarray, "frames"] | None = None,
) -> Float[np.ndarray, "frames"]:
    """Mean joint error of each frame under the protocol, millimetres; NaN where the estimate has NaN.

    estimate, truth: `protocol_points` of both, metres. An estimate for a protocol with `given` must have been posed
    with what is given (`hps.metrics.bodies` does it). valid: frames that have the protocol's flag; the others are NaN.
    Raises HpsError when the shapes differ, or where the protocol wants a flag that is not given.
    """
    same_shape("joints", estimate, truth)
    if protocol.validity and valid is None:
        raise HpsError(
            f"protocol {protocol.name} counts only frames with the flag {protocol.validity!r}; pass valid=… for each "
            "frame"
        )
    chosen = list(protocol.joints)
    a, b = _placed(protocol, estimate, truth, estimate, truth)
    error = _distance(protocol, a[:, chosen], b[:, chosen])
    return error if valid is None else np.where(valid, error, np.nan)


def measure_vertices_mm(
    protocol: Protocol,
    estimate: Float[np.ndarray, "frames vertices 3"],
    truth: Float[np.ndarray, "frames vertices 3"],
    joints: Float[np.ndarray, "frames sources 3"],
    true_joints: Float[np.ndarray, "frames sources 3"],
) -> Float[np.ndarray, "frames"]:
    """Mean vertex error of each frame with the protocol's root, alignment and mistakes, millimetres.

    The root is that of the joints; an alignment is fitted on the vertices themselves. `validity` is not looked at.
    """
    same_shape("vertices", estimate, truth)
    return _distance(protocol, *_placed(protocol, estimate, truth, joints, true_joints))


def _placed(
    protocol: Protocol, estimate: np.ndarray, truth: np.ndarray, joints: np.ndarray, true_joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides relative to their roots, and LiveHPS's wrong sign where the protocol has it."""
    estimate, truth = np.asarray(estimate, np.float64), np.asarray(truth, np.float64)
    a, b = rooted(estimate, protocol.root, joints), rooted(truth, protocol.root, true_joints)
    if protocol.flipped_translation:
        pelvis = list(protocol.root)
        a = a + true_joints[:, pelvis].mean(1, keepdims=True) - joints[:, pelvis].mean(1, keepdims=True)
    return a, b


def _distance(protocol: Protocol, a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "frames"]:
    if protocol.alignment != "none":
        a = procrustes(a, b, scale=protocol.alignment == "similarity")
    return joint_distances_mm(a, b).mean(-1)
