"""Errors of the fitted bodies against what was really there in a simulated session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from capture.virtual.truth import Truth
from hps.metrics import acceleration_error_mm, mpjpe_mm, pa_mpjpe_mm
from humanrig.evaluation.certainty import sigma_coverage
from humanrig.evaluation.cloud_truth import MOST_INSTANTS, cloud_errors
from humanrig.evaluation.movement import foot_skate, still_jitter
from humanrig.evaluation.people import Compared, compare_people
from humanrig.evaluation.summary import summary
from humanrig.evaluation.world import TrueWorld, true_world
from humanrig.results import Results
from registration.body_track import TrackSigma, read_body_track
from registration.fit.parts import PART_NAMES, part_of_joint

OF_PERSON = ("pve_mm", "mpjpe_mm", "pa_mpjpe_mm", "acceleration_error_mm")
FAR_OFF_MM = 25.0
"""Of a body that should be trusted, no instant is further from the truth."""
OF_SESSION = ("people", "people_missed", "cloud_to_true_surface_mm", "alignment")


def truth_errors(
    everybody: Sequence[Results], *, clouds: bool = True, most_instants: int | None = None
) -> dict[str, Any]:
    """The keys `pve_mm` … `alignment` of docs/evaluation.md; None for a real session.

    Errors are of the naked body in the truth's world, into which the calibrated world is moved by its cameras; the
    body itself is aligned only where the name says so. `everybody`: the fitted bodies, person00 first, whose errors
    stand at the top. `clouds`: also measure the clouds, at `most_instants` or fewer. Raises HumanrigError when
    a body was fitted with another model than the one that was simulated.
    """
    first = everybody[0]
    session = first.session
    if not session.path("truth", "scene.json").is_file():
        return dict.fromkeys((*OF_PERSON, *OF_SESSION))
    truth = Truth.open(session, first.model)
    world = true_world(truth.cameras(), session.cameras())
    compared = compare_people(truth, world, everybody)
    people = [_person(one, session.path("body", f"{one.person}.npz"), world) for one in compared]
    main = next((p for p in people if p["person"] == first.person), dict.fromkeys(OF_PERSON))
    return {
        **{key: main[key] for key in OF_PERSON},
        "people": people,
        "people_missed": sorted(set(truth.people) - {one.true for one in compared}),
        "cloud_to_true_surface_mm": cloud_errors(session, truth, world, first.instants, most_instants or MOST_INSTANTS)
        if clouds
        else None,
        "alignment": world.values(),
    }


def body_errors(compared: Compared) -> dict[str, Any]:
    """Position errors of one person."""
    vertices = 1e3 * np.linalg.norm(compared.vertices - compared.true_vertices, axis=-1)
    joints = 1e3 * np.linalg.norm(compared.joints - compared.true_joints, axis=-1)
    of_instant, part = vertices.mean(1), part_of_joint()[compared.weights.argmax(1)]
    few = len(compared.rows) < 3
    return {
        "pve_mm": {
            **summary(vertices, "mean", "p95", "max"),
            "worst_instant": int(compared.instants[of_instant.argmax()]),
            "worst_instant_mean": round(float(of_instant.max()), 3),
        },
        "mpjpe_mm": {
            **summary(joints, "p95", "max"),
            "mean": _mean(mpjpe_mm(compared.joints, compared.true_joints)),
            "worst_instant_mean": round(float(joints.mean(1).max()), 3),
        },
        "pa_mpjpe_mm": {"mean": _mean(pa_mpjpe_mm(compared.joints, compared.true_joints))},
        "acceleration_error_mm": None
        if few
        else {"mean": _mean(acceleration_error_mm(compared.joints, compared.true_joints))},
        "pve_mm_by_part": {name: _mean(vertices[:, part == p]) for p, name in enumerate(PART_NAMES)},
        "foot_skate_mm": foot_skate(compared.weights, compared.vertices, compared.true_vertices),
        "still_jitter_mm": still_jitter(compared.joints, compared.true_joints),
        "height_error_mm": round(1e3 * float(np.ptp(compared.rest[:, 1]) - np.ptp(compared.true_rest[:, 1])), 3),
    }


def _person(compared: Compared, path: Path, world: TrueWorld) -> dict[str, Any]:
    track = read_body_track(path)
    flagged = int(sum(bool(flag) for flag in track.flags.tolist()))
    return {
        "person": compared.person,
        "true": compared.true,
        "frames": len(compared.instants),
        "flagged": flagged,
        **body_errors(compared),
        "instants_off": _far_off(compared, np.array([bool(flag) for flag in track.flags.tolist()])),
        "sigma_coverage": None if track.sigma is None else _certainty(compared, track.sigma, world),
    }


def _far_off(compared: Compared, flagged: np.ndarray) -> dict[str, int]:
    """Instants whose mean vertex error is more than FAR_OFF_MM, and how many of them no flag doubts."""
    error = 1e3 * np.linalg.norm(compared.vertices - compared.true_vertices, axis=-1).mean(1)
    return {"count": int((error > FAR_OFF_MM).sum()), "unflagged": int(((error > FAR_OFF_MM) & ~flagged).sum())}


def _certainty(compared: Compared, sigma: TrackSigma, world: TrueWorld) -> dict[str, Any]:
    joints, vertices = compared.joints - compared.true_joints, compared.vertices - compared.true_vertices
    return sigma_coverage(joints, vertices, sigma, world.T_truth_world[:3, :3])


def _mean(values: np.ndarray) -> float | None:
    return summary(values, "mean")["mean"]
