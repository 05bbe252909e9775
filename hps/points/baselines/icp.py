"""ICP from the mean body: rigid, or with all joints and the shape free to move afterwards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from body.loading import load_body_model
from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.rigid import transform
from hps.benchmark.prediction import Prediction
from hps.points.baselines.asking import asked
from hps.points.baselines.in_cloud_frame import parameters_in_cloud
from hps.points.baselines.mean_pose import MEAN_CHILD, mean_body
from hps.points.baselines.points_alone import points_alone
from hps.points.baselines.rigid_alignment import aligned
from hps.points.fitting.body import ANY_PART, FitBody
from hps.points.fitting.config import BodyFitConfig
from hps.points.fitting.skin import posed_skin
from hps.points.fitting.solver import minimised
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.fitting.surface_term import SurfaceTerm
from hps.points.fitting.term import linearised
from hps.points.fitting.term_making import prior_term, surface_term
from hps.points.network_input import network_input
from hps.points.person_cloud import PersonCloud

POINTS: Final = 512
"""Of each cloud; twice as many change the joint error by less than it differs between clouds."""
STAGES_M: Final = (0.08, 0.04, 0.02)
"""Standard deviation of a point in each stage of the articulated fit, from far to near."""
STEPS: Final = 5
"""Of each stage."""


class Icp:
    """The mean body brought onto the cloud; `articulated`: then bent and shaped by point-to-plane distances."""

    parameters = 0
    gflops = 0.0

    def __init__(self, body: BodyModel | None = None, *, articulated: bool = False) -> None:
        self.body = load_body_model() if body is None else body
        self.articulated = articulated
        self.fit_body = FitBody.of(self.body)
        self.config = BodyFitConfig(point_count=300.0)

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[Prediction]:
        """One body for each cloud."""
        return asked(clouds, self._answer)

    def _answer(self, clouds: list[PersonCloud]) -> list[Prediction]:
        given = network_input(clouds, POINTS)
        points, rays = given.points.double().numpy(), given.rays.double().numpy()
        started = time.perf_counter()
        states = [self._rigid(p, v) for p, v in zip(points, rays, strict=True)]
        aligned_s = time.perf_counter()
        if self.articulated:
            term = surface_term(self.fit_body, points_alone(given.points, given.rays), self.config)
            states = [self._bent(state, term.rows(np.array([row]))) for row, state in enumerate(states)]
        ended = time.perf_counter()
        spent = {
            "fit": 1000 * (aligned_s - started) / len(clouds),
            "refine": 1000 * (ended - aligned_s) / len(clouds),
        }
        return [
            Prediction(parameters=self._parameters(state, T), milliseconds=spent)
            for state, T in zip(states, given.T_canonical_cloud, strict=True)
        ]

    def _rigid(self, points: np.ndarray, rays: np.ndarray) -> BodyStates:
        rotations, betas, transl = mean_body(self.body)
        coefficients = np.zeros(self.fit_body.coefficients)
        coefficients[: len(betas)] = betas
        if self.fit_body.has_child:
            coefficients[-1] = MEAN_CHILD
        state = BodyStates(rotations=rotations[None], transl=transl[None], coefficients=coefficients[None])
        frames = frames_of(state, self.fit_body.points)
        skin = posed_skin(self.fit_body, state, frames)
        pelvis = frames.joints[0, 0]
        T = aligned(skin.vertices[0], skin.normals[0], points, rays, pelvis).T
        # the rotation of the root acts about the pelvis
        turned = rotations.copy()
        turned[0] = T[:3, :3] @ rotations[0]
        return replace(state, rotations=turned[None], transl=(transl + transform(T, pelvis) - pelvis)[None])

    def _bent(self, state: BodyStates, term: SurfaceTerm) -> BodyStates:
        prior = prior_term(self.fit_body, self.config)
        for sigma in STAGES_M:
            stage = replace(
                term,
                group=np.where(term.group >= 0, ANY_PART, -1),
                sigma=np.full_like(term.sigma, sigma),
                reach_m=max(3 * sigma, self.config.reach_m),
            )
            linearise = partial(linearised, self.fit_body, (stage,), prior)
            state, _ = minimised(state, linearise, STEPS, self.config.greatest_turn)
        return state

    def _parameters(self, state: BodyStates, T_canonical_cloud: np.ndarray) -> BodyParameters:
        shapes = self.fit_body.shapes
        child = float(state.coefficients[0, -1]) if self.fit_body.has_child else 0.0
        return parameters_in_cloud(
            self.body, state.rotations[0], state.coefficients[0, :shapes], child, state.transl[0], T_canonical_cloud
        )
