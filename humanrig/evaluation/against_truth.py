"""Errors against what was really there in a simulated session."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from capture.virtual.true_frames import true_instants
from capture.virtual.truth import Truth
from geometry.rigid import transform
from hps.metrics import acceleration_error_mm, mpjpe_mm, pa_mpjpe_mm
from humanrig.errors import HumanrigError
from humanrig.evaluation.summary import summary
from humanrig.evaluation.world import true_world
from humanrig.results import Results

KEYS = ("pve_mm", "mpjpe_mm", "pa_mpjpe_mm", "acceleration_error_mm", "alignment")


def truth_errors(results: Results) -> dict[str, Any]:
    """The keys `pve_mm` … `alignment` of docs/evaluation.md; None for a real session.

    Errors are of the naked body in the truth's world, into which the calibrated world is moved by its cameras; the
    body itself is aligned only where the name says so. Of several people the nearest one is judged. Raises
    HumanrigError when the body was fitted with another model than the one that was simulated.
    """
    if not results.session.path("truth", "scene.json").is_file():
        return dict.fromkeys(KEYS)
    truth = Truth.open(results.session, results.model)
    rows = true_instants(results.session)[results.instants]
    if len(rows) and rows.max() >= truth.frames:
        raise HumanrigError(f"{results.session.folder}: truth/ has {truth.frames} instants, the body {rows.max() + 1}")
    estimated = results.model.pose(results.parameters)
    world = true_world(truth.cameras(), results.session.cameras())
    estimated_vertices = transform(world.T_truth_world, estimated.vertices)
    estimated_joints = transform(world.T_truth_world, estimated.joints)
    person = nearest_person(truth, rows, estimated_joints)
    true_vertices, true_joints = truth.bodies(rows, person), truth.joints(person)[rows]
    vertices = 1e3 * np.linalg.norm(estimated_vertices - true_vertices, axis=-1)
    joints = 1e3 * np.linalg.norm(estimated_joints - true_joints, axis=-1)
    few = len(rows) < 3
    return {
        "pve_mm": summary(vertices, "mean", "p95", "max"),
        "mpjpe_mm": {**summary(joints, "p95", "max"), "mean": _mean(mpjpe_mm(estimated_joints, true_joints))},
        "pa_mpjpe_mm": {"mean": _mean(pa_mpjpe_mm(estimated_joints, true_joints))},
        "acceleration_error_mm": None if few else {"mean": _mean(acceleration_error_mm(estimated_joints, true_joints))},
        "alignment": world.values(),
    }


def nearest_person(
    truth: Truth, rows: Int64[np.ndarray, "instants"], joints: Float[np.ndarray, "instants joints 3"]
) -> str:
    """Who of the people was fitted: the one whose joints are nearest over the take."""
    errors = {p: np.linalg.norm(truth.joints(p)[rows] - joints, axis=-1).mean() for p in truth.people}
    return min(errors, key=lambda person: errors[person])


def _mean(values: np.ndarray) -> float | None:
    return summary(values, "mean")["mean"]
