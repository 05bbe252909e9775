"""What the surfaces of one person are made of: bodies at the wanted instants, clouds and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.meshing.options import MeshConfig
from humanrig.report.pictures import spread
from humanrig.results import Results
from texture.surfaces.body_mesh import DressedBody
from texture.surfaces.offsets import estimate_offsets
from texture.surfaces.one_moment import at_one_moment, body_velocities
from texture.tracking.body_clip import BodyClip

FEW_POINTS = 3000
"""A cloud with fewer leaves most of a body to be guessed: ten Kinects see 70,000 to 95,000, one of them some 9,000."""
FEW_CAMERAS = 2
"""With so few, half of the body is out of sight."""
AROUND_M = 0.5
"""Hair, skirts and a badly fitted arm are nearer to the body's box than this."""
CAMERA_POINTS = 200
"""Points from which a camera counts as having seen the person."""


@dataclass(frozen=True)
class PersonInput:
    """One person at the instants that surfaces are wanted of, row by row."""

    results: Results
    config: MeshConfig
    rows: tuple[int, ...]
    """Rows of these instants in the results."""

    @cached_property
    def instants(self) -> list[int]:
        """The instant of each row."""
        return [self.results.instants[row] for row in self.rows]

    @cached_property
    def parameters(self) -> BodyParameters:
        """The fitted body."""
        return self.results.parameters[np.array(self.rows)]

    @cached_property
    def clip(self) -> BodyClip:
        """The bare body, posed."""
        return BodyClip.of(self.results.model, self.parameters)

    def cloud(self, row: int) -> PointCloud | None:
        """The person's cloud; None where there is none that can be used (`trouble` says why)."""
        return self._read(row)[0]

    def trouble(self, row: int) -> str:
        """What is wrong with the cloud of a row; "" where nothing is."""
        return self._read(row)[1]

    @cached_property
    def has_clouds(self) -> bool:
        """Whether any instant has a cloud. Files are only looked for."""
        folder = self.results.session.path("clouds")
        return any((folder / f"{instant:06d}.npz").is_file() for instant in self.instants)

    @cached_property
    def dressed(self) -> DressedBody:
        """The body with the thickness that the clouds of some instants show."""
        return DressedBody(model=self.results.model, parameters=self.parameters, offsets=self._offsets())

    @cached_property
    def dressed_vertices(self) -> Float[np.ndarray, "rows body 3"]:
        """Of the dressed body, in the world."""
        return self.dressed.vertices()

    def body_mesh(self, row: int) -> TriangleMesh:
        """The dressed body at a row."""
        return TriangleMesh(vertices=self.dressed_vertices[row], faces=self.results.model.faces)

    def _offsets(self) -> np.ndarray:
        chosen = spread(list(range(len(self.rows))), self.config.cloud_instants) if self.config.clothes else []

        def posed() -> Iterator[tuple[np.ndarray, PointCloud]]:
            for row in chosen:
                cloud = self.cloud(row)
                if cloud is not None and len(cloud):
                    yield self.clip.vertices[row], cloud

        return estimate_offsets(self.results.model, posed())

    def _near(self, row: int, points: np.ndarray) -> np.ndarray:
        """Which points lie around the body: a stray one would stretch every grid."""
        body = self.clip.vertices[row]
        return ((points > body.min(0) - AROUND_M) & (points < body.max(0) + AROUND_M)).all(1)

    @cached_property
    def _velocities(self) -> np.ndarray | None:
        return body_velocities(self.clip.vertices, self.results.body["time_us"][np.array(self.rows)])

    @cached_property
    def _read(self):
        return lru_cache(maxsize=4)(self._read_cloud)

    def _read_cloud(self, row: int) -> tuple[PointCloud | None, str]:
        try:
            cloud = self.results.cloud(self.instants[row])
        except HumanrigError as error:
            return None, f"no cloud: {error}"
        if cloud is None:
            return None, "no cloud"
        if cloud.normals is None:
            return None, "the cloud has no normals"
        finite = np.asarray(np.isfinite(cloud.points).all(1) & np.isfinite(cloud.normals).all(1))
        cloud = cloud if finite.all() else cloud[finite]
        near = self._near(row, cloud.points)
        if far := len(cloud) - int(near.sum()):
            cloud = cloud[near]
            if not len(cloud):
                return None, f"the cloud's {far} points are all more than {AROUND_M} m from the body"
        if self._velocities is not None:
            time_us = int(self.results.body["time_us"][self.rows[row]])
            cloud = at_one_moment(cloud, time_us, self.clip.vertices[row], self._velocities[row])
        if not len(cloud):
            return None, "the cloud is empty"
        if len(cloud) < FEW_POINTS:
            return cloud, f"the cloud has only {len(cloud)} points"
        if cloud.camera is not None:
            seeing = int((np.bincount(cloud.camera) >= CAMERA_POINTS).sum())
            if seeing <= FEW_CAMERAS:
                return cloud, f"the cloud is of {seeing} {'camera' if seeing == 1 else 'cameras'} only"
        return cloud, ""


def rows_of(instants: list[int], wanted: list[int]) -> list[int]:
    """Rows of the wanted instants. Raises HumanrigError when none of them has a body."""
    chosen = set(wanted)
    rows = [row for row, instant in enumerate(instants) if instant in chosen]
    if not rows:
        raise HumanrigError(
            f"none of the {len(wanted)} instants asked for is among the {len(instants)} results; "
            "run the earlier stages for them, or change --frames"
        )
    return rows


def rows_with_body(parameters: BodyParameters, rows: list[int]) -> list[int]:
    """Those of the rows whose body is finite. Raises HumanrigError when none is."""
    values = np.concatenate([parameters.global_orient, parameters.body_pose, parameters.transl], 1)
    sound = [row for row in rows if np.isfinite(values[row]).all()]
    if not sound or not np.isfinite(parameters.betas).all():
        raise HumanrigError(f"the body is not finite at any of {len(rows)} instants; run the stage register again")
    return sound
