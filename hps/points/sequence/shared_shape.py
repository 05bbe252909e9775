"""One shape for a clip: the product of the frames' Gaussians, and what each frame's pose becomes under it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float

from body.joint_orientations import parent_rotations
from hps.points.sequence.bodies import FrameBodies
from hps.points.sequence.config import SequenceConfig
from hps.points.unknowns import TURNS
from registration.fit.rotations import exponential

ROUNDS: Final = 6
FREEDOM: Final = 4.0
"""Of the t-distribution that frames' shapes are taken for: a frame that is lost says little, whatever it claims."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SharedShape:
    """A Gaussian over the coefficients of one person's shape."""

    mean: Float[np.ndarray, "coefficients"]
    covariance: Float[np.ndarray, "coefficients coefficients"]
    weight: Float[np.ndarray, "frames"]
    """How far each frame was believed, 0 to 1; 0 for frames that were not seen."""


def shared_shape(bodies: FrameBodies, config: SequenceConfig) -> SharedShape:
    """The shape that all frames agree on: each is a Gaussian, and the prior in each is counted once.

    Neighbouring frames err alike, so that a clip counts as one independent frame for each `independent_s` that it
    lasts. A frame whose shape lies far from the others' by its own account is believed less (Lange et al. 1989, robust
    modelling with the t-distribution).
    """
    which = np.flatnonzero(bodies.seen)
    mu = bodies.coefficients[which]
    prior = prior_precision(bodies, config)
    pull = np.zeros(len(prior)) if config.shape_prior is None else prior @ config.shape_prior.mean[: len(prior)]
    own = np.linalg.inv(bodies.covariance[which][:, shape_part(bodies), shape_part(bodies)])
    data = positive(own - prior)
    said = np.matvec(own, mu) - pull
    share = independent_frames(bodies.time_s[which], config.independent_s) / max(len(which), 1)
    weight = np.ones(len(which))
    mean, precision = np.linalg.solve(prior, pull), prior
    for _ in range(ROUNDS):
        precision = prior + share * np.einsum("t,tij->ij", weight, data)
        mean = np.linalg.solve(precision, pull + share * np.einsum("t,ti->i", weight, said))
        away = mu - mean
        squared = np.einsum("ti,tij,tj->t", away, own, away)
        weight = np.minimum((FREEDOM + len(prior)) / (FREEDOM + squared), 1.0)
    everybody = np.zeros(len(bodies))
    everybody[which] = weight
    return SharedShape(mean=mean, covariance=np.linalg.inv(precision), weight=everybody)


def with_shape(bodies: FrameBodies, shape: SharedShape) -> FrameBodies:
    """The bodies given that shape: pose and translation follow it as far as they depended on their frame's own.

    The covariance becomes that of pose and translation for this very shape; what the shape's own uncertainty adds is
    `shape_spread`, which all frames have in common. Frames that were not seen get the shape alone.
    """
    s, n = shape_part(bodies), bodies.betas.shape[1]
    rest = np.r_[: s.start, s.stop : bodies.covariance.shape[1]]
    gain = shape_gain(bodies)
    step = np.matvec(gain, np.where(bodies.seen[:, None], shape.mean - bodies.coefficients, 0.0))
    covariance = np.zeros_like(bodies.covariance)
    cross = bodies.covariance[:, rest][:, :, s]
    kept = bodies.covariance[:, rest[:, None], rest] - gain @ cross.swapaxes(-1, -2)
    covariance[:, rest[:, None], rest] = np.where(bodies.seen[:, None, None], kept, 0.0)
    # turns are about the frame's axes: on the left of a joint's rotation, as its parent sees them
    about_frame = step[:, :TURNS].reshape(-1, TURNS // 3, 3, 1)
    turn = exponential((parent_rotations(bodies.rotations).swapaxes(-1, -2) @ about_frame)[..., 0])
    seen = bodies.seen
    return replace(
        bodies,
        rotations=np.where(seen[:, None, None, None], turn @ bodies.rotations, bodies.rotations),
        betas=np.tile(shape.mean[:n], (len(bodies), 1)),
        child=np.full(len(bodies), shape.mean[n] if bodies.knows_child else _usual_child(bodies, shape)),
        transl=np.where(seen[:, None], bodies.transl + step[:, TURNS:], bodies.transl),
        covariance=covariance,
    )


def shape_spread(bodies: FrameBodies, shape: SharedShape) -> Float[np.ndarray, "frames unknowns unknowns"]:
    """What the shape's own uncertainty adds to the covariance of bodies that were given it.

    bodies: as they were before. Frames that were not seen have the spread of the shape alone.
    """
    s, unknowns = shape_part(bodies), bodies.covariance.shape[1]
    spread = np.zeros((len(bodies), unknowns, len(shape.mean)))
    spread[:, np.r_[: s.start, s.stop : unknowns]] = shape_gain(bodies)
    spread[:, s] = np.eye(len(shape.mean))
    return spread @ shape.covariance @ spread.swapaxes(-1, -2)


def shape_gain(bodies: FrameBodies) -> Float[np.ndarray, "frames others coefficients"]:
    """How turns and translation follow a change of the shape, in each frame's Gaussian; 0 where it was not seen."""
    s = shape_part(bodies)
    rest = np.r_[: s.start, s.stop : bodies.covariance.shape[1]]
    covariance = np.where(bodies.seen[:, None, None], bodies.covariance, np.eye(bodies.covariance.shape[1]))
    return np.linalg.solve(covariance[:, s, s], covariance[:, s][:, :, rest]).swapaxes(-1, -2)


def shape_part(bodies: FrameBodies) -> slice:
    """Where the shape's coefficients are among the unknowns."""
    return slice(TURNS, bodies.covariance.shape[1] - 3)


def prior_precision(bodies: FrameBodies, config: SequenceConfig) -> Float[np.ndarray, "coefficients coefficients"]:
    """Of the population, as it is contained in the frames' covariances.

    Taken out narrower than it was put in, it leaves frames that overstate how far they are from it.
    """
    if config.shape_prior is not None:
        known = bodies.coefficients.shape[1]
        covariance = np.linalg.inv(config.shape_prior.precision)[:known, :known]
        return np.linalg.inv(covariance) / bodies.spread**2
    sigma = bodies.spread * np.full(bodies.betas.shape[1], config.beta_sigma)
    return np.diag(1 / np.append(sigma, [bodies.spread * config.child_sigma] * bodies.knows_child) ** 2)


def independent_frames(time_s: Float[np.ndarray, "frames"], apart_s: float) -> float:
    """How many frames of a clip count as independent: all when they are far apart, one a span when they are near."""
    return 1.0 + float(np.minimum(np.diff(time_s) / max(apart_s, 1e-9), 1.0).sum()) if len(time_s) else 0.0


def positive(A: Float[np.ndarray, "*some n n"]) -> Float[np.ndarray, "*some n n"]:
    """The nearest symmetric matrices without a negative eigenvalue: a fit never knows less than its prior."""
    values, vectors = np.linalg.eigh((A + A.swapaxes(-1, -2)) / 2)
    return (vectors * np.maximum(values, 0)[..., None, :]) @ vectors.swapaxes(-1, -2)


def _usual_child(bodies: FrameBodies, shape: SharedShape) -> float:
    """The median child factor of the frames that were believed, where no covariance speaks of it."""
    return float(np.median(bodies.child[shape.weight > np.median(shape.weight[bodies.seen]) / 2]))
