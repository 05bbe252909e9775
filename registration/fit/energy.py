"""The energy of a fit: which terms it has for a piece of a clip, and their equations at a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from body.model import BodyModel
from geometry.cloud import PointCloud
from registration.errors import RegistrationError
from registration.fit.clip_keypoints import ClipKeypoints, pixel_sigma
from registration.fit.config import FitConfig
from registration.fit.keypoint_terms import KeypointPixels, Keypoints3D, RayDepth
from registration.fit.landmarks import Landmarks
from registration.fit.matching import Ring
from registration.fit.posing import PosedClip
from registration.fit.priors import SharedPrior, SmoothMotion
from registration.fit.rest import RestBody
from registration.fit.starts import BodyStart, StartTerm
from registration.fit.state import FitState
from registration.fit.surface import CloudPoints, Surface
from registration.fit.system import NormalEquations
from registration.fit.term import Term
from registration.fit.terms.clothing import ENDS_GAP_M, MODEL_GAP_M, Clothing
from registration.fit.terms.floor import Floor, Soles, standing
from registration.fit.terms.joint_limits import LimitTerm
from registration.fit.terms.margin_prior import MarginPrior, default_margin_priors
from registration.fit.terms.pose_prior import PosePrior
from registration.fit.terms.self_penetration import Balls, SelfPenetration
from registration.fit.terms.silhouettes import Outline, Silhouettes
from registration.fit.terms.smoothness import OwnSmoothness, own_spread

TERM_NAMES = ("keypoints", "surface", "clothes", "pose", "limits", "smooth", "floor", "apart", "silhouettes", "start")
"""Terms that `FitConfig.terms` can weight or leave out; the prior of shape and offsets always stays. Without `clothes`
every point is taken for skin. `silhouettes` is there only where it has a weight: `Energy.silhouettes`. `start` is there
only for frames whose body was found in their points: `Energy.started`."""


@runtime_checkable
class ShapeBelief(Protocol):
    """A Gaussian over the shape's coefficients: betas, then the child factor where it is an unknown."""

    @property
    def mean(self) -> np.ndarray:
        """(coefficients,)"""
        ...

    @property
    def precision(self) -> np.ndarray:
        """(coefficients, coefficients) inverse covariance."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _People:
    mean: np.ndarray
    precision: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Piece:
    """What was measured in the frames that are fitted together."""

    keypoints: ClipKeypoints
    cloud: CloudPoints | None
    smooth: bool = True
    """Whether the frames follow one another."""
    clouds: Sequence[PointCloud | None] | None = None
    """Whole, for the choice of points once it is known roughly where the body is."""
    outlines: Sequence[Outline] = ()
    """Of the person's masks; their frames count from the piece's first."""
    start: BodyStart | None = None
    """Bodies for frames without a trunk in their keypoints."""

    def __len__(self) -> int:
        return len(self.keypoints)


class Energy:
    """What stays the same for all pieces of a clip."""

    def __init__(
        self, model: BodyModel, keypoints: ClipKeypoints, config: FitConfig, shape: ShapeBelief | None = None
    ) -> None:
        """keypoints: of the whole clip. shape: what is known of the person; None: what is known of people.

        Raises RegistrationError for a shape with other coefficients than the fit has, and for unknown terms.
        """
        self.model, self.config = model, config
        self.betas = min(config.betas, model.shape_count)
        fit_child = config.fit_child and model.child_direction is not None
        self.shape = _people(self.betas, fit_child, config) if shape is None else shape
        extra = len(self.shape.mean) - self.betas
        if extra not in (0, 1) or (extra and model.child_direction is None):
            raise RegistrationError(
                f"the given shape has {len(self.shape.mean)} coefficients, the fit {self.betas} betas"
                f"{' and a child factor' if fit_child else ''}; estimate it with the same body and --option betas"
            )
        unknown = set(config.terms) - set(TERM_NAMES)
        if unknown:
            raise RegistrationError(f"there is no term {sorted(unknown)[0]!r}; the terms are {', '.join(TERM_NAMES)}")
        self.fits_child = extra == 1
        self.rest = RestBody.of(model, self.betas, fit_child=self.fits_child)
        self.ring = Ring.of(self.rest.faces, len(self.rest.template))
        self.landmarks = Landmarks.of(model, keypoints.names, self.rest)
        self.step_s = float(np.median(np.diff(keypoints.time_us))) * 1e-6 if len(keypoints) > 1 else 1 / 30
        self.sigma_px = pixel_sigma(keypoints, config.detector_px)
        self.clothes: MarginPrior | None = None
        """What the person wears, once it is known."""
        self._soles, self._balls = Soles.of(model), Balls.of(model)

    def kinds_of_clothes(self) -> tuple[MarginPrior | None, ...]:
        """What the person may wear: one kind when it is known or given, None for points taken as skin."""
        if self.clothes is not None:
            return (self.clothes,)
        if not self.config.terms.get("clothes", 1.0):
            return (None,)
        priors = default_margin_priors()
        return priors.kinds if self.config.clothes == "auto" else (priors.kind(self.config.clothes),)

    def points(self, piece: Piece) -> Keypoints3D:
        """Distances to triangulated landmarks."""
        index = self.landmarks.index
        return Keypoints3D(
            p_world=np.asarray(piece.keypoints.p_world[:, index], np.float64),
            sigma=np.asarray(piece.keypoints.sigma[:, index], np.float64),
            landmarks=self.landmarks,
            kernel=self.config.keypoint_kernel,
        )

    def pixels(self, piece: Piece) -> KeypointPixels:
        """Distances to detections in the images."""
        index, keypoints = self.landmarks.index, piece.keypoints
        return KeypointPixels(
            cameras=keypoints.cameras,
            q=np.asarray(keypoints.q[:, :, index], np.float64),
            sigma_px=self.sigma_px[None, :, None] / np.sqrt(np.clip(keypoints.confidence[:, :, index], 0.1, 1)),
            used=keypoints.used[:, :, index],
            landmarks=self.landmarks,
            kernel=self.config.keypoint_kernel,
            depth=RayDepth.of(keypoints, index),
        )

    def surface(self, cloud: CloudPoints, kernel: float, clothes: MarginPrior | None = None) -> Surface:
        """Distances of the cloud's points, with this many kernels' reach; None: skin, or cloth taken for it."""
        config, frames = self.config, len(cloud.weight)
        clothing = None
        if clothes is not None:
            said = max(1.0, frames / config.independent_frames) / max(frames, 1)
            margins = default_margin_priors()
            clothing = Clothing(
                prior=clothes,
                patch=margins.patches(self.model),
                said=said,
                gap_m=np.where(margins.ends, ENDS_GAP_M, MODEL_GAP_M),
                reach_m=kernel * config.surface_kernel_m,
            )
        return Surface(
            cloud=cloud,
            sigma_m=config.surface_sigma_m,
            independent=config.surface_independent,
            kernel_m=kernel * config.surface_kernel_m,
            clothes_weight=config.clothes_weight,
            ring=self.ring,
            threads=config.workers,
            clothing=clothing,
        )

    def silhouettes(self, piece: Piece) -> dict[str, Term]:
        """Rims of the body on the rims of its masks, where the piece has outlines and the term a weight."""
        if not piece.outlines or not self.config.terms.get("silhouettes", 0.0):
            return {}
        return {"silhouettes": Silhouettes(outlines=piece.outlines)}

    def started(self, piece: Piece) -> dict[str, Term]:
        """What was found of frames whose keypoints do not show a trunk, where anything was."""
        return {} if piece.start is None else {"start": StartTerm(start=piece.start)}

    def shared_prior(self, frames: int) -> SharedPrior:
        """What is known of shape and landmark offsets, said as often as the frames are independent."""
        landmarks = self.landmarks
        return SharedPrior(
            mean=self.shape.mean,
            precision=self.shape.precision,
            offset_m=landmarks.offset_m,
            offset_sigma_m=landmarks.offset_sigma_m,
            times=max(1.0, frames / self.config.independent_frames),
        )

    def priors(self, piece: Piece) -> dict[str, Term]:
        """What is believed whatever was measured, by name."""
        config = self.config
        terms: dict[str, Term] = {"pose": PosePrior(scale=config.pose_scale), "limits": LimitTerm()}
        if piece.smooth:
            terms["smooth"] = SmoothMotion(
                step_s=self.step_s,
                joint_acceleration=config.joint_acceleration,
                root_acceleration=config.root_acceleration,
            )
        return terms

    def late_priors(self, piece: Piece, state: FitState) -> dict[str, Term]:
        """The same once the surface is nearly fitted: smooth as this motion is, on the floor, limbs beside the body."""
        terms = {**self.priors(piece), "apart": SelfPenetration(balls=self._balls)}
        if piece.smooth:
            body = PosedClip(state, self.rest)
            terms["smooth"] = OwnSmoothness(sigma=own_spread(state, self.step_s))
            terms["floor"] = Floor(soles=self._soles, stands=standing(body, self._soles, self.step_s))
        return terms

    def equations(self, state: FitState, terms: Mapping[str, Term]) -> NormalEquations:
        """The sum of the terms, each with its weight, and of the shared prior at one state."""
        body = PosedClip(state, self.rest)
        system = NormalEquations.zeros(len(state), self.landmarks.shared)
        self.shared_prior(len(state)).add(system, body)
        for name, term in terms.items():
            weight = self.config.terms.get(name, 1.0)
            if weight == 1.0:
                term.add(system, body)
            elif weight:
                alone = NormalEquations.zeros(len(state), self.landmarks.shared)
                term.add(alone, body)
                system.add_weighted(alone, weight)
        return system


def _people(betas: int, fit_child: bool, config: FitConfig) -> ShapeBelief:
    sigma = np.append(np.full(betas, config.beta_sigma), [config.child_sigma] if fit_child else [])
    return _People(mean=np.zeros(len(sigma)), precision=np.diag(1 / sigma**2))
