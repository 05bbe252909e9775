"""A body model as the fit of clouds needs it: its landmarks, and some vertices spread evenly over the skin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from body.joints import JOINT_COUNT, PARENTS
from body.model import BodyModel
from hps.points.landmarks import LANDMARK_COUNT, Landmarks, landmarks_of
from hps.points.unknowns import SHAPES
from registration.fit.rest import RestBody

SKIN_VERTICES: Final = 2000
"""Vertices that stand for the skin: 20 mm apart on an adult."""
ANY_PART: Final = 24
"""Group of all vertices, for points of unknown part."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FitBody:
    """What a fit reads of one body model. All arrays are float64, but for the skin's pose correctives."""

    model: BodyModel
    shapes: int
    landmarks: Landmarks
    points: RestBody
    """The 88 landmarks as points that joints carry."""
    skin: RestBody
    """Some vertices."""
    skin_vertices: Int64[np.ndarray, "skin"]
    normals: Float[np.ndarray, "skin 3"]
    """Unit outward normals of the mean body's skin."""
    starts: Int64[np.ndarray, "groups"]
    """Skin that a point of part p may lie on: `members[starts[p]:starts[p + 1]]`; p = ANY_PART: all."""
    members: Int64[np.ndarray, "entries"]

    @classmethod
    def of(cls, model: BodyModel, shapes: int = SHAPES, skin_vertices: int = SKIN_VERTICES) -> FitBody:
        """The fit's view of a model; made once for each model.

        Raises HpsError for a model without mirrored vertices, BodyError for one with fewer betas.
        """
        return _of(model, shapes, skin_vertices)

    @property
    def coefficients(self) -> int:
        """Unknowns of the shape: betas, and the child factor where the model has one."""
        return self.points.coefficients

    @property
    def has_child(self) -> bool:
        """Whether the last coefficient is the child factor."""
        return self.coefficients > self.shapes


@lru_cache(maxsize=4)
def _of(model: BodyModel, shapes: int, count: int) -> FitBody:
    landmarks = landmarks_of(model)
    chosen = _spread(np.asarray(model.v_template, np.float64), count)
    part = np.asarray(model.weights).argmax(1)[chosen]
    groups = [np.flatnonzero(np.isin(part, _near(joint))) for joint in range(JOINT_COUNT)] + [np.arange(len(chosen))]
    rest = np.asarray(model.v_template, np.float64)
    return FitBody(
        model=model,
        shapes=shapes,
        landmarks=landmarks,
        points=_landmark_points(model, shapes, landmarks),
        skin=_in_half_the_memory(RestBody.of(model, shapes, chosen, fit_child=model.child_direction is not None)),
        skin_vertices=chosen,
        normals=model.mesh(rest).vertex_normals()[chosen],
        starts=np.cumsum([0, *map(len, groups)]).astype(np.int64),
        members=np.concatenate(groups).astype(np.int64),
    )


def _in_half_the_memory(rest: RestBody) -> RestBody:
    """With pose correctives in float32: they are read whole for every body of every step, and are known to 1e-9 m."""
    return replace(rest, posedirs=None if rest.posedirs is None else rest.posedirs.astype(np.float32))


def _near(joint: int) -> list[int]:
    """A joint, its parent and its children: where one part ends and the next begins, labels are mixed."""
    return [joint, PARENTS[joint], *(child for child, parent in enumerate(PARENTS) if parent == joint)]


def _landmark_points(model: BodyModel, shapes: int, landmarks: Landmarks) -> RestBody:
    """Markers as vertices, and before them the joints, each carried by itself."""
    markers = RestBody.of(model, shapes, landmarks.markers, fit_child=model.child_direction is not None)
    carriers = np.zeros((LANDMARK_COUNT, markers.carriers.shape[1]), np.int64)
    weights = np.zeros(carriers.shape)
    carriers[:JOINT_COUNT, 0], weights[:JOINT_COUNT, 0] = np.arange(JOINT_COUNT), 1.0
    carriers[JOINT_COUNT:], weights[JOINT_COUNT:] = markers.carriers, markers.weights
    posedirs = None
    if markers.posedirs is not None:
        posedirs = np.concatenate([np.zeros((len(markers.posedirs), 3 * JOINT_COUNT)), markers.posedirs], 1)
    return RestBody(
        template=np.concatenate([markers.joints, markers.template]),
        directions=np.concatenate([markers.d_joints, markers.directions]),
        posedirs=posedirs,
        carriers=carriers,
        weights=weights,
        joints=markers.joints,
        d_joints=markers.d_joints,
        faces=markers.faces,
    )


def _spread(points: Float[np.ndarray, "points 3"], count: int) -> Int64[np.ndarray, "count"]:
    """`count` of the points, each the farthest from those before it, sorted; all where there are no more."""
    if count >= len(points):
        return np.arange(len(points))
    chosen = np.empty(count, np.int64)
    away = np.full(len(points), np.inf)
    chosen[0] = points[:, 1].argmax()
    for i in range(1, count):
        away = np.minimum(away, ((points - points[chosen[i - 1]]) ** 2).sum(1))
        chosen[i] = away.argmax()
    return np.sort(chosen)
