"""One camera's labelled cloud of one instant: exact depth, the sensor, the masks, points and their truth."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float32, Int, Int32, UInt8

from geometry.face_raster.face_image import Window
from geometry.face_raster.projection import PixelPositions
from hps.synthesis.clouds.cloud import NORMAL_STEPS, LabelledCloud
from hps.synthesis.clouds.figure_samples import FigureSamples, face_reflectance, figure_samples, uncovered
from hps.synthesis.clouds.people_masks import around_people, owners_at, people_masks
from hps.synthesis.clouds.sensors import ExactView, ViewSensor
from hps.synthesis.clouds.skin_offset import SkinTopology, bind, nearest_skin
from hps.synthesis.clouds.surroundings import Surroundings
from hps.synthesis.staging.staged import StagedMoment, StagedScene


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CloudScene:
    """What all clouds of a scene share."""

    staged: StagedScene
    surroundings: Surroundings
    reflectance: Float32[np.ndarray, "faces"]
    """Near-infrared, of the figure's faces."""
    owner_of_face: UInt8[np.ndarray, "faces_plus_one"]
    """1 + actor; things after the actors; last 0, of no face (-1)."""
    bound: Int32[np.ndarray, "vertices"]
    """The skin vertex nearest to each vertex of people's dressed surfaces, in the figure's numbers."""
    first: Int32[np.ndarray, "actors"]
    """Each actor's first vertex: there the naked body begins."""
    topology: SkinTopology

    @classmethod
    def of(cls, staged: StagedScene, surroundings: Surroundings, topology: SkinTopology) -> CloudScene:
        """Prepares a scene."""
        counts = [person.surface.shape[1] for person in staged.people]
        first = np.cumsum([0, *counts])[:-1].astype(np.int32)
        bound = [bind(person.surface[0], person.vertices[0]) + n for person, n in zip(staged.people, first)]
        return cls(
            staged=staged,
            surroundings=surroundings,
            reflectance=face_reflectance(staged.studio.figure),
            owner_of_face=np.append(staged.studio.figure.owners + 1, 0).astype(np.uint8),
            bound=np.concatenate(bound).astype(np.int32),
            first=first,
            topology=topology,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measured:
    """A camera's cloud, and how much of each actor it saw."""

    cloud: LabelledCloud
    pixels_seen: Int[np.ndarray, "actors"]
    """Pixels whose centres see the actor."""
    pixels_measured: Int[np.ndarray, "actors"]
    """Pixels of the actor's mask with a depth, before points are drawn from them."""


class CloudCamera:
    """One camera of a scene."""

    def __init__(self, scene: CloudScene, number: int, sensor: ViewSensor) -> None:
        """`number` is the camera's in the scene."""
        self._scene, self.number, self._sensor = scene, number, sensor

    def measure(
        self,
        moment: StagedMoment,
        rng: np.random.Generator,
        *,
        mask_px: tuple[int, int] = (0, 0),
        most_points: int = 0,
    ) -> Measured:
        """The cloud of an instant.

        Each actor's mask is off by a whole number of pixels drawn from `mask_px`; of more than `most_points` points
        (0: any number) so many are drawn evenly.
        """
        scene, sensor = self._scene, self._sensor
        actors = len(scene.staged.people)
        off_px = rng.integers(mask_px[0], mask_px[1] + 1, actors)
        drawable = moment.drawable
        positions = drawable.positions(sensor.camera)
        people = PixelPositions(q=positions.q[: len(scene.bound)], width=positions.width, height=positions.height)
        extent = people.window(0)
        if extent is None:
            return self._empty(actors)
        grown_px = int(max(off_px.max(), 0))
        window = sensor.window(extent, people.q[:, 2], grown_px)
        figure = drawable.vertices, drawable.faces
        studio = scene.staged.studio
        fine, centers = (
            studio.rasterizer.draw(sensor.camera, *figure, window, samples, positions=positions) for samples in (2, 1)
        )
        owner = owners_at(centers.face, scene.owner_of_face)
        near = around_people(owner, actors, sensor.reach_px + grown_px)
        behind = scene.surroundings.samples(sensor.camera, sensor.rays, window, uncovered(fine, near))
        drawn = sensor.also_read(window, near)
        exact = figure_samples(fine, centers, sensor.camera, *figure, scene.reflectance, sensor.rays, behind, drawn)
        depth = sensor.sense(window, exact.z_fine, exact.echo_fine, rng)
        if isinstance(sensor, ExactView):
            depth = np.where(owner > 0, exact.z, depth)
        mask = people_masks(owner, off_px)
        where = np.flatnonzero((mask > 0) & (depth > 0))
        measured = np.bincount(mask.ravel()[where], minlength=actors + 1)[1 : actors + 1]
        if 0 < most_points < len(where):
            where = where[np.sort(rng.choice(len(where), most_points, replace=False, shuffle=False))]
        return Measured(
            cloud=self._cloud(exact, window, depth, mask, where),
            pixels_seen=np.bincount(owner.ravel(), minlength=actors + 1)[1 : actors + 1],
            pixels_measured=measured,
        )

    def _cloud(
        self, exact: FigureSamples, window: Window, depth: np.ndarray, mask: np.ndarray, where: np.ndarray
    ) -> LabelledCloud:
        scene, staged = self._scene, self._scene.staged
        count, actors = len(where), len(scene.staged.people)
        points, normal = np.empty((count, 3), np.float32), np.empty((count, 3), np.int8)
        pixel, actor = np.empty((count, 2), np.uint16), np.empty(count, np.int8)
        part, corners = np.empty(count, np.uint8), np.empty((count, 3), np.int32)
        _read(
            where,
            depth,
            exact.face,
            window[0].start,
            window[1].start,
            self._sensor.rays,
            exact.p_camera,
            staged.studio.paint.faces,
            scene.owner_of_face,
            staged.part_of_face,
            actors,
            points,
            normal,
            pixel,
            actor,
            part,
            corners,
        )
        first = np.where(actor >= 0, scene.first[np.maximum(actor, 0)], -1).astype(np.int32)
        skin = nearest_skin(points, corners, scene.bound, first, exact.p_camera, scene.topology)
        return LabelledCloud(
            points=points,
            mask=(mask.ravel()[where] - 1).astype(np.uint8),
            actor=actor,
            part=part,
            skin_offset=(skin - points).astype(np.float16),
            normal=normal,
            camera=np.zeros(count, np.uint8),
            pixel=pixel,
            **self._about(),
        )

    def _about(self) -> dict[str, np.ndarray]:
        camera = self._sensor.camera
        return {
            "cameras": np.array([self.number], np.int32),
            "K": np.asarray(camera.K, np.float64)[None],
            "distortion": np.asarray(camera.distortion, np.float64)[None],
            "size": np.array([[camera.height, camera.width]], np.int32),
            "T_world_camera": np.asarray(camera.T_world_camera, np.float64)[None],
        }

    def _empty(self, actors: int) -> Measured:
        nothing = np.zeros((0, 3))
        cloud = LabelledCloud(
            points=nothing.astype(np.float32),
            mask=np.zeros(0, np.uint8),
            actor=np.zeros(0, np.int8),
            part=np.zeros(0, np.uint8),
            skin_offset=nothing.astype(np.float16),
            normal=nothing.astype(np.int8),
            camera=np.zeros(0, np.uint8),
            pixel=np.zeros((0, 2), np.uint16),
            **self._about(),
        )
        return Measured(cloud=cloud, pixels_seen=np.zeros(actors, int), pixels_measured=np.zeros(actors, int))


@nb.njit(cache=True, error_model="numpy")
def _read(
    where, depth, face, row0, column0, rays, p_camera, faces, owners, parts, actors,
    points, normal, pixel, actor, part, corners,
):  # fmt: skip
    columns = depth.shape[1]
    for n in range(len(where)):
        row, column = where[n] // columns, where[n] % columns
        x, y = rays[row0 + row, column0 + column, 0], rays[row0 + row, column0 + column, 1]
        z = depth[row, column]
        points[n, 0], points[n, 1], points[n, 2] = x * z, y * z, z
        pixel[n, 0], pixel[n, 1] = row0 + row, column0 + column
        f = face[row, column]
        if f < 0 or owners[f] > actors:
            actor[n], part[n], normal[n], corners[n] = -1, 0, 0, -1
            continue
        actor[n], part[n] = owners[f] - 1, parts[f]
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        corners[n, 0], corners[n, 1], corners[n, 2] = i, j, k
        ax, ay, az = (
            p_camera[j, 0] - p_camera[i, 0],
            p_camera[j, 1] - p_camera[i, 1],
            p_camera[j, 2] - p_camera[i, 2],
        )
        bx, by, bz = (
            p_camera[k, 0] - p_camera[i, 0],
            p_camera[k, 1] - p_camera[i, 1],
            p_camera[k, 2] - p_camera[i, 2],
        )
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        scale = NORMAL_STEPS / length if length > 0 else 0.0
        if nx * x + ny * y + nz > 0:
            scale = -scale
        normal[n, 0] = np.int8(np.rint(nx * scale))
        normal[n, 1] = np.int8(np.rint(ny * scale))
        normal[n, 2] = np.int8(np.rint(nz * scale))
