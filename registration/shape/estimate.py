"""A person's shape from still looks at them: coefficients with their covariance, height, and whether to trust them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from body.joints import JOINT_INDEX
from body.model import BodyModel
from registration.errors import RegistrationError
from registration.fit.parts import PART_NAMES, part_of_vertex
from registration.shape.height import height_gradient, standing_height
from registration.shape.margins import REGIONS
from registration.shape.prior import ShapePrior, population
from registration.shape.sources import StaticSource
from registration.shape.static_fit import FINE, ROUGH, StaticFit, first_state, fit_static
from registration.shape.upright import ARMS_DEG, Standing, pose_of, standings

BETAS = 10
COVERED_M = 0.03
"""A vertex with a point of the scan this near, and facing the same way, is covered."""
MISSING_SHARE = 0.2
"""A part with less of its skin covered is missing."""
DOUBTFUL_MM, HOPELESS_MM = 15.0, 35.0
"""Median distance between scan and body, for half of the points are on skin or tight cloth. 2 to 5 mm on people in
any clothes; a chair is 60 mm away from its best body."""
LOST_SHARE, LOST_MM = 0.6, 25.0
"""An arm with less of its skin covered, or whose points are further away, was lost by the first look."""
IMPROBABLE, IMPOSSIBLE = 3.6, 5.0
"""Largest of the shape's coefficients in deviations of people in general. The bank's people reach 3.3; the upper half
of a person, and one cut off below the knees, taken for a whole one, 5.6 and 5.5."""
SIGMA_INFLATION = 1.7
"""Of the coefficients' standard deviations: the model's own error is the same in neighbouring points. Errors of two
A-pose takes and two scans of the validation split, against the bank's nearest coefficients, were 1.3 to 2.9 of the
deviations that the equations give (ten and sixteen betas), 1.6 in the median and 1.9 in the mean."""
HAND_TWISTS_DEG = (0.0, -40.0, 40.0)
"""Of the forearms, about their own axis, from which hands are fitted again."""
FACING_MARGIN = 1.02
"""Energies of a person seen from the front and from behind nearer than this ratio leave the facing open."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShapeEstimate:
    """The shape of one person."""

    betas: Float[np.ndarray, "betas"]
    child: float
    """0 for a body model without a child axis."""
    covariance: Float[np.ndarray, "coefficients coefficients"]
    """Of the betas, then of the child factor where the model has one."""
    height_m: float
    """Sole to crown, without hair and shoes."""
    height_sigma_m: float
    residual_mm: dict[str, float]
    """Median distance of the points from the skin, part by part; NaN for a part without points. Clothes count."""
    coverage: dict[str, float]
    """Share of each part's vertices that have a point near them."""
    margin_mm: dict[str, float]
    """Mean thickness of what lies over the skin, region by region."""
    sources: tuple[str, ...]
    """What was looked at."""
    warnings: tuple[str, ...] = ()
    """Why the shape should not be trusted."""
    notes: tuple[str, ...] = ()
    """What was mended or left out on the way."""
    fit: StaticFit | None = None
    """The bodies in front of the sources; None for an estimate that was read from a file."""

    @property
    def betas_sigma(self) -> Float[np.ndarray, "betas"]:
        """Standard deviation of each beta."""
        return np.sqrt(np.diag(self.covariance))[: len(self.betas)]

    @property
    def verdict(self) -> str:
        """`good`, or `doubtful` where a warning says why."""
        return "doubtful" if self.warnings else "good"

    @property
    def prior(self) -> ShapePrior:
        """What a fit of the same person in motion knows beforehand."""
        mean = np.append(self.betas, self.child)[: len(self.covariance)]
        return ShapePrior(mean=mean, precision=np.linalg.inv(self.covariance))


def fit_shape(
    model: BodyModel,
    sources: Sequence[StaticSource],
    betas: int = BETAS,
    prior: ShapePrior | None = None,
    up: Float[np.ndarray, "3"] | None = None,
) -> ShapeEstimate:
    """One shape for all sources, a pose for each; those without a first guess of their pose are searched for one.

    prior: of the coefficients; None for people in general. up: of the sources without a guess, None where unknown.
    Raises RegistrationError when there is no source, half of the body is missing, or what was scanned is no person.
    """
    if not sources:
        raise RegistrationError("a shape needs at least one scan or one instant of a person standing still")
    betas = min(betas, model.shape_count)
    prior = population(model, betas) if prior is None else prior
    warnings: list[str] = []
    placed: list[StaticSource] = []
    for source in sources:
        if source.rotations is not None:
            placed.append(source)
            continue
        found, note = _placed(model, source, betas, prior, up)
        placed.append(found)
        warnings += note
    state = first_state(model, betas, placed)
    fit = _hands_turned(model, fit_static(model, placed, state, prior, (ROUGH[-1], *FINE)), placed, prior)
    return estimate_of(model, placed, fit, warnings, prior)


def _placed(
    model: BodyModel, source: StaticSource, betas: int, prior: ShapePrior, up: Float[np.ndarray, "3"] | None
) -> tuple[StaticSource, list[str]]:
    """The source upright with a pose: of both facings, the one of less energy."""
    fits = []
    for way in standings(model, source.points, betas, up):
        turned = stood(source, way)
        fits.append((fit_static(model, [turned], first_state(model, betas, [turned]), prior, ROUGH), turned))
    fits.sort(key=lambda one: one[0].cost)
    best, turned = fits[0]
    best = _arms_found(model, best, turned, prior)
    guess = replace(turned, rotations=best.state.rotations[0], transl=best.state.transl[0])
    # costs are negative logarithms without constants: compare how far each is from the worst imaginable
    gain = [one.surface.worst_cost - one.cost for one, _ in fits]
    if gain[0] < FACING_MARGIN * gain[1]:
        return guess, [f"{source.name}: front and back of the person look the same; the shape may be turned round"]
    return guess, []


def _arms_found(model: BodyModel, fit: StaticFit, source: StaticSource, prior: ShapePrior) -> StaticFit:
    """The fit with arms that lost their points put back: of all elevations of the grid, the one of least energy."""
    for side in ("left", "right"):
        residual, coverage = _agreement(model, [source], fit)
        lost = [
            part
            for part in (f"{side}_arm", f"{side}_hand")
            if coverage[part] < LOST_SHARE or (len(residual[part]) and np.median(residual[part]) > LOST_MM)
        ]
        if not lost:
            continue
        chain = [JOINT_INDEX[f"{side}_{joint}"] for joint in ("collar", "shoulder", "elbow", "wrist", "hand")]
        for arms in ARMS_DEG:
            rotations = fit.state.rotations.copy()
            rotations[0, chain] = pose_of(arms, 0.0)[chain]
            tried = fit_static(model, [source], replace(fit.state, rotations=rotations), prior, ROUGH)
            if tried.cost < fit.cost:
                fit = tried
    return fit


def _hands_turned(model: BodyModel, fit: StaticFit, sources: Sequence[StaticSource], prior: ShapePrior) -> StaticFit:
    """The fit, or one from straight wrists and turned forearms if that has less energy: hands have false minima."""
    ends = [JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("wrist", "hand")]
    elbows = [JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"]]
    for twist in HAND_TWISTS_DEG:
        rotations = fit.state.rotations.copy()
        rotations[:, ends] = np.eye(3)
        rotations[:, elbows] = rotations[:, elbows] @ Rotation.from_euler("x", twist, degrees=True).as_matrix()
        start = replace(fit.state, rotations=rotations)
        tried = fit_static(model, sources, start, prior, FINE[::2], fit.surface.scale)
        if tried.cost < fit.cost:
            fit = tried
    return fit


def stood(source: StaticSource, way: Standing) -> StaticSource:
    """The source turned upright, with the first guess that goes with it."""
    R = way.R_world_scan
    return replace(
        source,
        points=source.points @ R.T,
        normals=source.normals @ R.T,
        rotations=way.rotations,
        transl=way.transl,
        R_world_scan=R,
    )


def estimate_of(
    model: BodyModel, sources: Sequence[StaticSource], fit: StaticFit, warnings: list[str], prior: ShapePrior
) -> ShapeEstimate:
    """What a fit says of the person, judged. Raises RegistrationError where it is no whole person."""
    state = fit.state
    residual, coverage = _agreement(model, sources, fit)
    overall = float(np.median(np.concatenate([values for values in residual.values()])))
    what = ", ".join(source.name for source in sources)
    if overall > HOPELESS_MM:
        raise RegistrationError(
            f"{what}: the nearest body is {overall:.0f} mm away from the points; check that it shows one whole person "
            "standing in an A- or T-pose, its unit and its up axis"
        )
    missing = [part for part in PART_NAMES if coverage[part] < MISSING_SHARE]
    halves = [("head",), ("trunk",), ("left_leg", "right_leg"), ("left_arm", "right_arm")]
    for half in halves:
        if set(half) <= set(missing):
            raise RegistrationError(
                f"{what}: half a body, nothing was seen of {' and '.join(half)}; scan the whole person"
            )
    strange = float(np.abs(np.sqrt(np.diag(prior.precision)) * (fit.state.coefficients - prior.mean)).max())
    if strange > IMPOSSIBLE:
        raise RegistrationError(
            f"{what}: only a body {strange:.0f} deviations from any person's would fit; check that the whole person is "
            "there, its unit and its up axis"
        )
    if strange > IMPROBABLE:
        warnings = [*warnings, f"{what}: the shape is {strange:.1f} deviations from people in general"]
    far = {part: float(np.median(r)) for part, r in residual.items() if len(r) and np.median(r) > LOST_MM}
    if far:
        told = ", ".join(f"{part} {mm:.0f} mm" for part, mm in far.items())
        warnings = [*warnings, f"{what}: points far from the body: {told}"]
    if missing:
        warnings = [*warnings, f"{what}: hardly anything was seen of {', '.join(missing)}"]
    if overall > DOUBTFUL_MM:
        warnings = [*warnings, f"{what}: the body is {overall:.0f} mm away from the points in the median"]
    covariance = shape_covariance(fit)
    gradient = height_gradient(model, state.betas, state.child, len(covariance))
    return ShapeEstimate(
        betas=state.betas,
        child=state.child,
        covariance=covariance,
        height_m=standing_height(model, state.betas, state.child),
        height_sigma_m=float(np.sqrt(gradient @ covariance @ gradient)),
        residual_mm={part: float(np.median(r)) if len(r) else float("nan") for part, r in residual.items()},
        coverage=coverage,
        margin_mm={name: 1000 * float(scale) for name, scale in zip(REGIONS, fit.surface.scale)},
        sources=tuple(source.name for source in sources),
        warnings=tuple(warnings),
        fit=fit,
    )


def shape_covariance(fit: StaticFit) -> Float[np.ndarray, "coefficients coefficients"]:
    """Of the coefficients, the poses marginalised: the inverse of the Schur complement of the equations."""
    system = fit.system
    inner = system.A_shared.copy()
    for A, border in zip(system.A, system.A_border):
        inner -= border.T @ np.linalg.solve(A + 1e-9 * np.eye(len(A)), border)
    return SIGMA_INFLATION**2 * np.linalg.inv((inner + inner.T) / 2)


def _agreement(
    model: BodyModel, sources: Sequence[StaticSource], fit: StaticFit
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Distances in mm of the points by part, and the share of each part's vertices that are covered in any source."""
    part = part_of_vertex(model)
    posed = fit.posed
    covered = np.zeros(model.vertex_count, bool)
    distances, parts = [], []
    for frame, source in enumerate(sources):
        vertices, normals = posed.vertices[frame], posed.normals[frame]
        distance, near = KDTree(source.points).query(vertices, distance_upper_bound=COVERED_M)
        found = np.isfinite(distance)
        cosine = (source.normals[np.where(found, near, 0)] * normals).sum(1)
        covered |= found & ((cosine if source.oriented else np.abs(cosine)) > 0.3)
        some = source.points[:: max(1, len(source.points) // 5000)]
        _, vertex = KDTree(vertices).query(some)
        distances.append(1000 * np.abs(((some - vertices[vertex]) * normals[vertex]).sum(1)))
        parts.append(part[vertex])
    distance, of = np.concatenate(distances), np.concatenate(parts)
    residual = {name: distance[of == k] for k, name in enumerate(PART_NAMES)}
    return residual, {name: float(covered[part == k].mean()) for k, name in enumerate(PART_NAMES)}
