"""Fit an SMPL-format body to a whole clip: keypoints, then pixels, then the cloud's surface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from body.model import BodyModel
from geometry.camera import Camera
from geometry.cloud import PointCloud
from registration.body_track import BodyTrack
from registration.fit.config import FitConfig
from registration.fit.initial import initial_state
from registration.fit.keypoint_terms import KeypointPixels, Keypoints3D
from registration.fit.landmarks import Landmarks
from registration.fit.matching import Ring
from registration.fit.posing import PosedClip
from registration.fit.priors import PosePrior, SharedPrior, SmoothMotion
from registration.fit.report import report
from registration.fit.rest import RestBody
from registration.fit.solver import minimise
from registration.fit.state import FitState
from registration.fit.surface import CloudPoints, Surface
from registration.fit.system import NormalEquations
from registration.fit.term import Term

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipKeypoints:
    """Landmarks of one person over a clip, in the world and in the cameras' images."""

    names: Sequence[str]
    cameras: Sequence[Camera]
    p_world: Float[np.ndarray, "frames keypoints 3"]
    """Metres; NaN where not triangulated."""
    sigma: Float[np.ndarray, "frames keypoints"]
    """Metres."""
    q: Float[np.ndarray, "frames cameras keypoints 2"]
    """Pixels; NaN where not seen."""
    confidence: Float[np.ndarray, "frames cameras keypoints"]
    used: Bool[np.ndarray, "frames cameras keypoints"]
    """Whether the triangulation believed this view."""
    time_us: Int64[np.ndarray, "frames"]
    instants: Int64[np.ndarray, "frames"]

    def __len__(self) -> int:
        return len(self.p_world)

    def __getitem__(self, frames: slice | np.ndarray) -> ClipKeypoints:
        """Some of the frames."""
        return ClipKeypoints(
            names=self.names, cameras=self.cameras, p_world=self.p_world[frames], sigma=self.sigma[frames],
            q=self.q[frames], confidence=self.confidence[frames], used=self.used[frames],
            time_us=self.time_us[frames], instants=self.instants[frames],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """A fitted clip."""

    track: BodyTrack
    state: FitState
    landmarks: tuple[str, ...]
    """Names of the rows of `state.offsets`."""
    body: RestBody
    """The model with the unknowns of the shape."""
    system: NormalEquations
    """All terms, linearised at the state, without damping. Of a clip in pieces: without the links between them."""


def fit_clip(
    model: BodyModel,
    keypoints: ClipKeypoints,
    clouds: Sequence[PointCloud | None] | None = None,
    config: FitConfig | None = None,
    on_progress: Progress | None = None,
    depth_cameras: Sequence[Camera] = (),
) -> Fit:
    """The body of every frame: one shape, a pose for each frame, and what should not be trusted in its flags.

    clouds: one for each frame, None where there is none. depth_cameras: those that made the clouds, which say how much
    of the body could have points. Frames without data are interpolated by the motion prior and
    flagged. Raises RegistrationError when no frame shows a trunk or the shapes disagree.
    """
    config = config or FitConfig()
    fitter = _Fitter(model, keypoints, config)
    if len(keypoints) <= config.frames_at_once:
        state, system = fitter.fit(keypoints, clouds, None, on_progress)
    else:
        state, system = _in_pieces(fitter, keypoints, clouds, config, on_progress)
    track = report(model, fitter.landmarks, keypoints, state, clouds, fitter.rest, system, depth_cameras)
    return Fit(track=track, state=state, landmarks=fitter.landmarks.names, body=fitter.rest, system=system)


class _Fitter:
    """What stays the same for all pieces of a clip."""

    def __init__(self, model: BodyModel, keypoints: ClipKeypoints, config: FitConfig) -> None:
        self.model, self.config = model, config
        self.shapes = min(config.betas, model.shape_count)
        self.rest = RestBody.of(model, self.shapes)
        self.ring = Ring.of(self.rest.faces, len(self.rest.template))
        self.landmarks = Landmarks.of(model, keypoints.names, self.rest)
        self.step_s = float(np.median(np.diff(keypoints.time_us))) * 1e-6 if len(keypoints) > 1 else 1 / 30
        self.sigma_px = pixel_sigma(keypoints, config.detector_px)

    def fit(
        self,
        keypoints: ClipKeypoints,
        clouds: Sequence[PointCloud | None] | None,
        shared: FitState | None,
        on_progress: Progress | None,
        smooth: bool = True,
    ) -> tuple[FitState, NormalEquations]:
        """One piece and its equations; with `shared` its betas and offsets are kept."""
        config, landmarks = self.config, self.landmarks
        index = landmarks.index
        state = initial_state(
            self.model, landmarks.names, keypoints.p_world[:, index], self.shapes, config.beta_sigma
        )  # fmt: skip
        if shared is not None:
            state = FitState(rotations=state.rotations, transl=state.transl, betas=shared.betas, offsets=shared.offsets)
        points = Keypoints3D(
            p_world=np.asarray(keypoints.p_world[:, index], np.float64),
            sigma=np.asarray(keypoints.sigma[:, index], np.float64),
            landmarks=landmarks,
            kernel=config.keypoint_kernel,
        )
        pixels = KeypointPixels(
            cameras=keypoints.cameras,
            q=np.asarray(keypoints.q[:, :, index], np.float64),
            sigma_px=self.sigma_px[None, :, None] / np.sqrt(np.clip(keypoints.confidence[:, :, index], 0.1, 1)),
            used=keypoints.used[:, :, index],
            landmarks=landmarks,
            kernel=config.keypoint_kernel,
        )
        stages: list[tuple[KeypointPixels | Keypoints3D, float, int]] = [(points, 0.0, config.keypoint_iterations)]
        best = pixels if len(keypoints.cameras) else points
        if best is pixels:
            stages.append((pixels, 0.0, config.pixel_iterations))
        if clouds is not None and any(cloud is not None for cloud in clouds):
            few = config.surface_iterations // 3
            stages += [(best, 3.0, few), (best, 1.0, config.surface_iterations - few)]
        rng = np.random.default_rng(0)
        cloud = CloudPoints.of(clouds, config.surface_points, rng) if clouds is not None else None
        total, done = sum(count for *_, count in stages), 0
        system = NormalEquations.zeros(0, 0)
        for term, kernel, count in stages:
            terms: list[Term] = [term, *self._priors(len(state), smooth)]
            if cloud is not None and kernel:
                terms.append(self._surface(cloud, kernel))
            state, system = minimise(
                state,
                lambda s, terms=terms: self._evaluate(s, terms),
                count,
                config.tolerance,
                fixed_shared=shared is not None,
                on_iteration=None if on_progress is None else lambda n, d=done: on_progress(d + n, total),
            )
            done += count
        if on_progress is not None:
            on_progress(total, total)
        return state, system

    def _surface(self, cloud: CloudPoints, kernel: float) -> Surface:
        config = self.config
        return Surface(
            cloud=cloud,
            sigma_m=config.surface_sigma_m,
            independent=config.surface_independent,
            kernel_m=kernel * config.surface_kernel_m,
            clothes_weight=config.clothes_weight,
            ring=self.ring,
        )

    def _priors(self, frames: int, smooth: bool) -> list[Term]:
        config, landmarks = self.config, self.landmarks
        shapes = self.rest.coefficients
        terms: list[Term] = [
            PosePrior(scale=config.pose_scale),
            SharedPrior(
                mean=np.zeros(shapes),
                precision=np.eye(shapes) / config.beta_sigma**2,
                offset_m=landmarks.offset_m,
                offset_sigma_m=landmarks.offset_sigma_m,
                times=max(1.0, frames / config.independent_frames),
            ),
        ]
        if smooth:
            terms.append(
                SmoothMotion(
                    step_s=self.step_s,
                    joint_acceleration=config.joint_acceleration,
                    root_acceleration=config.root_acceleration,
                )
            )
        return terms

    def _evaluate(self, state: FitState, terms: Sequence[Term]) -> NormalEquations:
        system, body = NormalEquations.zeros(len(state), self.landmarks.shared), PosedClip(state, self.rest)
        for term in terms:
            term.add(system, body)
        return system


def pixel_sigma(keypoints: ClipKeypoints, least_px: float) -> Float[np.ndarray, "cameras"]:
    """Standard deviation of each camera's detections along an axis, from their distances to the triangulated points.

    The median length of a two-dimensional Gaussian is 1.18 standard deviations.
    """
    sigma = np.full(len(keypoints.cameras), least_px)
    for c, camera in enumerate(keypoints.cameras):
        distance = np.linalg.norm(keypoints.q[:, c] - camera.project(keypoints.p_world), axis=-1)
        known = distance[keypoints.used[:, c] & np.isfinite(distance)]
        if len(known):
            sigma[c] = max(least_px, float(np.median(known)) / 1.18)
    return sigma


def _in_pieces(
    fitter: _Fitter,
    keypoints: ClipKeypoints,
    clouds: Sequence[PointCloud | None] | None,
    config: FitConfig,
    on_progress: Progress | None,
) -> tuple[FitState, NormalEquations]:
    """A long clip: the shape from frames spread over it, then pieces that overlap, cut in the middle of the overlap."""
    T, piece = len(keypoints), config.frames_at_once
    spread = np.linspace(0, T - 1, min(piece, 100)).astype(int)
    some = None if clouds is None else [clouds[t] for t in spread]
    shared, _ = fitter.fit(keypoints[spread], some, None, None, smooth=False)
    systems = []
    overlap = min(20, piece // 4)
    starts = list(range(0, max(T - overlap, 1), piece - overlap))
    rotations = np.empty((T, *shared.rotations.shape[1:]))
    transl = np.empty((T, 3))
    for n, start in enumerate(starts):
        part = slice(start, min(start + piece, T))
        state, system = fitter.fit(keypoints[part], None if clouds is None else clouds[part], shared, None)
        kept = 0 if n == 0 else overlap // 2
        systems.append((start + kept, system.frames(slice(kept, None))))
        rotations[start + kept : part.stop], transl[start + kept : part.stop] = (
            state.rotations[kept:],
            state.transl[kept:],
        )
        if on_progress is not None:
            on_progress(n + 1, len(starts))
    state = FitState(rotations=rotations, transl=transl, betas=shared.betas, offsets=shared.offsets)
    ends = [start for start, _ in systems[1:]] + [T]
    return state, NormalEquations.joined([s.frames(slice(0, end - start)) for (start, s), end in zip(systems, ends)])
