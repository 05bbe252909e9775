"""Every error of a method's bodies on many clouds at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from body.model import BodyModel
from body.parameters import BodyParameters
from hps.errors import HpsError
from hps.metrics.angles import MAJOR_JOINTS, local_angle_error_deg, mpjae_deg
from hps.metrics.failures import FAILURE_MM, failures
from hps.metrics.posed_bodies import BodyPoser, PosedBodies
from hps.metrics.positions import PELVIS, joint_distances_mm, pa_pve_mm, pve_mm, translation_error_mm
from hps.metrics.regions import pve_by_region_mm, region_vertices
from hps.metrics.score_table import Measurement, ScoreTable
from hps.metrics.shape import height_error_mm, t_pose_pve_mm, t_pose_pve_scaled_mm
from hps.protocols.measuring import measure_mm, measure_vertices_mm, protocol_points
from hps.protocols.named import DEFAULT_PROTOCOLS
from hps.protocols.protocol import Protocol

CHUNK = 32
"""Bodies posed at once: 32 of 6,889 vertices in float64 are 5 MB, which stays in the cache."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answer:
    """What a method says of one cloud; neither: it refused."""

    parameters: BodyParameters | None = None
    """One frame."""
    joints: Float[np.ndarray, "24 3"] | None = None
    """Metres; those of the parameters where this is None."""


def score(
    model: BodyModel,
    answers: Sequence[Answer],
    truths: Sequence[BodyParameters],
    protocols: Sequence[Protocol] = DEFAULT_PROTOCOLS,
    regressors: Mapping[str, Float[np.ndarray, "regressed vertices"]] | None = None,
    valid: Mapping[str, Bool[np.ndarray, "samples"]] | None = None,
) -> ScoreTable:
    """The table of all samples, in their order. Frames are those of the clouds; nothing is aligned but by name.

    Columns beside `mpjpe[PROTOCOL]`: `pve[vertices_abs|_root|_pa]`, `pve[REGION_abs]`, `t_pose_pve[rest_abs|_scaled]`,
    `height[rest]`, `mpjae[major9_global|all24_global|all24_local]`, `translation[pelvis]`, and `failed[pve>150mm]`:
    1, 0, or NaN for a method that gives joints and no body; `pve[PROTOCOL]` for protocols that hand over the truth.
    valid: flags by name, for protocols that want one.
    Raises HpsError when the lengths differ.
    """
    if len(answers) != len(truths):
        raise HpsError(f"{len(answers)} answers for {len(truths)} truths; give one answer for each sample, in order")
    poser, regions = BodyPoser(model), region_vertices(model)
    columns = _Columns(len(truths))
    for start in range(0, len(truths), CHUNK):
        chosen = slice(start, min(start + CHUNK, len(truths)))
        _score_chunk(columns, chosen, poser, regions, answers[chosen], truths[chosen], protocols, regressors, valid)
    columns.put("failed", f"pve>{FAILURE_MM:.0f}mm", "", np.arange(len(truths)), _failed(columns, answers))
    return ScoreTable(columns=columns.table, joints=columns.joints, true_joints=columns.true_joints)


class _Columns:
    """A table that is being filled, row by row; NaN where nothing was put."""

    def __init__(self, samples: int) -> None:
        self.table: dict[str, Measurement] = {}
        self.joints = np.full((samples, 24, 3), np.nan)
        self.true_joints = np.full((samples, 24, 3), np.nan)

    def put(self, metric: str, name: str, unit: str, rows: np.ndarray, values: np.ndarray) -> None:
        column = Measurement(metric=metric, protocol=name, unit=unit, values=np.full(len(self.joints), np.nan))
        self.table.setdefault(column.name, column).values[rows] = values


def _score_chunk(
    columns: _Columns,
    chosen: slice,
    poser: BodyPoser,
    regions: dict[str, Bool[np.ndarray, "vertices"]],
    answers: Sequence[Answer],
    truths: Sequence[BodyParameters],
    protocols: Sequence[Protocol],
    regressors: Mapping[str, Float[np.ndarray, "regressed vertices"]] | None,
    valid: Mapping[str, Bool[np.ndarray, "samples"]] | None,
) -> None:
    """Fills the rows of one chunk."""
    rows = np.arange(chosen.start, chosen.stop)
    guesses = [(k, a.parameters) for k, a in enumerate(answers) if a.parameters is not None]
    some = np.array([k for k, _ in guesses], np.int64)
    truth = poser.pose(truths)
    true = _taken(truth, some)
    estimate = poser.pose([guess for _, guess in guesses]) if guesses else true
    joints = np.full((len(rows), 24, 3), np.nan)
    joints[some] = estimate.joints
    for k, answer in enumerate(answers):
        if answer.joints is not None:
            joints[k] = answer.joints
    columns.joints[rows], columns.true_joints[rows] = joints, truth.joints
    columns.put("translation", "pelvis", "mm", rows, translation_error_mm(joints[:, PELVIS], truth.joints[:, PELVIS]))
    for how in protocols:
        flags = valid[how.validity] if how.validity and valid and how.validity in valid else None
        if how.regressor:
            a = protocol_points(how, estimate.joints, estimate.vertices, regressors)
            b = protocol_points(how, true.joints, true.vertices, regressors)
            values = measure_mm(how, a, b, None if flags is None else flags[rows[some]])
            columns.put("mpjpe", how.name, "mm", rows[some], values)
            continue
        posed = joints
        handed = estimate
        if how.given and guesses:
            handed = poser.pose([_given(guess, truths[k], how) for k, guess in guesses])
        if how.given:
            posed = np.full_like(joints, np.nan)
            posed[some] = handed.joints
        valid_here = None if flags is None else flags[rows]
        columns.put("mpjpe", how.name, "mm", rows, measure_mm(how, posed, truth.joints, valid_here))
        if how.given or how.flipped_translation:
            values = measure_vertices_mm(how, handed.vertices, true.vertices, handed.joints, true.joints)
            columns.put("pve", how.name, "mm", rows[some], values)
    for metric, name, unit, values in _of_bodies(estimate, true, regions):
        columns.put(metric, name, unit, rows[some], values)


def _failed(columns: _Columns, answers: Sequence[Answer]) -> Float[np.ndarray, "samples"]:
    """1 for a body too far off and for no answer, NaN for joints without a body."""
    if not answers:
        return np.zeros(0)
    joints_only = np.array([a.parameters is None and a.joints is not None for a in answers])
    return np.where(joints_only, np.nan, failures(columns.table["pve[vertices_abs]"].values).astype(np.float64))


def _of_bodies(
    estimate: PosedBodies, truth: PosedBodies, regions: dict[str, Bool[np.ndarray, "vertices"]]
) -> list[tuple[str, str, str, np.ndarray]]:
    """Metric, protocol, unit and values of everything that needs a body."""
    distances = joint_distances_mm(estimate.vertices, truth.vertices)
    to_root = truth.joints[:, PELVIS] - estimate.joints[:, PELVIS]
    everything = tuple(range(24))
    a, b = estimate.rotations, truth.rotations
    return [
        ("pve", "vertices_abs", "mm", distances.mean(-1)),
        ("pve", "vertices_root", "mm", pve_mm(estimate.vertices, truth.vertices, offset=to_root)),
        ("pve", "vertices_pa", "mm", pa_pve_mm(estimate.vertices, truth.vertices)),
        *[("pve", f"{name}_abs", "mm", values) for name, values in pve_by_region_mm(distances, regions).items()],
        ("t_pose_pve", "rest_abs", "mm", t_pose_pve_mm(estimate.rest, truth.rest)),
        ("t_pose_pve", "rest_scaled", "mm", t_pose_pve_scaled_mm(estimate.rest, truth.rest)),
        ("height", "rest", "mm", height_error_mm(estimate.rest, truth.rest)),
        ("mpjae", "major9_global", "deg", mpjae_deg(a, b, MAJOR_JOINTS)),
        ("mpjae", "all24_global", "deg", mpjae_deg(a, b, everything)),
        ("mpjae", "all24_local", "deg", local_angle_error_deg(a, b).mean(-1)),
    ]


def _given(estimate: BodyParameters, truth: BodyParameters, how: Protocol) -> BodyParameters:
    """The estimate with what the protocol hands it from the truth."""
    if "betas" in how.given:
        estimate = replace(estimate, betas=truth.betas, child=truth.child)
    return replace(estimate, transl=truth.transl) if "transl" in how.given else estimate


def _taken(bodies: PosedBodies, rows: np.ndarray) -> PosedBodies:
    return PosedBodies(
        vertices=bodies.vertices[rows], joints=bodies.joints[rows], rest=bodies.rest[rows],
        rotations=bodies.rotations[rows],
    )  # fmt: skip
