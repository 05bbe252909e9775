"""Flags of a person in a scene: motion that is none, skin inside something, feet off the floor."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from body.motion.self_penetration import PenetrationCheck
from hps.synthesis.quality.flag_words import flag
from hps.synthesis.quality.solids import depth_inside
from hps.synthesis.staging.staged import StagedScene

STATIC_M_PER_S: Final = 0.1
"""Mean speed of the fastest joint along its path. GTA-Human leaves near-static clips out without a published limit; the
slowest of 60 motions drawn from the library for 2 s has 0.5 m/s, the median 2.4; a head that only sways has less than
0.03."""
INTERPENETRATION_M: Final = 0.01
"""Depth of naked skin in another body or a thing; skin and cushions give way that much. Chosen."""
SELF_PENETRATION_M: Final = 0.01
"""Depth beyond the 12 mm that skin gives way (self_penetration.py). Chosen."""
FLOOR_M: Final = 0.03
"""Depth of the lowest skin under the floor. Chosen: the floor is fitted to the soles, whose skin gives way."""
ABOVE_M: Final = 0.05
"""Height of the lowest skin, at all instants, from which a body hangs in the air. Chosen: a heel's skin over shoes."""

_known: WeakKeyDictionary[StagedScene, tuple[list[str], ...]] = WeakKeyDictionary()
"""Of scenes in use: the passes that draw from one stage ask for the same."""


def scene_flags(staged: StagedScene) -> tuple[list[str], ...]:
    """`actor_flags` of all actors of a scene, in their order."""
    if staged not in _known:
        _known[staged] = tuple(actor_flags(staged, actor) for actor in range(len(staged.people)))
    return _known[staged]


def actor_flags(staged: StagedScene, actor: int) -> list[str]:
    """What is wrong with one actor of a scene, in all its pictures.

    near_static needs two instants. interpenetration takes naked skin at all instants, the others' and the things'
    whole surfaces; poles thinner than the skin's vertices are apart (15 mm) may be missed.
    """
    found = [*_near_static(staged, actor), *_interpenetration(staged, actor)]
    return [*found, *_self_penetration(staged, actor), *_off_floor(staged, actor)]


def _near_static(staged: StagedScene, actor: int) -> list[str]:
    joints, seconds = staged.people[actor].joints, (staged.frames - 1) / staged.spec.row.rate_hz
    if len(joints) < 2:
        return []
    path = float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).sum(0).max())
    return [flag("near_static", f"{100 * path:.1f} cm in {seconds:.1f} s")] if path < STATIC_M_PER_S * seconds else []


def _interpenetration(staged: StagedScene, actor: int) -> list[str]:
    skin, faces = staged.people[actor].vertices, np.asarray(staged.model.faces)
    deepest: dict[str, float] = {}
    for frame in range(staged.frames):
        for other, person in enumerate(staged.people):
            if other != actor and _boxes_meet(skin[frame], person.vertices[frame]):
                depth = max(
                    depth_inside(skin[frame], person.vertices[frame], faces),
                    depth_inside(person.vertices[frame], skin[frame], faces),
                )
                name = f"person {other}"
                deepest[name] = max(depth, deepest.get(name, 0.0))
        for number, thing in enumerate(staged.things):
            surface = np.asarray(thing.vertices[min(frame, len(thing.vertices) - 1)], np.float64)
            if _boxes_meet(skin[frame], surface):
                depth = depth_inside(skin[frame], surface, np.asarray(thing.figure.faces))
                name = f"{thing.name} {number}"
                deepest[name] = max(depth, deepest.get(name, 0.0))
    return [
        flag("interpenetration", f"{100 * depth:.1f} cm into {name}")
        for name, depth in deepest.items()
        if depth > INTERPENETRATION_M
    ]


def _boxes_meet(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one.min(0) < other.max(0)).all() and (other.min(0) < one.max(0)).all())


def _self_penetration(staged: StagedScene, actor: int) -> list[str]:
    person, label = staged.people[actor], staged.labels[actor]
    if person.rest_vertices is None:
        rest = staged.model.shaped(label.betas, label.child)
    else:
        rest = np.asarray(person.rest_vertices, np.float64)
    rotations = np.concatenate([label.global_orient[:, None], label.body_pose.reshape(len(label), 23, 3)], 1)
    depth = float(PenetrationCheck(replace(staged.model, v_template=rest)).depth(rotations).max())
    return [flag("self_penetration", f"{100 * depth:.1f} cm")] if depth > SELF_PENETRATION_M else []


def _off_floor(staged: StagedScene, actor: int) -> list[str]:
    lowest = staged.people[actor].vertices[..., 2].min(1)
    if lowest.min() < -FLOOR_M:
        return [flag("off_floor", f"{-100 * lowest.min():.1f} cm below")]
    if lowest.min() > ABOVE_M:
        return [flag("off_floor", f"{100 * lowest.min():.1f} cm above")]
    return []
