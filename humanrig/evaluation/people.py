"""Who of the true people each fitted body is, both in the truth's world, ready to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from capture.session import Session
from capture.virtual.true_frames import true_instants
from capture.virtual.truth import Truth
from geometry.rigid import transform
from humanrig.errors import HumanrigError
from humanrig.evaluation.world import TrueWorld
from humanrig.results import Results

FAR_M = 0.5
"""A body that is further than this from a person, in the mean over the joints and the take, is not that person's."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Compared:
    """A fitted body and the person it is of. Metres, in the truth's world."""

    person: str
    """The fitted one: body/personNN.npz."""
    true: str
    """The person in truth/."""
    weights: Float[np.ndarray, "vertices 24"]
    """Of the body model's skinning: which joint moves each vertex."""
    instants: Int64[np.ndarray, "frames"]
    """Of the session."""
    rows: Int64[np.ndarray, "frames"]
    """The same moments in truth/."""
    vertices: Float[np.ndarray, "frames vertices 3"]
    joints: Float[np.ndarray, "frames 24 3"]
    true_vertices: Float[np.ndarray, "frames vertices 3"]
    true_joints: Float[np.ndarray, "frames 24 3"]
    rest: Float[np.ndarray, "vertices 3"]
    """The fitted body at rest, y up."""
    true_rest: Float[np.ndarray, "vertices 3"]


def fitted_people(session: Session) -> list[str]:
    """Names of the bodies in body/; person00 where there are none, whose absence then is the error."""
    found = sorted(path.stem for path in session.path("body").glob("person[0-9][0-9].npz"))
    return found or ["person00"]


def matched(
    truth: Truth, rows: Sequence[Int64[np.ndarray, "frames"]], joints: Sequence[Float[np.ndarray, "frames 24 3"]]
) -> list[str | None]:
    """The true person of each fitted body, each at most once, of least distance in all; None: of nobody within FAR_M.

    rows: instants of truth/ at which each body was fitted; joints: where its joints are, in the truth's world. A single
    body and a single person belong together at any distance.
    """
    from scipy.optimize import linear_sum_assignment

    people = truth.people
    true = {person: truth.joints(person) for person in people}
    cost = np.array(
        [
            [float(np.linalg.norm(true[person][r] - j, axis=-1).mean()) for person in people]
            for r, j in zip(rows, joints, strict=True)
        ]
    ).reshape(len(joints), len(people))
    found: list[str | None] = [None] * len(joints)
    for body, person in zip(*linear_sum_assignment(np.minimum(cost, 1e3)), strict=True):
        if cost[body, person] < FAR_M or cost.size == 1:
            found[body] = people[person]
    return found


def compare_people(truth: Truth, world: TrueWorld, everybody: Sequence[Results]) -> list[Compared]:
    """Each fitted body that is of a true person, in the order of `everybody`.

    Raises HumanrigError where truth/ ends before the body, or a body was fitted with another model.
    """
    session = everybody[0].session
    numbers = true_instants(session)
    rows = [numbers[results.body["instants"].astype(np.int64)] for results in everybody]
    for r in rows:
        if len(r) and r.max() >= truth.frames:
            raise HumanrigError(f"{session.folder}: truth/ has {truth.frames} instants, the body {r.max() + 1}")
    posed = [results.model.pose(results.parameters) for results in everybody]
    joints = [transform(world.T_truth_world, p.joints) for p in posed]
    compared = []
    for n, true in enumerate(matched(truth, rows, joints)):
        if true is None:
            continue
        results = everybody[n]
        compared.append(
            Compared(
                person=results.person,
                true=true,
                weights=np.asarray(results.model.weights, np.float64),
                instants=results.body["instants"].astype(np.int64),
                rows=rows[n],
                vertices=transform(world.T_truth_world, posed[n].vertices),
                joints=joints[n],
                true_vertices=truth.bodies(rows[n], true),
                true_joints=truth.joints(true)[rows[n]],
                rest=results.model.shaped(results.parameters.betas, results.parameters.child),
                true_rest=truth.rest_vertices(true),
            )
        )
    return compared
