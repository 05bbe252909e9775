"""Where people and furniture stand: near each other, and never in contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from capture.errors import CaptureError
from capture.virtual.people import BODY_RADIUS_M, EVERY_VERTEX, THING_RADIUS_M, Body
from capture.virtual.placement import CAMERA_MARGIN_M, Occupant, Spot, place
from capture.virtual.scene import Thing

FIRST_M, EACH_M, MOST_M = 0.5, 0.7, 2.4
"""Radius of the people's floor: FIRST_M + EACH_M * sqrt(people), at most MOST_M: close enough to hide each other."""
WIDER: Final = (1.0, 1.25, 1.6)
"""Tried in turn while the people do not fit."""
AROUND_M, FURNITURE_MOST_M = 0.6, 2.7
"""Furniture stands up to this much further out than the people do."""
ASIDE_M: Final = 0.4
"""The people's floor lies up to this far from the room's middle."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Who and what stands where."""

    people: tuple[Spot, ...]
    furniture: tuple[Spot, ...]
    """Of the first pieces; those for which there was no room are missing at the end."""
    skin: tuple[Float[np.ndarray, "frames points 3"], ...]
    """Some vertices of each person in the world, metres."""
    solid: tuple[Float[np.ndarray, "_ 3"], ...]
    """Vertices of each piece of furniture in the world, metres."""


def find_places(
    rng: np.random.Generator, bodies: Sequence[Body], motions: Sequence[BodyParameters], things: Sequence[Thing]
) -> Places:
    """Spots for all the people, and for as many things as fit. Raises CaptureError when the people do not fit."""
    people = [
        Occupant(name=f"person {n}", points=some_skin(body, motion), radius_m=BODY_RADIUS_M)
        for n, (body, motion) in enumerate(zip(bodies, motions))
    ]
    radius_m = FIRST_M + EACH_M * float(np.sqrt(len(people)))
    spots, radius_m = _first_fit(rng, people, radius_m)
    angle, off = rng.uniform(0, 2 * np.pi), ASIDE_M * np.sqrt(rng.uniform())
    aside = (float(off * np.cos(angle)), float(off * np.sin(angle)))
    standing = [replace(p, points=s.move(p.points), fixed=True) for p, s in zip(people, spots)]
    solid = [Occupant(name=t.name, points=np.asarray(t.vertices), radius_m=THING_RADIUS_M) for t in things]
    around_m = min(radius_m + AROUND_M, FURNITURE_MOST_M) + CAMERA_MARGIN_M
    furniture: list[Spot] = []
    for count in range(len(solid), 0, -1):
        try:
            furniture = place([*standing, *solid[:count]], around_m, rng)[len(standing) :]
            break
        except CaptureError:
            continue
    spots, furniture = [_moved(s, aside) for s in spots], [_moved(s, aside) for s in furniture]
    return Places(
        people=tuple(spots),
        furniture=tuple(furniture),
        skin=tuple(s.move(p.points) for p, s in zip(people, spots)),
        solid=tuple(s.move(np.asarray(t.vertices[0])) for t, s in zip(things, furniture)),
    )


def some_skin(body: Body, motion: BodyParameters) -> Float[np.ndarray, "frames points 3"]:
    """Vertices of the naked body that stand for it, about its own origin."""
    return body.model.pose(replace(motion, betas=np.zeros(0), child=0.0)).vertices[:, ::EVERY_VERTEX]


def _first_fit(rng: np.random.Generator, people: list[Occupant], radius_m: float) -> tuple[list[Spot], float]:
    """The spots, and the radius of the floor on which they were found."""
    for wider in WIDER[:-1]:
        tried_m = min(wider * radius_m, MOST_M)
        try:
            return place(people, tried_m + CAMERA_MARGIN_M, rng), tried_m
        except CaptureError:
            continue
    tried_m = min(WIDER[-1] * radius_m, MOST_M)
    return place(people, tried_m + CAMERA_MARGIN_M, rng), tried_m


def _moved(spot: Spot, by: tuple[float, float]) -> Spot:
    return replace(spot, xy=(spot.xy[0] + by[0], spot.xy[1] + by[1]))
