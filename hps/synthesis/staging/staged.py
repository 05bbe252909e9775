"""A scene ready to be drawn, and one of its moments: what every pass (pictures, labels, clouds) starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, UInt8

from body.model import BodyModel
from body.parameters import BodyParameters
from capture.virtual.drawable import Drawable, Studio
from capture.virtual.moment import Moment
from capture.virtual.scene import Thing
from capture.virtual.subject import Subject
from hps.synthesis.scenes.rows import SceneSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class StagedMoment:
    """One instant of a scene."""

    frame: int
    moment: Moment
    """What is drawn, how it moves, its light."""
    vertices: Float[np.ndarray, "actors vertices 3"]
    """Naked bodies, world, metres."""
    joints: Float[np.ndarray, "actors 24 3"]
    """Of the naked bodies, world, metres."""
    parameters: tuple[BodyParameters, ...]
    """One frame for each actor, world frame: the labels. Within the model's shape space, see StagedScene.exact."""

    @property
    def drawable(self) -> Drawable:
        """The figure of everybody and everything."""
        return self.moment.drawable


@dataclass(frozen=True, kw_only=True, eq=False)
class StagedScene:
    """Everybody and everything of a scene at all its instants. Owner n of a face is actor n, then the things."""

    spec: SceneSpec
    model: BodyModel
    """Of the labels."""
    people: tuple[Subject, ...]
    things: tuple[Thing, ...]
    studio: Studio
    surface: Float32[np.ndarray, "frames points 3"]
    """Vertices of the figure."""
    part_of_face: UInt8[np.ndarray, "faces"]
    """1 + the SMPL joint whose skin, or the cloth over it, a face is; 0 of things."""
    labels: tuple[BodyParameters, ...]
    """Of each actor over the frames, world frame: pose, and the nearest body within the model."""

    @property
    def frames(self) -> int:
        """Number of instants."""
        return len(self.surface)

    @cached_property
    def exact(self) -> tuple[bool, ...]:
        """Whether each actor's body is one of the model's, so that the labels describe it exactly."""
        return tuple(person.rest_vertices is None for person in self.people)

    def moment(self, frame: int) -> StagedMoment:
        """One instant; velocities by differences of the frames."""
        from capture.virtual.figure import motion_at

        motion = motion_at(self.surface, frame, self.spec.row.rate_hz)
        drawable = Drawable.of(self.studio, motion.vertices)
        return StagedMoment(
            frame=frame,
            moment=Moment(drawable=drawable, velocity=motion.velocity),
            vertices=np.stack([p.vertices[frame] for p in self.people]),
            joints=np.stack([p.joints[frame] for p in self.people]),
            parameters=tuple(label[slice(frame, frame + 1)] for label in self.labels),
        )
