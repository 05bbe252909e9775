"""From a scan's file to a person who stands upright in metres: unit, floor, noise and axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from body.model import BodyModel
from registration.errors import RegistrationError
from registration.shape.estimate import BETAS, ShapeEstimate, fit_shape
from registration.shape.prior import ShapePrior
from registration.shape.scan_cleaning import above_floor, floor_plane, person_of
from registration.shape.scan_files import RawScan, read_scan
from registration.shape.sources import StaticSource

Unit = Literal["m", "cm", "mm"]
METRES: Final[dict[str, float]] = {"m": 1.0, "cm": 0.01, "mm": 0.001}
LEAST_M, MOST_M = 1.2, 2.2
"""Heights that are believed without asking."""
POSSIBLE_M = (0.4, 2.8)
"""Heights that are believed of a unit that was given."""
ROOM_M = 6.0
"""Most of a scan with the floor around the person."""
SIGMA_M = 0.001
"""Of a scanner's points: hand-held structured light keeps within 0.5 mm, phones within 5; the body model's own error
is larger than most."""
UPS: Final[dict[str, tuple[float, float, float]]] = {
    "x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1), "-x": (-1, 0, 0), "-y": (0, -1, 0), "-z": (0, 0, -1),
}  # fmt: skip


def shape_of_scan(
    model: BodyModel,
    path: Path | str,
    betas: int = BETAS,
    unit: Unit | None = None,
    up: str | None = None,
    prior: ShapePrior | None = None,
) -> ShapeEstimate:
    """The shape of the person in a scan. unit: of the file; None asks when metres make no person. up: x, y, z, -x, -y
    or -z where it is known. Raises RegistrationError that says what is wrong with the scan and what to do."""
    source, direction, notes = clean_scan(read_scan(path), str(path), unit, up)
    estimate = fit_shape(model, [source], betas, prior, direction)
    return estimate if not notes else _with_notes(estimate, notes)


def clean_scan(
    scan: RawScan, name: str, unit: str | None = None, up: str | None = None
) -> tuple[StaticSource, Float[np.ndarray, "3"] | None, tuple[str, ...]]:
    """The person alone in metres, in the scan's axes; the direction up, where the floor or `up` tells it; and notes.

    Raises RegistrationError for an unknown unit or axis, a size that no person has, or two things.
    """
    if unit is not None and unit not in METRES:
        raise RegistrationError(f"the scan's unit {unit!r} is unknown; give one of {', '.join(METRES)}")
    if up is not None and up not in UPS:
        raise RegistrationError(f"the scan's up axis {up!r} is unknown; give one of {', '.join(UPS)}")
    direction = None if up is None else np.array(UPS[up], np.float64)
    size = float(np.ptp(scan.points, axis=0).max())
    if unit is None and not 0.5 < size < 10:
        raise RegistrationError(_asking(name, size, "large" if direction is None else "high"))
    metres = METRES[unit or "m"]
    if size * metres > ROOM_M:
        raise RegistrationError(_impossible(name, unit, size * metres))
    points, normals = scan.points * metres, scan.normals
    notes = list(scan.notes)
    plane = floor_plane(points, normals)
    if plane is not None:
        above = above_floor(points, plane)
        points, normals = points[above], normals[above]
        direction = plane.up if direction is None else direction
        notes.append(f"a floor with {100 * (1 - above.mean()):.0f} % of the points was cut away")
    kept, lost = person_of(points)
    points, normals = points[kept], normals[kept]
    notes += lost
    longest = float(np.ptp(points, axis=0).max() if direction is None else np.ptp(points @ direction))
    if unit is None and not LEAST_M <= longest <= MOST_M:
        raise RegistrationError(_asking(name, longest, "high"))
    if not POSSIBLE_M[0] <= longest <= POSSIBLE_M[1]:
        raise RegistrationError(_impossible(name, unit, longest))
    source = StaticSource(
        name=name,
        points=points,
        normals=normals,
        sigma=np.full(len(points), SIGMA_M),
        oriented=scan.oriented,
        floor_m=None if plane is None else plane.height,
    )
    return source, direction, tuple(notes)


def _impossible(name: str, unit: str | None, size_m: float) -> str:
    return f"{name}: with the unit {unit or 'm'} this scan is {size_m:.3g} m high; give another unit, or check the scan"


def _asking(name: str, size: float, how: str) -> str:
    likely = [unit for unit, metres in METRES.items() if LEAST_M <= size * metres <= MOST_M]
    # a person of another size, in the unit that makes most sense
    fitting = likely or [unit for unit, metres in METRES.items() if POSSIBLE_M[0] <= size * metres <= POSSIBLE_M[1]]
    advice = f"--scan-unit {fitting[0]}" if fitting else "--scan-unit m, cm or mm"
    return f"{name}: this scan is {size:.4g} {how}, which is no person in metres; give {advice}"


def _with_notes(estimate: ShapeEstimate, notes: Sequence[str]) -> ShapeEstimate:
    return replace(estimate, notes=(*estimate.notes, *notes))
