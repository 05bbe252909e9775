"""Labelled clouds of staged scenes against ray casts, the whole-image sensors and the body model"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_scenes import small_table

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.virtual.baked_room import BakedRoom, pinhole_rays
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.room import draw_room
from capture.virtual.tof.sensor import TofSensor
from geometry.rays import RayScene, ray_table
from geometry.rigid import inverse, transform
from hps.errors import HpsError
from hps.synthesis.clouds.cloud import LabelledCloud
from hps.synthesis.clouds.clouds_pass import CloudsPass
from hps.synthesis.clouds.figure_samples import figure_samples
from hps.synthesis.clouds.measuring import CloudCamera, CloudScene
from hps.synthesis.clouds.people_masks import around_people
from hps.synthesis.clouds.sensors import OPTICS_SEED, open_view
from hps.synthesis.clouds.skin_offset import SkinTopology
from hps.synthesis.clouds.surroundings import Surroundings
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.pictures.sensor_depth import KINECT_MODE, SensorDepth
from hps.synthesis.quality.actor_flags import actor_flags
from hps.synthesis.sample import Sample
from hps.synthesis.scenes.rows import SENSORS, CameraRow
from hps.synthesis.staging.stage import Stage
from hps.synthesis.staging.staged import StagedScene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> StagedScene:
    """Two people of the model, a chair, three cameras, two instants"""
    bodies: Path = tmp_path_factory.mktemp("bodies")
    table = small_table(bodies, cameras=3, exact=True)
    return Stage(bodies, load_body_model(), renderer="numba", colors=False).scene(table.scene("s000000"))


def with_sensor(staged: StagedScene, sensor: str, **changed: object) -> StagedScene:
    cameras = tuple(replace(row, sensor=sensor, **changed) for row in staged.spec.cameras)
    return replace(staged, spec=replace(staged.spec, cameras=cameras))


def samples(staged: StagedScene, **settings: object) -> list[Sample]:
    return list(CloudsPass(SynthesisConfig(**settings)).samples(staged))  # type: ignore[arg-type]


def clouds(staged: StagedScene, **settings: object) -> Iterator[LabelledCloud]:
    return (LabelledCloud.from_bytes(sample.files["cloud.npz"]) for sample in samples(staged, **settings))


def dressed(staged: StagedScene, frame: int) -> RayScene:
    return RayScene(staged.surface[frame], staged.studio.figure.faces)


def scene_of(staged: StagedScene) -> CloudScene:
    topology = SkinTopology.of(staged.model.faces, staged.model.vertex_count)
    return CloudScene.of(staged, Surroundings.of(staged.spec.row.room_seed), topology)


def test_the_same_scene_gives_the_same_bytes(staged):
    first = samples(staged, cloud_views=(1, 2), cloud_mask_px=(-1, 2), cloud_points=500)
    again = samples(staged, cloud_views=(1, 2), cloud_mask_px=(-1, 2), cloud_points=500)
    assert [s.key for s in first][:4] == [
        "s000000_000_c00",
        "s000000_000_c01",
        "s000000_000_c02",
        "s000000_000_v02_00",
    ]
    assert [s.files for s in first] == [s.files for s in again]
    assert [s.rows for s in first] == [s.rows for s in again]
    other = replace(staged.spec, row=replace(staged.spec.row, noise_seed=77))
    changed = samples(replace(staged, spec=other), cloud_views=(1,), cloud_points=500)
    assert changed[0].files != first[0].files
    for sample in first:
        assert set(sample.rows[0]) == set(CloudsPass.schema.names)
        assert [row["actor_flags"] for row in sample.rows] == [actor_flags(staged, n) for n in range(len(sample.rows))]


def test_points_without_errors_lie_on_the_surface_that_the_rays_meet(staged):
    """Depth is exact on the ray of the pixel's centre; which face that is differs at outlines only."""
    seen = wrong = 0
    for n, cloud in enumerate(clouds(with_sensor(staged, "pinhole"), cloud_points=0)):
        frame, number = divmod(n, len(staged.spec.cameras))
        camera = staged.spec.cameras[number].to_camera()
        hits = dressed(staged, frame).cast_camera(camera)
        row, column = cloud.pixel.T.astype(int)
        owner = np.append(staged.studio.figure.owners, -1)[hits.face[row, column]]
        agree = owner == cloud.actor
        seen, wrong = seen + len(agree), wrong + (~agree).sum()
        rays = ray_table(camera)[row, column]
        twin = np.stack([rays[:, 0], rays[:, 1], np.ones(len(rays))], -1) * hits.t[row, column, None]
        off = np.linalg.norm(cloud.points - twin, axis=1)[agree]
        # float32 vertices; drawn edges are rounded to 1/256 px, so that in few pixels a neighbour's plane is met
        assert np.quantile(off, 0.97) < 1e-4
        faces = np.asarray(staged.studio.figure.faces)[hits.face[row, column]]
        corners = staged.surface[frame].astype(float)[faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) @ camera.T_world_camera[:3, :3]
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        normal *= -np.sign((normal * cloud.points).sum(1, keepdims=True))
        same = agree & (np.linalg.norm(cloud.points - twin, axis=1) < 1e-6)
        # a step of 1/127, and a half; a ray on an edge meets either face
        assert (np.abs(cloud.normal[same] / 127 - normal[same]).max(1) < 0.006).mean() > 0.995
        part = staged.part_of_face[hits.face[row, column]]
        assert (part == cloud.part)[agree].mean() > 0.99
        alone = np.isin(np.append(staged.studio.figure.owners, -1)[hits.face], (0, 1)).sum()
        assert abs(len(cloud) - alone) < 0.01 * alone
    assert seen > 5000
    assert wrong < 0.005 * seen  # pixels at outlines


def test_skin_offsets_lead_to_the_nearest_naked_skin(staged):
    near = count = 0
    for n, cloud in enumerate(clouds(with_sensor(staged, "kinect"), cloud_points=0)):
        frame = n // len(staged.spec.cameras)
        T = cloud.T_world_camera[0]
        for actor in range(2):
            mine = cloud.actor == actor
            p = transform(T, cloud.points[mine].astype(float))
            skin = transform(T, cloud.points[mine] + cloud.skin_offset[mine].astype(float))
            body = RayScene(staged.people[actor].vertices[frame], staged.model.faces)
            assert np.quantile(body.closest(skin).distance, 0.99) < 2e-4  # half floats: steps of 0.06 mm at 0.1 m
            best = body.closest(p).distance
            ours = np.linalg.norm(skin - p, axis=1)
            assert (ours > best - 1e-3).all()
            near, count = near + (ours < best + 1e-3).sum(), count + len(best)
    assert count > 3000
    assert near > 0.97 * count  # the rest: points that fly far off, and clothes nearer to another limb


def test_rows_describe_the_body_in_the_clouds_frame(staged):
    """The parameters in the camera's frame give the naked vertices there."""
    model = staged.model
    for sample in samples(staged, cloud_views=(1, 3), cloud_points=100):
        for row in sample.rows:
            T = np.asarray(row["T_world_camera"]).reshape(4, 4)
            assert np.allclose(T, np.eye(4)) == (row["views"] == 3) == (row["camera"] == -1)
            parameters = BodyParameters(
                betas=np.asarray(row["betas"]),
                child=row["child"],
                body_pose=np.asarray(row["body_pose"])[None],
                global_orient=np.asarray(row["global_orient_camera"])[None],
                transl=np.asarray(row["transl_camera"])[None],
            )
            truly = transform(inverse(T), staged.people[row["actor"]].vertices[row["frame"]])
            np.testing.assert_allclose(model.pose(parameters).vertices[0], truly, atol=1e-6)
            assert row["points"] <= row["pixels_measured"] <= 1.02 * row["pixels_seen"] + 5
            assert len(row["sensors"]) == len(row["cameras"]) == row["views"]


def test_a_window_measures_what_the_whole_image_does(staged):
    """Without random noise a sensor's window equals its whole image, but for the outer cell of multi-path's grid."""
    effects = replace(DepthEffects(), axial_noise=False, lateral_noise=False, softness=0.0)
    row = staged.spec.cameras[0]
    scene, camera = scene_of(staged), row.to_camera()
    rays, whole = pinhole_rays(camera), (slice(0, camera.height), slice(0, camera.width))
    moment = staged.moment(0)

    def exact(window):
        figure = moment.drawable.vertices, moment.drawable.faces
        fine, centers = (staged.studio.rasterizer.draw(camera, *figure, window, samples) for samples in (2, 1))
        behind = scene.surroundings.samples(camera, rays, window, near[window])
        drawn = near[window] | read[window]
        return figure_samples(fine, centers, camera, *figure, scene.reflectance, rays, behind, drawn)

    def sensor():
        return TofSensor(camera, KINECT_MODE, effects, np.random.default_rng(5), rays=rays)

    near = read = np.ones((camera.height, camera.width), np.uint8)
    all_of_it = exact(whole)
    entire = sensor().sense(all_of_it.z_fine, all_of_it.echo_fine, np.random.default_rng(0))
    windowed, step = sensor(), sensor().grid_px
    view = open_view(row, "table", scene.surroundings)
    extent = moment.drawable.positions(camera).window(0)
    window = view.window(extent, np.ones(1), 0)
    assert all(part.start % step == 0 for part in window)
    owner = scene.owner_of_face[all_of_it.face]
    near, people = around_people(owner, 2, view.reach_px), around_people(owner, 2, 3)[window] > 0
    places = windowed.read_places()
    assert places is not None
    read = places.astype(np.uint8)
    part = exact(window)
    beyond = scene.surroundings.centers(camera, rays, places)
    measured = windowed.sense_window(window, part.z_fine, part.echo_fine, beyond, np.random.default_rng(0))
    inside = tuple(slice(step // 2, size - step // 2) for size in measured.shape)
    difference = measured.astype(int)[inside] - entire[window].astype(int)[inside]
    # light from a piece of furniture outside the window is the room's there; else the same to the rounding
    assert (np.abs(difference) > 1)[people[inside]].mean() < 1e-3
    assert (measured > 0)[people].mean() > 0.7  # the rest: edges, where surfaces cancel each other


def test_a_figures_samples_are_those_of_the_drawn_figure(staged):
    """Depth is the simulator's to the bit, the echo but for the pattern within faces."""
    scene, camera, moment = scene_of(staged), staged.spec.cameras[1].to_camera(), staged.moment(1)
    rays, drawable = pinhole_rays(camera), moment.drawable
    echo, centers = drawable.echo(camera, rays), drawable.centers(camera, rays)
    window, figure = echo.window, (drawable.vertices, drawable.faces)
    fine, middle = (staged.studio.rasterizer.draw(camera, *figure, window, samples) for samples in (2, 1))
    nothing = (np.full(echo.depth.shape, np.inf, np.float32), np.zeros(echo.depth.shape, np.float32))
    found = figure_samples(fine, middle, camera, *figure, scene.reflectance, rays, nothing)
    np.testing.assert_array_equal(found.face, centers.face)
    np.testing.assert_array_equal(found.z, centers.depth)
    np.testing.assert_array_equal(found.z_fine, echo.depth)
    # grey people: their reflectance is each face's own, whatever the texture; furniture's textures vary within faces
    people = np.isfinite(echo.depth) & (np.repeat(np.repeat(scene.owner_of_face[found.face], 2, 0), 2, 1) < 3)
    ratio = found.echo_fine[people] / echo.amplitude[people]
    assert np.quantile(np.abs(ratio - 1), 0.98) < 0.02


@pytest.mark.parametrize("sensor", ["kinect", "realsense"])
def test_errors_are_those_of_the_whole_sensor(staged, sensor):
    """Beside pictures' sensor depth, which draws everything and the sensor in whole images: the same bias and spread
    of depth about the truth on people, and as many pixels lost."""
    changed, room = with_sensor(staged, sensor), BakedRoom.of(draw_room(np.random.default_rng(0)), 0.05)
    ours, theirs, lost = [], [], []
    for number, row in enumerate(changed.spec.cameras):
        scene = scene_of(changed)
        cloud_camera = CloudCamera(scene, number, open_view(row, "table", scene.surroundings))
        whole, camera = SensorDepth(row, room), row.to_camera()
        for seed in range(4):
            moment = changed.moment(seed % 2)
            truth = np.full((camera.height, camera.width), np.nan)
            centers = moment.drawable.centers(camera, pinhole_rays(camera))
            owner = moment.drawable.mask(centers, camera.height, camera.width)
            truth[centers.window] = centers.depth
            mine = (owner > 0) & (owner <= 2)
            depth = whole.millimetres(moment.drawable, np.random.default_rng(seed)) / 1000.0
            cloud = cloud_camera.measure(moment, np.random.default_rng(seed + 50)).cloud
            r, c = cloud.pixel.T.astype(int)
            ours.append((cloud.points[:, 2] - truth[r, c])[cloud.actor >= 0])
            theirs.append((depth - truth)[mine & (depth > 0)])
            lost.append((len(cloud), (mine & (depth > 0)).sum()))
    ours, theirs = (np.concatenate(v) for v in (ours, theirs))
    q = [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98]
    a, b = np.nanquantile(ours, q), np.quantile(theirs, q)
    spread = b[4] - b[2]
    # 4 draws of noise whose neighbours agree over a few pixels, and a constant of the unit that both have
    np.testing.assert_allclose(a[1:6], b[1:6], atol=0.25 * spread)
    np.testing.assert_allclose(a[[0, 6]], b[[0, 6]], rtol=0.25, atol=0.5 * spread)
    counts = np.array(lost)
    np.testing.assert_allclose(counts[:, 0].sum(), counts[:, 1].sum(), rtol=0.01)


def test_surroundings_are_the_rooms(staged):
    row = staged.spec.cameras[0]
    camera, around = row.to_camera(), Surroundings.of(3)
    room = draw_room(np.random.default_rng(3))
    window = (slice(20, 90), slice(30, 200))
    where = np.ones((70, 170), np.uint8)
    where[:, 100:] = 0
    depth, echo = around.samples(camera, pinhole_rays(camera), window, where)
    assert np.isinf(depth[:, 200:]).all()
    window, depth, echo = (window[0], slice(30, 130)), depth[:, :200], echo[:, :200]
    baked = BakedRoom.of(room, 0.05).echo(camera)
    fine = tuple(slice(2 * part.start, 2 * part.stop) for part in window)
    np.testing.assert_allclose(depth, baked[0][fine], rtol=1e-5)
    # texels of 50 and 16 mm differ where something hangs on a wall, and at its grain
    assert np.quantile(np.abs(echo / baked[1][fine] - 1), 0.8) < 0.1
    np.testing.assert_allclose(echo.mean(), baked[1][fine].mean(), rtol=0.02)


def test_lens_distortion_of_a_device_is_in_the_rays(staged):
    """Points of a real Kinect's optics without noise would lie on the surface: with it, within centimetres."""
    row = staged.spec.cameras[0]
    view = open_view(row, "device", Surroundings.of(0))
    assert (view.camera.width, view.camera.height) == (640, 576)
    assert view.camera.distortion.any()
    assert OPTICS_SEED
    np.testing.assert_array_equal(view.camera.T_world_camera, row.to_camera().T_world_camera)
    around = Surroundings.of(0)
    depth, _ = around.samples(view.camera, view.rays, (slice(280, 300), slice(300, 340)), np.ones((20, 40), np.uint8))
    rays = ray_table(view.camera)[280:300, 300:340].astype(np.float32)
    v_world = np.concatenate([rays, np.ones((20, 40, 1), np.float32)], -1) @ view.camera.T_world_camera[:3, :3].T
    hits = draw_room(np.random.default_rng(0)).hit(view.camera.center, v_world)
    np.testing.assert_allclose(depth.reshape(20, 2, 40, 2).mean((1, 3)), hits.t, rtol=2e-3)
    kinect = with_sensor(staged, "kinect")
    for cloud in list(clouds(kinect, cloud_camera="device"))[:2]:
        surface = dressed(staged, 0).closest(transform(cloud.T_world_camera[0], cloud.points.astype(float)))
        assert np.median(surface.distance) < 0.01  # the unit's constant and its noise


def test_far_cameras_stand_on_an_open_floor(staged):
    """At 10 m, out of the room, a stereo camera still sees people; the floor's points are on the floor."""
    far = []
    for row in staged.spec.cameras:
        d = np.array([row.x_m, row.y_m])
        x, y = 9.5 * d / np.linalg.norm(d)
        far.append(replace(row, x_m=float(x), y_m=float(y), sensor="pinhole", fx=row.fx * 3, fy=row.fy * 3))
    scene = replace(staged, spec=replace(staged.spec, cameras=tuple(far)))
    whole = list(clouds(scene, cloud_surroundings="floor", cloud_mask_px=(3, 3), cloud_points=0))
    assert min(len(cloud) for cloud in whole) > 300
    for cloud in whole:
        others = transform(cloud.T_world_camera[0], cloud.points[cloud.actor < 0].astype(float))
        assert (np.abs(others[:, 2]) < 0.02).any()
        assert np.isnan(cloud.skin_offset[cloud.actor < 0]).all()


def test_masks_that_are_off_bring_background_or_lose_edges(staged):
    true, grown, shrunk = (next(iter(clouds(staged, cloud_mask_px=(off, off), cloud_points=0))) for off in (0, 3, -2))
    assert (true.actor >= 0).all()
    assert (grown.actor < 0).sum() > 200
    assert len(shrunk) < 0.9 * len(true) < len(true) < len(grown)
    pixels = {tuple(q) for q in true.pixel}
    assert {tuple(q) for q in shrunk.pixel} <= pixels


@pytest.mark.parametrize("sensor", SENSORS)
def test_people_behind_the_camera_leave_an_empty_cloud(staged, sensor):
    turned = []
    for row in staged.spec.cameras:
        T = row.to_camera().T_world_camera
        away = T @ np.diag([-1.0, 1.0, -1.0, 1.0])
        turned.append(replace(row, sensor=sensor, **CameraRow.placed(away)))
    scene = replace(staged, spec=replace(staged.spec, cameras=tuple(turned)))
    for sample in samples(scene):
        assert len(LabelledCloud.from_bytes(sample.files["cloud.npz"])) == 0
        assert [row["points"] for row in sample.rows] == [0, 0]


def test_an_unknown_sensor_is_named(staged):
    with pytest.raises(HpsError, match="s000000/c00: no sensor 'sonar'"):
        samples(with_sensor(staged, "sonar"))


def test_wishes_that_cannot_be_met_are_named(staged):
    with pytest.raises(HpsError, match="scene s000000: clouds of 4 cameras are asked for, it has 3"):
        samples(staged, cloud_views=(1, 4))
