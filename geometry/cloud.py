"""A point cloud as a value: each point keeps its normal, colour, camera, uncertainty and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, UInt8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PointCloud:
    """Points in the world frame, metres. Fields that a source does not know are None."""

    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"] | None = None
    """Unit normals that point toward the camera that saw the point."""
    colors: UInt8[np.ndarray, "points 3"] | None = None
    """RGB."""
    camera: Integer[np.ndarray, "points"] | None = None
    """Index of the camera that saw the point, in the list kept beside the cloud."""
    sigma: Float[np.ndarray, "points"] | None = None
    """Standard deviation along the normal, metres."""
    time_us: Integer[np.ndarray, "points"] | None = None
    """When the point was measured, microseconds of the session clock."""
    person: Integer[np.ndarray, "points"] | None = None
    """Number of the person whose point it is: 0 for person00."""

    def __len__(self) -> int:
        """Number of points."""
        return len(self.points)

    def __getitem__(self, index: np.ndarray | slice) -> PointCloud:
        """Some of the points."""
        return PointCloud(**{name: values[index] for name, values in _known(self).items()})


def concatenate(clouds: Sequence[PointCloud]) -> PointCloud:
    """All points; a field is kept only when every cloud has it."""
    if not clouds:
        return PointCloud(points=np.zeros((0, 3)))
    known = [_known(cloud) for cloud in clouds]
    names = [name for name in known[0] if all(name in fields for fields in known)]
    return PointCloud(**{name: np.concatenate([fields[name] for fields in known]) for name in names})


def _known(cloud: PointCloud) -> dict[str, np.ndarray]:
    names = ("points", "normals", "colors", "camera", "sigma", "time_us", "person")
    return {name: values for name in names if (values := getattr(cloud, name)) is not None}
