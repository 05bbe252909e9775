"""The clouds of a staged scene in each of the ways that are to be told apart, through the same Kinects' optics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import torch

from capture.virtual.backdrop import trace_backdrop
from capture.virtual.config import SimulationConfig
from capture.virtual.kinect_rendering import DepthFrame, KinectRenderer
from capture.virtual.rig import VirtualDevice
from capture.virtual.room import draw_room
from capture.virtual.unit import draw_unit
from geometry.camera import Camera
from geometry.rays import ray_table
from hps.synthesis.clouds.measuring import CloudCamera, CloudScene
from hps.synthesis.clouds.sensors import open_view
from hps.synthesis.clouds.skin_offset import SkinTopology
from hps.synthesis.clouds.surroundings import Surroundings as RoomOfClouds
from hps.synthesis.staging.staged import StagedScene
from hps.synthesis.telling_apart.seen_cloud import SeenCloud
from hps.synthesis.torch_clouds.clouds import clouds, measure
from hps.synthesis.torch_clouds.optics import CameraBatch
from hps.synthesis.torch_clouds.surfaces import surface_of
from hps.synthesis.torch_clouds.surroundings import Surroundings
from hps.synthesis.torch_clouds.tof import TofBatch, TofUnits

COLOR_PX: Final = (64, 58)
"""The simulator traces the room in colour too; nobody looks at it here."""

Way = Callable[[StagedScene, int], Iterator[SeenCloud]]
"""All clouds of a scene: of each person in each camera at each instant. The number is the seed of all noise."""


def simulated(staged: StagedScene, seed: int, *, noise: bool = True) -> Iterator[SeenCloud]:
    """Of the full simulator: one Kinect alone, its room, all its errors, the true masks of its pixel centres.

    Without noise: exact depth at pixel centres, to the millimetre.
    """
    room = draw_room(np.random.default_rng(staged.spec.row.room_seed))
    cameras = _cameras(staged)
    kinects = []
    for row, camera in zip(staged.spec.cameras, cameras):
        unit = draw_unit(0, np.random.default_rng(row.unit_seed))
        device = VirtualDevice(name=row.name, unit=unit, depth=camera, color=camera.resized(*COLOR_PX))
        config = SimulationConfig(cameras=1, seed=row.unit_seed, noise=noise)
        kinects.append((KinectRenderer(config, device, 0), trace_backdrop(device, room)))
    for frame in range(staged.frames):
        moment = staged.moment(frame)
        for number, (kinect, backdrop) in enumerate(kinects):
            rng = np.random.default_rng([seed, staged.spec.row.noise_seed, frame, number])
            yield from _cut(staged, cameras[number], kinect.depth_frame(backdrop, moment.drawable, rng))


def exact(staged: StagedScene, seed: int) -> Iterator[SeenCloud]:
    """Of the full simulator without noise."""
    return simulated(staged, seed, noise=False)


def fast(staged: StagedScene, seed: int) -> Iterator[SeenCloud]:
    """Of hps.synthesis.clouds."""
    room = RoomOfClouds.of(staged.spec.row.room_seed)
    scene = CloudScene.of(staged, room, SkinTopology.of(staged.model.faces, staged.model.vertex_count))
    cameras = [
        CloudCamera(scene, number, open_view(row, "device", room)) for number, row in enumerate(staged.spec.cameras)
    ]
    for frame in range(staged.frames):
        moment = staged.moment(frame)
        for camera in cameras:
            rng = np.random.default_rng([seed, staged.spec.row.noise_seed, frame, camera.number])
            cloud = camera.measure(moment, rng).cloud
            for actor in range(len(staged.people)):
                here = cloud.mask == actor
                yield SeenCloud(
                    points=cloud.points[here], pixels=cloud.pixel[here].astype(np.int16), group=staged.spec.name
                )


def in_torch(staged: StagedScene, seed: int) -> Iterator[SeenCloud]:
    """Of hps.synthesis.torch_clouds, on the CPU."""
    batch = CameraBatch.of(_cameras(staged))
    surroundings = Surroundings.of([draw_room(np.random.default_rng(staged.spec.row.room_seed))])
    sensor, base = TofBatch(batch), surface_of(staged, 0)
    generator = torch.Generator().manual_seed(1000003 * seed + staged.spec.row.noise_seed)
    units = TofUnits.draw(len(batch), sensor.effects, generator)
    room = torch.zeros(len(batch), dtype=torch.int64)
    for frame in range(staged.frames):
        surface = base.at(torch.tensor(staged.surface[frame]))
        found = measure([surface] * len(batch), batch, sensor, surroundings, room, units=units, generator=generator)
        made = [clouds(found, batch, actor=actor) for actor in range(len(staged.people))]
        for image in range(len(batch)):
            for cloud in made:
                here = cloud.image == image
                yield SeenCloud(
                    points=cloud.points[here].numpy(),
                    pixels=cloud.pixel[here].to(torch.int16).numpy(),
                    group=staged.spec.name,
                )


def _cameras(staged: StagedScene) -> list[Camera]:
    room = RoomOfClouds.of(staged.spec.row.room_seed)
    return [open_view(row, "device", room).camera for row in staged.spec.cameras]


def _cut(staged: StagedScene, camera: Camera, frame: DepthFrame) -> Iterator[SeenCloud]:
    for actor in range(len(staged.people)):
        pixels = np.argwhere((frame.mask == actor + 1) & (frame.depth_mm > 0))
        z = frame.depth_mm[tuple(pixels.T)].astype(np.float64)[:, None] / 1000
        rays = ray_table(camera)[tuple(pixels.T)]
        points = np.concatenate([rays * z, z], 1).astype(np.float32)
        yield SeenCloud(points=points, pixels=pixels.astype(np.int16), group=staged.spec.name)
