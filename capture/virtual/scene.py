"""Who and what moves in a take: people and things, drawn as one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from capture.errors import CaptureError
from capture.virtual.figure import Figure, merge_figures
from capture.virtual.subject import Subject


@dataclass(frozen=True, kw_only=True, eq=False)
class Thing:
    """One object of a take: furniture, a board, a box."""

    name: str
    figure: Figure
    vertices: Float[np.ndarray, "frames vertices 3"]
    """World, metres; one frame for what stands still."""
    T_world_thing: Float[np.ndarray, "frames 4 4"] | None = None
    """Its pose, where it has one; as many frames as `vertices`."""
    description: dict[str, Any] = field(default_factory=dict)
    """What a user of the truth must know of it, fit for JSON: a board's squares, a box's sides."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """All that moves in one take."""

    people: tuple[Subject, ...]
    things: tuple[Thing, ...]
    frames: int
    """Number of instants."""

    @classmethod
    def of(cls, people: Subject | Sequence[Subject], things: Sequence[Thing] = (), frames: int | None = None) -> Scene:
        """A scene of people and things; `frames` is needed for one without people.

        Raises CaptureError when lengths differ or are 0.
        """
        people = (people,) if isinstance(people, Subject) else tuple(people)
        lengths = {len(person.parameters) for person in people} | ({frames} if frames is not None else set())
        if len(lengths) != 1:
            raise CaptureError(f"the people of one scene have {sorted(lengths)} frames; give all the same number")
        (length,) = lengths
        if length == 0:
            raise CaptureError("the motion has no frames; choose a longer clip or more --seconds")
        for thing in things:
            if len(thing.vertices) not in (1, length):
                raise CaptureError(
                    f"'{thing.name}' has {len(thing.vertices)} frames, the scene {length}; give as many, or one"
                )
        return cls(people=people, things=tuple(things), frames=length)

    def first(self, frames: int) -> Scene:
        """The scene's first instants alone."""
        return Scene(
            people=tuple(person.first(frames) for person in self.people),
            things=tuple(
                t if len(t.vertices) == 1 else replace(t, vertices=t.vertices[:frames], T_world_thing=_cut(t, frames))
                for t in self.things
            ),
            frames=frames,
        )

    def figure(self) -> Figure | None:
        """People first, then things; `owner` numbers them in this order. None when the room is empty."""
        parts = [(p.figure, p.surface.shape[1]) for p in self.people]
        parts += [(t.figure, t.vertices.shape[1]) for t in self.things]
        return merge_figures([figure for figure, _ in parts], [count for _, count in parts]) if parts else None

    def standing(self) -> tuple[Figure, Float[np.ndarray, "vertices 3"]] | None:
        """What is there before the people come: things that never move, as a figure and its vertices; or None."""
        still = [t for t in self.things if len(t.vertices) == 1] if self.people else []
        if not still:
            return None
        figure = merge_figures([t.figure for t in still], [t.vertices.shape[1] for t in still])
        return figure, np.concatenate([t.vertices[0] for t in still]).astype(np.float32)

    def vertices(self) -> Float[np.ndarray, "frames vertices 3"]:
        """Vertices of the figure at every instant, float32."""
        parts = [p.surface for p in self.people]
        parts += [np.broadcast_to(t.vertices, (self.frames, *t.vertices.shape[1:])) for t in self.things]
        return np.concatenate(parts, 1).astype(np.float32) if parts else np.zeros((self.frames, 0, 3), np.float32)


def _cut(thing: Thing, frames: int) -> np.ndarray | None:
    return None if thing.T_world_thing is None else thing.T_world_thing[:frames]
