"""Places people and things on the floor inside the ring, so that nothing ever touches anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from body.parameters import BodyParameters
from capture.errors import CaptureError

CAMERA_MARGIN_M = 0.5
"""What stands on the floor stays this far inside the ring of cameras."""
TRIES_EACH, STARTS = 60, 10
FRAMES = 200
"""Contact is looked for in at most this many of the frames given."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Occupant:
    """Somebody or something that needs room: points that stand for it, over time, about its own origin."""

    name: str
    points: Float[np.ndarray, "frames points 3"]
    """Metres; one frame for what stands still."""
    radius_m: float
    """How far its surface reaches from the points."""
    fixed: bool = False
    """Stays where it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A place on the floor."""

    heading_rad: float = 0.0
    """Turn about the vertical, from +x to +y."""
    xy: tuple[float, float] = (0.0, 0.0)

    def move(self, points: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
        """Points turned about the origin, then moved."""
        c, s = np.cos(self.heading_rad), np.sin(self.heading_rad)
        return points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + [*self.xy, 0.0]

    def move_body(self, parameters: BodyParameters, p_pelvis: Float[np.ndarray, "3"]) -> BodyParameters:
        """The person there; `p_pelvis` is the rest pelvis of its body."""
        turn = Rotation.from_rotvec([0, 0, self.heading_rad])
        return replace(
            parameters,
            global_orient=(turn * Rotation.from_rotvec(parameters.global_orient)).as_rotvec(),
            transl=self.move(parameters.transl + p_pelvis) - p_pelvis,
        )


def place(occupants: Sequence[Occupant], ring_m: float, rng: np.random.Generator) -> list[Spot]:
    """A spot for each occupant inside a ring of cameras, in their order.

    Spots are drawn until nothing comes nearer to anything else than their radii, at any time, and all stay
    CAMERA_MARGIN_M inside the ring. Raises CaptureError when no way to do so was found.
    """
    reach = ring_m - CAMERA_MARGIN_M
    most = 0
    for _ in range(STARTS):
        spots = _attempt(occupants, reach, rng)
        if len(spots) == len(occupants):
            return spots
        most = max(most, len(spots))
    raise CaptureError(
        f"{len(occupants)} people and things do not fit on the floor, a circle of {2 * reach:.1f} m: '"
        f"{occupants[most].name}' found no room beside {most} others; ask for fewer people or less furniture, "
        "or a larger radius of the ring"
    )


def _attempt(occupants: Sequence[Occupant], reach: float, rng: np.random.Generator) -> list[Spot]:
    frames = max((len(o.points) for o in occupants), default=1)
    chosen = np.unique(np.linspace(0, frames - 1, FRAMES).round().astype(int))
    spots: list[Spot] = []
    trees: list[tuple[list[KDTree], float]] = []
    for occupant in occupants:
        points = occupant.points[np.minimum(chosen, len(occupant.points) - 1)]
        for _ in range(1 if occupant.fixed else TRIES_EACH):
            spot = Spot() if occupant.fixed else _draw(reach, rng)
            moved = spot.move(points)
            outside = np.linalg.norm(moved[..., :2], axis=-1).max() + occupant.radius_m > reach
            if (outside and not occupant.fixed) or _touches(moved, occupant.radius_m, trees):
                continue
            spots.append(spot)
            trees.append(([KDTree(frame) for frame in moved], occupant.radius_m))
            break
        else:
            return spots
    return spots


def _draw(reach: float, rng: np.random.Generator) -> Spot:
    angle, distance = rng.uniform(0, 2 * np.pi), reach * np.sqrt(rng.uniform())
    xy = (float(distance * np.cos(angle)), float(distance * np.sin(angle)))
    return Spot(heading_rad=float(rng.uniform(-np.pi, np.pi)), xy=xy)


def _touches(points: np.ndarray, radius_m: float, trees: list[tuple[list[KDTree], float]]) -> bool:
    return any(
        np.isfinite(tree.query(frame, distance_upper_bound=radius_m + other)[0]).any()
        for frames, other in trees
        for tree, frame in zip(frames, points)
    )
