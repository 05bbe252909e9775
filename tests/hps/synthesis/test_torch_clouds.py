"""Clouds made in torch: each step beside the virtual rig's own kernel, on a body that needs no clothes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from body.loading import load_body_model
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.room import draw_room
from capture.virtual.tof.mixing import Mixer
from capture.virtual.tof.multipath import Multipath
from capture.virtual.tof.sensor import TofSensor
from capture.virtual.unit import DEPTH_UNIT
from geometry.camera import Camera
from geometry.camera_files.azure_kinect import KinectCalibration
from geometry.rays import RayScene, ray_table
from geometry.rigid import look_at, transform
from hps.errors import HpsError
from hps.synthesis.torch_clouds import multipath
from hps.synthesis.torch_clouds.clouds import clouds, measure
from hps.synthesis.torch_clouds.mixing import Echoes, mix, phase_per_m
from hps.synthesis.torch_clouds.optics import CameraBatch, Optics, Windows
from hps.synthesis.torch_clouds.surfaces import Surface
from hps.synthesis.torch_clouds.surroundings import Surroundings
from hps.synthesis.torch_clouds.tof import TofBatch, TofUnits

UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""The rest body has y up, the world z."""
MODE = "NFOV_2X2BINNED"


@cache
def the_body() -> Surface:
    model = load_body_model()
    vertices = np.asarray(model.v_template) @ UP.T
    vertices[:, 2] -= vertices[:, 2].min()
    faces = np.asarray(model.faces)
    return Surface(
        vertices=torch.tensor(vertices, dtype=torch.float32),
        faces=torch.tensor(faces, dtype=torch.int64),
        reflectance=torch.full((len(faces),), 0.5),
        owner=torch.zeros(len(faces), dtype=torch.int64),
        part=torch.tensor(1 + np.asarray(model.weights).argmax(1)[faces[:, 0]]),
    )


def kinect(angle: float, distance: float = 2.3) -> Camera:
    unit = KinectCalibration(serial="1", depth=DEPTH_UNIT, color=DEPTH_UNIT)
    eye = np.array([distance * np.cos(angle), distance * np.sin(angle), 1.3])
    return unit.depth_camera(MODE, "depth").at(look_at(eye, np.array([0, 0, 0.9])))


@cache
def the_surroundings() -> Surroundings:
    return Surroundings.of([draw_room(np.random.default_rng(0))])


def seed(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def measured(cameras: list[Camera], effects: DepthEffects | None, number: int = 0, surface: Surface | None = None):
    batch = CameraBatch.of(cameras)
    sensor = None if effects is None else TofBatch(batch, MODE, effects)
    room = torch.zeros(len(cameras), dtype=torch.int64)
    surfaces = [surface or the_body()] * len(cameras)
    return batch, measure(surfaces, batch, sensor, the_surroundings(), room, generator=seed(number))


def test_depth_and_owner_are_those_of_a_ray_cast() -> None:
    cameras = [kinect(0.2), kinect(2.0, 3.0)]
    _, found = measured(cameras, None)
    body = the_body()
    scene = RayScene(body.vertices.double().numpy(), body.faces.numpy())
    height, width = found.windows.height, found.windows.width
    for image, camera in enumerate(cameras):
        rows = slice(int(found.windows.row[image]), int(found.windows.row[image]) + height)
        columns = slice(int(found.windows.column[image]), int(found.windows.column[image]) + width)
        hits = scene.cast_camera(camera, rows, columns)
        true, owner = hits.face >= 0, found.owner[image].numpy() > 0
        # straight edges in a distorted image, and float32: a few pixels on the outline
        assert (true != owner).sum() <= 0.004 * true.sum()
        both = true & owner
        assert both.sum() > 2000
        away = np.abs(found.true_depth[image].numpy() - hits.t)[both]
        assert np.quantile(away, 0.999) < 1e-4
        # within 0.1 mm but for neighbours on a fold of the outline
        parts = body.part.numpy()[hits.face[both]]
        assert (parts == found.part[image].numpy()[both]).mean() > 0.995


def stepped(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Surfaces at several depths with ragged edges, and a hole."""
    rng = np.random.default_rng(0)
    z = np.full(shape, 3.0, np.float32) + np.linspace(0, 0.3, shape[1], dtype=np.float32)
    z[5:30, 10:40] = 1.5
    z[20:50, 30:33] = 2.2
    z[rng.random(shape) < 0.02] = 1.9
    z[40:44, 3:9] = np.inf
    return z, rng.uniform(0.02, 0.2, shape).astype(np.float32)


@pytest.mark.parametrize("flying", [True, False])
def test_echoes_are_those_of_the_virtual_rig(flying: bool) -> None:
    z, amplitude = stepped((60, 80))
    effects = DepthEffects()
    expected = Mixer(30, 40, effects.modulation_hz, effects.point_spread_px, flying).echoes(z, amplitude)
    found = mix(
        torch.tensor(z[None]),
        torch.tensor(amplitude[None]),
        phase_per_m(effects.modulation_hz),
        effects.point_spread_px,
        flying=flying,
    )
    # a phase near half a turn from the mean may fall on either side
    sure = np.isfinite(expected.z) & (expected.coherence > 0.05)
    assert np.abs(found.z[0].numpy()[sure] - expected.z[sure]).max() < 1e-3
    assert np.array_equal(np.isfinite(found.z[0].numpy()), np.isfinite(expected.z))
    some = np.isfinite(expected.z)
    assert np.abs(found.amplitude[0].numpy() - expected.amplitude)[some].max() < 1e-5
    if flying:
        assert np.abs(found.coherence[0].numpy() - expected.coherence)[some].max() < 1e-4
        assert (expected.coherence[some] < 0.9).sum() > 50


def test_multi_path_is_that_of_the_virtual_rig() -> None:
    camera = kinect(0.4)
    batch = CameraBatch.of([camera])
    height, width = camera.height, camera.width
    whole = Windows(row=torch.tensor([0]), column=torch.tensor([0]), height=height, width=width)
    z, amplitude = the_surroundings().hit(torch.tensor([0]), batch, whole.rays(batch))
    z, amplitude = torch.nan_to_num(z, nan=torch.inf), amplitude.clone()
    z[0, 60:200, 130:190] = 1.9
    k = phase_per_m(200e6)
    expected = Multipath(ray_table(camera).astype(np.float32), k, 1.0, 0.25 * k).added(
        z[0].numpy(), amplitude[0].numpy()
    )
    part = Windows(row=torch.tensor([40]), column=torch.tensor([100]), height=200, width=150)
    here = (slice(None), slice(40, 240), slice(100, 250))
    echoes = Echoes(z=z[here], amplitude=amplitude[here], coherence=torch.ones_like(z[here]))
    seen = multipath.Seen(
        cameras=batch, windows=part, surroundings=the_surroundings(), room=torch.tensor([0]), echoes=echoes
    )
    found = multipath.added(seen, k, 0.25 * k, 1.0)[0].numpy()
    assert expected[here[1:]].max() > 0.005
    assert np.abs(found - expected[here[1:]]).max() < 1e-4  # float32 sums in another order


def test_noise_losses_and_own_errors_are_those_of_the_virtual_rig() -> None:
    camera = kinect(0.0, 2.5)
    effects = replace(DepthEffects(), multipath=False)
    sensor = TofSensor(camera, MODE, effects, np.random.default_rng(3))
    batch = CameraBatch.of([camera])
    tof = TofBatch(batch, MODE, effects)
    height, width = camera.height, camera.width
    z = np.full((2 * height, 2 * width), 2.4, np.float32)
    amplitude = np.linspace(0.008, 0.08, 2 * width, dtype=np.float32) * np.ones_like(z)
    whole = Windows(row=torch.tensor([0]), column=torch.tensor([0]), height=height, width=width)
    found = tof.sense(
        torch.tensor(z[None]),
        torch.tensor(amplitude[None]),
        cameras=batch,
        windows=whole,
        surroundings=the_surroundings(),
        room=torch.tensor([0]),
        units=TofUnits.of([sensor]),
        generator=seed(),
    )[0].numpy()
    expected = sensor.sense(z, amplitude, np.random.default_rng(0)) * 1e-3
    for part in (slice(10, 60), slice(100, 200), slice(200, 260)):  # from faint to strong echoes
        here, there = found[:, part], expected[:, part]
        # 288 rows of noise whose neighbours are alike: about 3000 independent numbers, 1.3 % of a deviation
        assert (here > 0).mean() == pytest.approx((there > 0).mean(), abs=0.01)
        here, there = here[here > 0], there[there > 0]
        assert here.mean() == pytest.approx(there.mean(), abs=4e-4)
        assert here.std() == pytest.approx(there.std(), rel=0.1)


def test_clouds_lie_on_the_body_and_know_their_parts() -> None:
    cameras = [kinect(0.5), kinect(3.0)]
    batch, found = measured(cameras, DepthEffects())
    made = clouds(found, batch)
    assert made.counts.tolist() == torch.bincount(made.image).tolist()
    body = the_body().vertices
    for image, camera in enumerate(cameras):
        points = made.points[made.image == image].double().numpy()
        world = torch.tensor(transform(camera.T_world_camera, points), dtype=torch.float32)
        away = torch.cdist(world[::7], body).amin(1)
        assert float(away.median()) < 0.012  # vertices are 10 mm apart; noise at 2.3 m is 3 mm
    assert bool((made.actor == 0).all())
    assert int(made.part.min()) >= 1
    dirty, clean = clouds(found, batch, grown_px=2), clouds(found, batch, grown_px=-1)
    assert int((dirty.actor == -1).sum()) > 100
    assert bool((clean.counts < made.counts).all())
    fixed = made.fixed(64, seed())
    assert fixed.shape == (2, 64, 3)
    assert bool(torch.isfinite(fixed).all())


def test_the_same_generator_gives_the_same_clouds_and_another_does_not() -> None:
    depths = [measured([kinect(0.5)], DepthEffects(), number)[1].depth for number in (1, 1, 2)]
    assert torch.equal(depths[0], depths[1])
    assert not torch.equal(depths[0], depths[2])


def test_nobody_in_the_picture_is_an_empty_cloud() -> None:
    away = kinect(0.0)
    turned = away.at(look_at(np.array([2.3, 0, 1.3]), np.array([3.0, 0, 1.3])))
    batch, found = measured([away, turned], DepthEffects())
    made = clouds(found, batch)
    assert int(made.counts[0]) > 0
    assert int(made.counts[1]) == 0
    fixed = made.fixed(8, seed())
    assert bool(fixed[1].isnan().all())
    assert bool(torch.isfinite(fixed[0]).all())


def test_images_of_several_sizes_are_refused() -> None:
    with pytest.raises(HpsError, match="of one size"):
        Optics.of([kinect(0), replace(kinect(0), width=100)])


@pytest.mark.gpu
def test_a_gpu_gives_the_same_depth() -> None:
    cameras = [kinect(0.2), kinect(2.0)]
    _, expected = measured(cameras, DepthEffects.none())
    batch = CameraBatch.of(cameras, "cuda")
    body = the_body()
    there = Surface(
        **{name: getattr(body, name).cuda() for name in ("vertices", "faces", "reflectance", "owner", "part")}
    )
    found = measure(
        [there] * 2,
        batch,
        TofBatch(batch, MODE, DepthEffects.none()),
        Surroundings.of([draw_room(np.random.default_rng(0))], "cuda"),
        torch.zeros(2, dtype=torch.int64, device="cuda"),
        generator=torch.Generator("cuda").manual_seed(0),
    )
    assert (found.owner.cpu() != expected.owner).float().mean() < 1e-3
    assert (found.depth.cpu() - expected.depth).abs().median() <= 1e-3
