"""Who and what moves in a take: people and things, drawn as one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """All that moves in one take."""

    people: tuple[Subject, ...]
    things: tuple[Thing, ...] = ()

    @classmethod
    def of(cls, people: Subject | Sequence[Subject], things: Sequence[Thing] = ()) -> Scene:
        """A scene of one or more people. Raises CaptureError when their lengths differ or there is nobody."""
        people = (people,) if isinstance(people, Subject) else tuple(people)
        if not people:
            raise CaptureError("nobody is in the scene; give at least one person")
        frames = {len(person.parameters) for person in people}
        if len(frames) > 1:
            raise CaptureError(f"the people of one scene have {sorted(frames)} frames; give all the same number")
        if frames == {0}:
            raise CaptureError("the motion has no frames; choose a longer clip or more --seconds")
        for thing in things:
            if len(thing.vertices) not in (1, *frames):
                raise CaptureError(
                    f"'{thing.name}' has {len(thing.vertices)} frames, the people {frames.pop()}; give as many, or one"
                )
        return cls(people=people, things=tuple(things))

    @property
    def frames(self) -> int:
        """Number of instants."""
        return len(self.people[0].parameters)

    def figure(self) -> Figure:
        """People first, then things; `owner` numbers them in this order."""
        parts = [(p.figure, p.surface.shape[1]) for p in self.people]
        parts += [(t.figure, t.vertices.shape[1]) for t in self.things]
        return merge_figures([figure for figure, _ in parts], [count for _, count in parts])

    def vertices(self) -> Float[np.ndarray, "frames vertices 3"]:
        """Vertices of the figure at every instant, float32."""
        parts = [p.surface for p in self.people]
        parts += [np.broadcast_to(t.vertices, (self.frames, *t.vertices.shape[1:])) for t in self.things]
        return np.concatenate(parts, 1).astype(np.float32)
