"""What earlier papers would have printed for our bodies: to read their tables by, never to judge a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from body.model import BodyModel
from body.parameters import BodyParameters
from hps.errors import HpsError
from hps.metrics.angles import livehps_ang_deg
from hps.metrics.posed_bodies import BodyPoser
from hps.protocols.measuring import measure_mm, measure_vertices_mm
from hps.protocols.protocol import Protocol
from hps.protocols.published import PUBLISHED

CHUNK: Final = 32
"""Bodies posed at once: 32 of 6,889 vertices in float64 are 5 MB, which stays in the cache."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BackComparison:
    """One published protocol on some bodies, millimetres; NaN without an estimate or without the protocol's flag."""

    protocol: Protocol
    mpjpe_mm: Float[np.ndarray, "bodies"]
    pve_mm: Float[np.ndarray, "bodies"]


def back_comparison(
    model: BodyModel,
    estimates: Sequence[BodyParameters | None],
    truths: Sequence[BodyParameters],
    protocols: Sequence[Protocol] = PUBLISHED,
    valid: Mapping[str, Bool[np.ndarray, "bodies"]] | None = None,
) -> dict[str, BackComparison]:
    """Every published protocol by its name, with what each hands over from the truth and with its mistakes.

    estimates, truths: one frame each, in the frames of the clouds, in one order. valid: flags by name. Protocols whose
    flag is not given are left out. Raises HpsError when the lengths differ.
    """
    if len(estimates) != len(truths):
        raise HpsError(f"{len(estimates)} estimates for {len(truths)} truths; give one, or None, for each truth")
    flags = valid or {}
    measured = [how for how in protocols if not how.validity or how.validity in flags]
    poser, known = BodyPoser(model), [k for k, estimate in enumerate(estimates) if estimate is not None]
    joints = {how.name: np.full(len(truths), np.nan) for how in measured}
    vertices = {how.name: np.full(len(truths), np.nan) for how in measured}
    for start in range(0, len(known), CHUNK):
        rows = known[start : start + CHUNK]
        true = poser.pose([truths[k] for k in rows])
        for how in measured:
            handed = [_handed(estimate, truths[k], how) for k in rows if (estimate := estimates[k]) is not None]
            body = poser.pose(handed)
            there = flags[how.validity][rows] if how.validity else np.ones(len(rows), bool)
            placed = regressed_joints(model, body.vertices) if how.regressed_estimate else body.joints
            joints[how.name][rows] = measure_mm(how, placed, true.joints, there)
            error = measure_vertices_mm(how, body.vertices, true.vertices, placed, true.joints)
            vertices[how.name][rows] = np.where(there, error, np.nan)
    return {
        how.name: BackComparison(protocol=how, mpjpe_mm=joints[how.name], pve_mm=vertices[how.name]) for how in measured
    }


def regressed_joints(
    model: BodyModel, vertices: Float[np.ndarray, "bodies vertices 3"]
) -> Float[np.ndarray, "bodies 24 3"]:
    """What the model's joint regressor finds in posed vertices: near the joints, not on them; it is made for rest."""
    return np.stack([np.asarray(model.J_regressor @ one) for one in vertices])


def livehps_angle_deg(
    model: BodyModel, estimates: Sequence[BodyParameters], truths: Sequence[BodyParameters]
) -> Float[np.ndarray, "bodies"]:
    """`livehps_ang_deg` of parameters: the figure under LiveHPS's heading Ang Err, which is no angle between poses."""
    poser = BodyPoser(model)
    return livehps_ang_deg(poser.rotations(estimates), poser.rotations(truths))


def _handed(estimate: BodyParameters, truth: BodyParameters, how: Protocol) -> BodyParameters:
    """The estimate with what the protocol hands it from the truth."""
    if "betas" in how.given:
        estimate = replace(estimate, betas=truth.betas, child=truth.child)
    return replace(estimate, transl=truth.transl) if "transl" in how.given else estimate
