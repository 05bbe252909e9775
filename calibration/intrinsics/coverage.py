"""What the views of a board cover of a camera's image, of the board's tilts and of its distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import ConvexHull, QhullError

from calibration.board_view import BoardView
from calibration.intrinsics.board_pose import board_before
from geometry.camera import Camera

CELLS = 8
"""Cells along the image's longer side: at 720p a cell is 160 px, a square or two of a board at 2 m."""
SEEN = 3
"""Corners in a cell that count as covered: one may be a false one."""
TILTED_DEG = 25.0
"""A board tilted more than this against the optical axis shows perspective. Sets that calibrate well have a third or
more of such views (Azure Kinect 8 of 15, OpenCV's stereo set 7 of 13); the degenerate iPhone capture has none."""
PLACES = ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Coverage:
    """Where one camera saw a board, and how it stood."""

    camera: str
    width: int
    height: int
    corners: Int[np.ndarray, "rows columns"]
    """Found corners in each cell of the image."""
    instants: Int[np.ndarray, "views"]
    """Of the views whose board's place is known, in the order given; the arrays below follow it."""
    tilt: Float[np.ndarray, "views 2"]
    """The board's normal, away from the camera, across the optical axis: x and y of a unit vector."""
    distance_m: Float[np.ndarray, "views"]
    """Along the optical axis, to the middle of the corners that were seen."""
    hull_part: float
    """Part of the image inside the convex hull of all corners."""

    @property
    def covered(self) -> float:
        """Part of the cells that were seen."""
        return float((self.corners >= SEEN).mean())

    @property
    def tilt_deg(self) -> Float[np.ndarray, "views"]:
        """Angle between the board's normal and the optical axis."""
        return np.degrees(np.arcsin(np.clip(np.linalg.norm(self.tilt, axis=-1), 0, 1)))

    @property
    def tilted(self) -> int:
        """Views that show perspective."""
        return int((self.tilt_deg >= TILTED_DEG).sum())

    @property
    def distance_ratio(self) -> float:
        """Largest distance as a multiple of the smallest; 1 without views."""
        return float(self.distance_m.max() / self.distance_m.min()) if len(self.distance_m) else 1.0

    def empty_places(self) -> tuple[str, ...]:
        """The ninths of the image in which at most a third of the cells was seen, in words: `bottom left`."""
        rows, columns = self.corners.shape
        row = np.arange(rows) * 3 // rows
        column = np.arange(columns) * 3 // columns
        ninth = row[:, None] * 3 + column[None, :]
        seen = self.corners >= SEEN
        return tuple(name for n, name in enumerate(PLACES) if seen[ninth == n].mean() <= 1 / 3)


def camera_coverage(camera: Camera, corners: Float[np.ndarray, "all 3"], views: Sequence[BoardView]) -> Coverage:
    """The coverage of one camera's views. `camera` is its lens, as well as it is known; `corners` are the board's.

    A view with too few corners for the board's place counts in the cells alone.
    """
    longer = max(camera.width, camera.height)
    columns, rows = (max(3, round(CELLS * side / longer)) for side in (camera.width, camera.height))
    q = np.concatenate([view.q for view in views]) if views else np.empty((0, 2))
    places = [(view.instant, T, view) for view in views if (T := board_before(camera, corners, view)) is not None]
    Ts = np.stack([T for _, T, _ in places]) if places else np.empty((0, 4, 4))
    normal = Ts[:, :3, 2] * np.sign(Ts[:, 2:3, 2])
    middles = np.array([corners[view.ids].mean(0) for _, _, view in places]).reshape(-1, 3)
    grid, _, _ = np.histogram2d(
        q[:, 1], q[:, 0], (rows, columns), ((-0.5, camera.height - 0.5), (-0.5, camera.width - 0.5))
    )
    return Coverage(
        camera=camera.name,
        width=camera.width,
        height=camera.height,
        corners=grid.astype(int),
        instants=np.array([instant for instant, _, _ in places], int),
        tilt=normal[:, :2],
        distance_m=np.einsum("nj,nj->n", Ts[:, 2, :3], middles) + Ts[:, 2, 3],
        hull_part=_hull(q) / (camera.width * camera.height),
    )


def _hull(q: Float[np.ndarray, "corners 2"]) -> float:
    try:
        return float(ConvexHull(q).volume) if len(q) > 2 else 0.0
    except QhullError:  # all on one line
        return 0.0
