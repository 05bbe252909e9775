"""What is wrong with a cloud before anyone looks for a body in it: too few points, another unit, a whole room."""

from __future__ import annotations

from typing import Final

import numpy as np

from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud

LEAST_POINTS: Final = 50
"""Fewer say nothing of a body. A person at 10 m has some 1,000 in a RealSense, and 64 where nine tenths are hidden."""
MOST_M: Final = 1.3
"""Largest median distance of points from their middle. A person's is 0.25 to 0.6 m, a star jump's 0.7 m."""
LEAST_M: Final = 0.02
"""Smallest: less than a hand's."""
UNITS: Final = {"mm": 0.001, "cm": 0.01, "m": 1.0}
"""Metres in each unit a cloud may be given in."""
NEAREST_M: Final = 0.2
"""No depth camera of ours measures nearer."""
LEVEL_UP: Final = 0.1
"""Least length of a vector that can say where up is."""


def check_cloud(cloud: PersonCloud) -> None:
    """Raises HpsError for a cloud that cannot be one person's in metres, with what is wrong and what to do."""
    count = len(cloud)
    if not count:
        raise HpsError("the cloud has no points; check the mask or the file that it was made of")
    points = np.asarray(cloud.points, np.float64)
    if broken := int((~np.isfinite(points)).any(1).sum()):
        raise HpsError(f"{broken} of the cloud's {count} points are not finite (NaN or infinite); leave them out")
    if count < LEAST_POINTS:
        raise HpsError(
            f"the cloud has {count} points, at least {LEAST_POINTS} are needed to tell a body; move the camera nearer, "
            "or check the mask"
        )
    _check_spread(points)
    if cloud.up is not None and not np.linalg.norm(cloud.up) > LEVEL_UP:
        raise HpsError(f"up is {tuple(np.round(cloud.up, 3).tolist())}, which points nowhere; give a unit vector")
    _check_camera(cloud, points)


def _check_spread(points: np.ndarray) -> None:
    spread = float(np.median(np.linalg.norm(points - np.median(points, axis=0), axis=1)))
    for unit in ("mm", "cm"):
        if LEAST_M * 4 < spread * UNITS[unit] < MOST_M and spread > MOST_M * 4:
            raise HpsError(
                f"half of the points lie more than {spread:.0f} m from their middle: the cloud seems to be in "
                f"{unit}, not in metres; convert it (command line: --unit {unit})"
            )
    if spread > MOST_M:
        raise HpsError(
            f"half of the points lie more than {spread:.1f} m from their middle, a person's lie within 0.7 m; cut the "
            "person out of the scene first"
        )
    if spread < LEAST_M:
        raise HpsError(
            f"half of the points lie within {spread:.2g} m of their middle, less than a hand; is the cloud in metres, "
            "and of a person?"
        )


def _check_camera(cloud: PersonCloud, points: np.ndarray) -> None:
    """A camera cannot stand inside the person whom it sees."""
    seen = cloud.camera >= 0
    if not seen.any():
        return
    origins = np.asarray(cloud.origins, np.float64)
    if not np.isfinite(origins[np.unique(cloud.camera[seen])]).all():
        raise HpsError("a camera's origin is not finite; give its place, or -1 as the camera of its points")
    ways = points[seen] - origins[cloud.camera[seen]]
    for camera in np.unique(cloud.camera[seen]):
        mine = ways[cloud.camera[seen] == camera]
        unit = mine / np.maximum(np.linalg.norm(mine, axis=1, keepdims=True), 1e-9)
        middle = unit.mean(0)
        around = (unit @ middle < 0).mean() > 0.05
        if around or np.quantile(np.linalg.norm(mine, axis=1), 0.01) < NEAREST_M:
            raise HpsError(
                f"points lie {'on all sides of' if around else 'within 0.2 m of'} camera {int(camera)} at "
                f"{_place(origins[camera])}: no depth camera sees so. The cloud is in another frame than its camera; "
                "say where the camera stood, or that it is not known (command line: --origin, or --up alone)"
            )


def _place(p: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:.2f}" for value in p) + ")"
