"""A device's depth error as a function of distance, from boards at several distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from calibration.depth.board_depths import BoardDepths
from calibration.depth_correction import DepthCorrection
from calibration.errors import CalibrationError

MIN_BOARDS = 6
PRIOR_BIAS_M, PRIOR_SCALE = 0.011, 0.5e-3
"""Standard deviations before anything is measured: the vendor's typical systematic error of the Azure Kinect is below
11 mm + 0.1 % of the distance (hardware specification), taken as one and as two deviations."""
ROOM_BIAS_M, ROOM_SCALE = 0.25e-3, 0.6e-3
"""What light by way of the room's surfaces does to all boards of a device alike, as a bias and as a scale: on a virtual
ring of six, boards read 0.2 mm and 0.5 mm/m (root mean square) too little; without multipath 0.05 and 0.1."""
SCALE_SIGMA = 0.42e-3
"""A scale is told when its deviation is below this: the boards alone then know it to 0.5 mm/m."""
FLOOR_M = 0.3e-3
"""A board's mean is never trusted more than this: multipath and the waves of the modulation do not average out."""
KNOT_M = 0.5
SLOW_M = 2e-3
"""Spacing, and expected size, of the slow further error."""
MIN_PER_KNOT = 8
STRONG = 10.0
"""By how much a slow error must lower the Bayesian information criterion: very strong evidence (Kass and Raftery 1995).
Without it 18 boards of a virtual unit, whose only further error are waves of 0.4 mm, were given one of 1.3 mm."""
TUKEY = 4.685
"""Rejection point of Tukey's biweight: 95 % efficiency for normal errors."""
ROUNDS = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthEstimate:
    """The error of one depth camera."""

    correction: DepthCorrection
    boards: int
    """Boards that count."""
    left_out: int
    """Boards that contradicted the others."""
    range_m: tuple[float, float]
    """Nearest and farthest of them."""
    scatter_m: float
    """Standard deviation of the boards about the correction."""
    sigma_bias_m: float
    """Of the error at the mean distance of the boards."""
    sigma_scale: float
    ink_m: float
    """How much farther black ink reads than paper; NaN where it is not known."""
    radial_m: float
    """How much farther it reads at the image's edge (45° from the axis) than on the axis; NaN where not known."""
    notes: tuple[str, ...] = ()
    """What could not be told, in words."""


def fit_depth(boards: Sequence[BoardDepths], place_sigma_m: float = 0.0) -> DepthEstimate:
    """Bias, scale and, where the boards support it, a slow further error of the camera that saw them.

    place_sigma_m: how uncertain the camera's own place along its axis is, against the boards; it goes into the stated
    deviation. Raises CalibrationError for fewer than six boards.
    """
    if len(boards) < MIN_BOARDS:
        name = boards[0].camera if boards else "a depth camera"
        raise CalibrationError(
            f"{name}: its depth shows {len(boards)} usable board{'' if len(boards) == 1 else 's'}, at least "
            f"{MIN_BOARDS} needed; show the board to it nearer and less tilted"
        )
    z = np.array([board.z_m for board in boards])
    error = np.array([board.error_m for board in boards])
    middle = float(np.average(z))
    notes: list[str] = []
    straight = _Fit.of(_line(z, middle), error, np.array([PRIOR_BIAS_M, PRIOR_SCALE]), z - middle)
    scaled = straight.sigma[1] < SCALE_SIGMA
    if not scaled:
        straight = _Fit.of(_line(z, middle)[:, :1], error, np.array([PRIOR_BIAS_M]), z - middle)
        notes.append(
            f"scale not told: the boards stand between {z.min():.2f} and {z.max():.2f} m, "
            "which is too little variation; show them nearer and farther"
        )
    knots = _knots(z[straight.kept]) if scaled else np.zeros(0)
    fit, slow = straight, ()
    if len(knots):
        design = np.concatenate([_line(z, middle), _hats(z, knots)], 1)
        prior = np.array([PRIOR_BIAS_M, PRIOR_SCALE, *np.full(len(knots), SLOW_M)])
        curved = _Fit.of(design, error, prior, z - middle)
        if curved.bic < straight.bic - STRONG:
            fit, slow = curved, tuple(float(value) for value in curved.x[2:])
    bias_middle, scale = float(fit.x[0]), float(fit.x[1]) if scaled else 0.0
    sigma_bias = float(fit.deviation(_row(fit, middle, knots if slow else np.zeros(0))))
    return DepthEstimate(
        correction=DepthCorrection(
            bias_m=bias_middle - scale * middle,
            scale=scale,
            slow_z_m=tuple(float(k) for k in knots) if slow else (),
            slow_m=slow,
            sigma_m=float(np.hypot(sigma_bias, place_sigma_m)),
        ),
        boards=int(fit.kept.sum()),
        left_out=int((~fit.kept).sum()),
        range_m=(float(z[fit.kept].min()), float(z[fit.kept].max())),
        scatter_m=fit.scatter,
        sigma_bias_m=sigma_bias,
        sigma_scale=float(fit.sigma[1]) if scaled else float("nan"),
        ink_m=_mean_of([board.ink_m for board, kept in zip(boards, fit.kept) if kept]),
        radial_m=_radial(np.array([board.radius for board in boards]), fit),
        notes=tuple(notes),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fit:
    """A robust linear fit with a prior."""

    x: Float[np.ndarray, "numbers"]
    covariance: Float[np.ndarray, "numbers numbers"]
    left: Float[np.ndarray, "boards"]
    kept: Bool[np.ndarray, "boards"]
    scatter: float
    bic: float

    @classmethod
    def of(cls, design: np.ndarray, error: np.ndarray, prior: np.ndarray, away: np.ndarray) -> _Fit:
        """Tukey's biweight, starting from the median; the prior's mean is zero.

        The room's own bias and scale (`away`: distance from the middle) are solved for beside the device's, and
        dropped: what cannot be told apart is shared out by the deviations, and stays uncertain.
        """
        count, told = len(error), len(prior)
        design = np.column_stack([design, np.ones(count), away])
        prior = np.array([*prior, ROOM_BIAS_M, ROOM_SCALE])
        scatter = max(1.4826 * float(np.median(np.abs(error - np.median(error)))), FLOOR_M)
        weights = (np.abs(error - np.median(error)) < 6 * max(scatter, 1e-3)).astype(float)
        x, information = np.zeros(design.shape[1]), np.eye(design.shape[1])
        for _ in range(ROUNDS):
            information = design.T @ (weights[:, None] * design) / scatter**2 + np.diag(prior**-2.0)
            x = np.linalg.solve(information, design.T @ (weights * error) / scatter**2)
            left = error - design @ x
            scatter = max(1.4826 * float(np.median(np.abs(left[weights > 0]))), FLOOR_M)
            weights = np.clip(1 - (left / (TUKEY * scatter)) ** 2, 0, None) ** 2
        left = error - design @ x
        kept = np.abs(left) < TUKEY * scatter
        free = max(int(kept.sum()) - design.shape[1], 1)
        scatter = max(float(np.sqrt((left[kept] ** 2).sum() / free)), FLOOR_M)
        information = design[kept].T @ design[kept] / scatter**2 + np.diag(prior**-2.0)
        loss = np.minimum((left / scatter) ** 2, TUKEY**2).sum()
        bic = count * 2 * np.log(scatter) + loss + design.shape[1] * np.log(count)
        covariance = np.linalg.inv(information)[:told, :told]
        return cls(x=x[:told], covariance=covariance, left=left, kept=kept, scatter=scatter, bic=float(bic))

    @property
    def sigma(self) -> Float[np.ndarray, "numbers"]:
        return np.sqrt(np.diag(self.covariance))

    def deviation(self, row: Float[np.ndarray, "numbers"]) -> float:
        return float(np.sqrt(row @ self.covariance @ row))


def _line(z: np.ndarray, middle: float) -> Float[np.ndarray, "boards 2"]:
    return np.column_stack([np.ones(len(z)), z - middle])


def _hats(z: np.ndarray, knots: np.ndarray) -> Float[np.ndarray, "boards knots"]:
    """Piecewise linear functions that are 1 at one knot each, constant outside."""
    return np.stack([np.interp(z, knots, row) for row in np.eye(len(knots))], -1)


def _knots(z: np.ndarray) -> Float[np.ndarray, "knots"]:
    """Distances with enough boards around each; none where fewer than three are supported."""
    span = z.max() - z.min()
    count = int(min(span // KNOT_M + 1, len(z) // MIN_PER_KNOT))
    return np.linspace(z.min(), z.max(), count) if count >= 3 else np.zeros(0)


def _row(fit: _Fit, middle: float, knots: np.ndarray) -> np.ndarray:
    row = np.zeros(len(fit.x))
    row[0] = 1.0
    if len(knots):
        row[2:] = _hats(np.array([middle]), knots)[0]
    return row


def _mean_of(values: Sequence[float]) -> float:
    known = np.array([value for value in values if np.isfinite(value)])
    return float(np.median(known)) if len(known) >= MIN_BOARDS else float("nan")


def _radial(radius: np.ndarray, fit: _Fit) -> float:
    """Slope of what is left over the squared distance from the axis."""
    squared, left = radius[fit.kept] ** 2, fit.left[fit.kept]
    centred = squared - squared.mean()
    if len(left) < MIN_BOARDS or centred.std() < 0.01:
        return float("nan")
    return float(centred @ left / (centred @ centred))
