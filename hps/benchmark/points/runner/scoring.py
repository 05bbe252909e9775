"""The errors of a method's answers to some clouds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hps.benchmark.points.runner.error_table import ErrorTable
from hps.benchmark.points.runner.measures import MEASURES
from hps.benchmark.points.runner.posed_rows import PosedRows, benchmark_model, posed_rows, whole_rows
from hps.benchmark.points.runner.prediction_table import PredictionTable
from hps.datasets.cloud_sample import CloudSample
from hps.metrics.angles import livehps_ang_deg, mpjae_deg
from hps.metrics.failures import failures
from hps.metrics.positions import (
    PELVIS,
    joint_distances_mm,
    pa_pve_mm,
    pve_mm,
    translation_error_mm,
)
from hps.metrics.regions import pve_by_region_mm, region_vertices
from hps.metrics.shape import t_pose_pve_mm
from hps.protocols.measuring import measure_mm
from hps.protocols.named import PROTOCOLS


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Truth:
    """What is true of some clouds; NaN rows where nobody knows."""

    joints: Float[np.ndarray, "clouds 24 3"]
    """Of the true body, so that joints and skin are of one person; where there is none, those that are stated."""
    stated: Float[np.ndarray, "clouds 24 3"]
    """As the data set has them apart from any body model."""
    bodies: PosedRows
    """NaN rows also where the truth is of another body model than the benchmark's."""

    @classmethod
    def of(cls, samples: Sequence[CloudSample]) -> Truth:
        """Poses the true bodies."""
        name = benchmark_model().name
        bodies = posed_rows([sample.truth if sample.model == name else None for sample in samples])
        stated = np.full_like(bodies.joints, np.nan)
        for row, sample in enumerate(samples):
            if sample.joints is not None:
                stated[row] = sample.joints
        posed = whole_rows(bodies.joints)[:, None, None]
        return cls(joints=np.where(posed, bodies.joints, stated), stated=stated, bodies=bodies)


def score(table: PredictionTable, truth: Truth) -> ErrorTable:
    """The errors of the answers, one row a cloud, NaN where there is no answer or no truth.

    Joints are those of the answer, else of its body. Raises BodyError for betas that the benchmark's body lacks.
    """
    given = [table[row] for row in range(len(table))]
    bodies = posed_rows([one.parameters for one in given])
    stated = whole_rows(table.joints)
    joints = np.where(stated[:, None, None], table.joints, bodies.joints)
    answered = whole_rows(joints)
    errors = _joint_errors(joints, truth.joints) | _body_errors(bodies, truth.bodies)
    errors["mpjpe_stated"] = measure_mm(PROTOCOLS["smpl24_abs"], joints, truth.stated)
    return ErrorTable(
        errors={measure.name: errors[measure.name] for measure in MEASURES if measure.name in errors},
        answered=answered,
        has_body=whole_rows(bodies.joints),
        joints=joints,
        true_joints=truth.joints,
        joint_sigma=table.joint_sigma,
        confidence=table.confidence,
        refused=table.refused,
        milliseconds=dict(table.milliseconds),
    )


def _joint_errors(joints: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    found = {
        measure.name: measure_mm(PROTOCOLS[measure.protocol], joints, true)
        for measure in MEASURES
        if measure.protocol in PROTOCOLS
    }
    return found | {"translation": translation_error_mm(joints[:, PELVIS], true[:, PELVIS])}


def _body_errors(bodies: PosedRows, true: PosedRows) -> dict[str, np.ndarray]:
    vertices, truth = bodies.vertices, true.vertices
    distances = joint_distances_mm(vertices, truth)
    absolute = distances.mean(-1)
    by_region = pve_by_region_mm(distances, region_vertices(benchmark_model()))
    both = whole_rows(truth) & whole_rows(vertices)
    return {
        "pve_abs": absolute,
        "pve_root": pve_mm(vertices, truth, offset=true.joints[:, PELVIS] - bodies.joints[:, PELVIS]),
        "pve_pa": pa_pve_mm(vertices, truth),
        "pve_tpose": t_pose_pve_mm(bodies.at_rest, true.at_rest),
        "mpjae": mpjae_deg(bodies.rotations, true.rotations),
        "livehps_ang": livehps_ang_deg(bodies.rotations, true.rotations),
        "failure": np.where(both, failures(absolute), np.nan),
        **{f"pve_{region}": values for region, values in by_region.items()},
    }
