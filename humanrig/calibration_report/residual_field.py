"""What a camera's residuals have in common at one place of its image: a lens that is not quite right shows here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

COLUMNS = 16
"""Cells along the longer side; 80 px at 720p, a square of a board at 2 m."""
LEAST = 4
"""Corners in a cell whose mean says something."""
LEAST_VIEWS = 3
"""Views in a cell whose scatter tells chance from what is systematic: corners of one view share their errors."""
OUTLIER_WEIGHT = 0.3
"""Corners that the robust loss left less of are drawn one by one."""
OUTLIERS_SHOWN = 150


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ResidualField:
    """Residuals of one camera, by cells of its image."""

    camera: str
    width: int
    height: int
    cell_px: float
    mean: Float[np.ndarray, "rows columns 2"]
    """Found less predicted, weighted as the solve weighted them, pixels; NaN where there are too few."""
    rms: Float[np.ndarray, "rows columns"]
    """Along an axis, pixels; NaN likewise."""
    count: Int[np.ndarray, "rows columns"]
    rms_px: float
    """Of all corners, along an axis."""
    systematic_px: float
    """Root mean square of the cells' means, beyond what the scatter of the views in them makes of chance; along an
    axis. NaN where no cell has enough views."""
    outliers: Float[np.ndarray, "outliers 2"]
    """Where corners were set aside."""


def residual_field(
    camera: str,
    size: tuple[int, int],
    q: Sequence[Float[np.ndarray, "_ 2"]],
    residuals: Sequence[Float[np.ndarray, "_ 2"]],
    weights: Sequence[Float[np.ndarray, "_"]],
) -> ResidualField:
    """The field of one camera from its views' found corners, residuals and robust weights."""
    width, height = size
    cell = max(width, height) / COLUMNS
    rows, columns = max(1, int(np.ceil(height / cell))), max(1, int(np.ceil(width / cell)))
    at = np.concatenate([np.empty((0, 2)), *q])
    r = np.concatenate([np.empty((0, 2)), *residuals])
    w = np.concatenate([np.empty(0), *weights])
    column, row = (np.clip(at[:, i] // cell, 0, n - 1).astype(int) for i, n in ((0, columns), (1, rows)))
    index = row * columns + column

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(index, values, rows * columns).reshape(rows, columns)

    total, count = summed(w), np.bincount(index, minlength=rows * columns).reshape(rows, columns)
    enough = (count >= LEAST) & (total > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.stack([summed(w * r[:, i]) / total for i in (0, 1)], -1)
        rms = np.sqrt(summed(w * (r**2).sum(-1)) / total / 2)
    mean[~enough], rms[~enough] = np.nan, np.nan
    view = np.repeat(np.arange(len(q)), [len(one) for one in q])
    aside = np.flatnonzero(w < OUTLIER_WEIGHT)
    return ResidualField(
        camera=camera,
        width=width,
        height=height,
        cell_px=float(cell),
        mean=mean,
        rms=rms,
        count=count,
        rms_px=float(np.sqrt((w * (r**2).sum(-1)).sum() / (2 * w.sum()))) if w.sum() > 0 else float("nan"),
        systematic_px=_systematic(index, view, r, w),
        outliers=at[aside[:OUTLIERS_SHOWN]],
    )


def _systematic(
    cell: Int[np.ndarray, "corners"],
    view: Int[np.ndarray, "corners"],
    r: Float[np.ndarray, "corners 2"],
    w: Float[np.ndarray, "corners"],
) -> float:
    """From the mean of each view in each cell: what the views of a cell agree on, squared and less its variance."""
    if not len(cell):
        return float("nan")
    both, of = np.unique(np.stack([cell, view], -1), axis=0, return_inverse=True)
    weight = np.bincount(of.ravel(), w)
    both, means = both[weight > 0], [np.bincount(of.ravel(), w * r[:, i])[weight > 0] for i in (0, 1)]
    weight = weight[weight > 0]
    beyond = []
    for one in np.unique(both[:, 0]):
        here = both[:, 0] == one
        if (views := int(here.sum())) < LEAST_VIEWS:
            continue
        part = weight[here] / weight[here].sum()
        m = np.stack([sums[here] / weight[here] for sums in means], -1)
        middle = part @ m
        variance = (part**2) @ (m - middle) ** 2 * views / (views - 1)
        beyond.append((middle**2 - variance).sum() / 2)
    return float(np.sqrt(max(np.mean(beyond), 0.0))) if beyond else float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldScale:
    """What all fields of a rig are drawn with, so that they compare."""

    arrows: int
    """How many times longer than in the image an arrow is, for an image 1280 wide."""
    full_px: float
    """The rms that has the darkest colour."""


def field_scale(fields: Sequence[ResidualField]) -> FieldScale:
    """The 95th percentile of the means fills a cell, that of the rms is darkest."""
    means = np.concatenate([np.empty(0), *(np.linalg.norm(f.mean, axis=-1).ravel() for f in fields)])
    rms = np.concatenate([np.empty(0), *(f.rms.ravel() for f in fields)])
    means, rms = means[np.isfinite(means)], rms[np.isfinite(rms)]
    largest = float(np.percentile(means, 95)) if len(means) else 0.0
    wanted = 0.9 * 1280 / COLUMNS / max(largest, 1e-3)
    power = 10 ** int(np.floor(np.log10(max(wanted, 1.0))))
    arrows = int(power * max(digit for digit in (1, 2, 5) if digit * power <= max(wanted, 1.0)))
    return FieldScale(arrows=arrows, full_px=max(float(np.percentile(rms, 95)) if len(rms) else 0.0, 1e-3))


def field_svg(field: ResidualField, scale: FieldScale) -> str:
    """The field as a picture: cells by rms, arrows along the mean residual, crosses where corners were set aside."""
    unit = max(field.width, field.height) / 1280
    parts = [
        f'<svg viewBox="0 0 {field.width} {field.height}" role="img" aria-label="residuals of {_plain(field.camera)}">',
        f'<rect width="{field.width}" height="{field.height}" fill="#f4f4f4"/>',
    ]
    rows, columns = field.rms.shape
    cell = field.cell_px
    for row in range(rows):
        for column in range(columns):
            rms = field.rms[row, column]
            if not np.isfinite(rms):
                continue
            x, y = column * cell, row * cell
            mx, my = field.mean[row, column]
            parts.append(
                f'<rect x="{x:.0f}" y="{y:.0f}" width="{cell - 2 * unit:.1f}" height="{cell - 2 * unit:.1f}" '
                f'fill="{_shade(rms / scale.full_px)}"><title>{field.count[row, column]} corners, rms {rms:.3f} px, '
                f"mean ({mx:+.3f}, {my:+.3f}) px</title></rect>"
            )
    for row, column in np.argwhere(np.isfinite(field.rms)):
        x, y = (column + 0.5) * cell, (row + 0.5) * cell
        dx, dy = field.mean[row, column] * scale.arrows * unit
        parts.append(
            f'<path d="M{x:.1f} {y:.1f}l{dx:.1f} {dy:.1f}" stroke="#111" stroke-width="{5 * unit:.1f}"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{6 * unit:.1f}" fill="#111"/>'
        )
    for x, y in field.outliers:
        a = 9 * unit
        parts.append(
            f'<path d="M{x - a:.0f} {y - a:.0f}l{2 * a:.0f} {2 * a:.0f}m0 {-2 * a:.0f}l{-2 * a:.0f} {2 * a:.0f}" '
            f'stroke="#b00020" stroke-width="{4 * unit:.1f}"/>'
        )
    return "".join([*parts, "</svg>"])


def _shade(part: float) -> str:
    """From nearly white to blue."""
    light, dark = np.array([226, 236, 246]), np.array([66, 133, 196])
    r, g, b = (light + min(max(part, 0.0), 1.0) * (dark - light)).astype(int)
    return f"rgb({r},{g},{b})"


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum() or letter in "/_-. ")
