"""Which depth pixels show the person: all depth cameras of one instant decide together, in the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from calibration.workspace import Workspace
from geometry.camera import Camera
from registration.masks.config import MaskConfig
from registration.masks.following import follow
from registration.masks.pixels import masks_from_voxels
from registration.masks.voxels import DepthRig, occupied

__all__ = ["MaskConfig", "PersonInDepth", "person_in_depth"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonInDepth:
    """The person in the depth images of one instant."""

    masks: dict[str, Bool[np.ndarray, "_ _"]]
    """By stream; all False for a camera that saw nobody."""
    center: Float[np.ndarray, "3"] | None
    """Middle of the person in the world, metres; None where no camera saw anybody."""


def person_in_depth(
    depth_m: Mapping[str, Float[np.ndarray, "_ _"]],
    cameras: Mapping[str, Camera],
    workspace: Workspace,
    config: MaskConfig | None = None,
    *,
    background_m: Mapping[str, Float[np.ndarray, "_ _"]] | None = None,
    previous: Float[np.ndarray, "3"] | None = None,
) -> PersonInDepth:
    """The largest thing above the floor of the workspace, in each depth image of one instant, for a single look.

    A take is better followed as a whole (`follow`, `choose`). depth_m: metres, NaN where missing. background_m: depth
    of the empty room, NaN where unknown. previous: the person's middle at the instant before; the worth of a thing
    halves with each metre from there. Raises RegistrationError for an unknown camera, GeometryError for an image of
    another size than its camera.
    """
    rig = DepthRig.of({s: cameras[s] for s in depth_m if s in cameras}, workspace, config, background_m)
    things = follow([occupied(depth_m, rig)], np.zeros(1), rig.grid, rig.config)

    def worth(n: int) -> float:
        away = 0.0 if previous is None else float(np.linalg.norm(things[n].center[0] - previous))
        return len(things[n].index[0]) * 0.5**away

    order = sorted(range(len(things)), key=worth, reverse=True)
    people = [things[n].index[0] for n in order[:1]]
    found = masks_from_voxels(depth_m, rig, people, [things[n].index[0] for n in order[1:]])
    return PersonInDepth(
        masks={stream: mask.person >= 0 for stream, mask in found.items()},
        center=things[order[0]].center[0] if order else None,
    )
