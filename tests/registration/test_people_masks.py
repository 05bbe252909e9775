from __future__ import annotations

import numpy as np
import pytest
from simulated_scene import open_body, ring, scene, standing

from calibration.workspace import workspace
from geometry.camera import Camera
from geometry.rays import RayScene
from registration.errors import RegistrationError
from registration.keypoints.detector import PersonMask
from registration.masks.agreement import agreement, lonely_cameras
from registration.masks.choice import choose
from registration.masks.color_masks import color_people_from_depth, color_people_from_detections
from registration.masks.config import MaskConfig
from registration.masks.files import read_mask, read_people, write_people
from registration.masks.following import follow
from registration.masks.label_warp import UNSEEN
from registration.masks.people_files import PeopleTrack, read_people_track, write_people_track
from registration.masks.pixels import masks_from_voxels
from registration.masks.rim import refine_rim
from registration.masks.voxel_shadow import people_by_voxels
from registration.masks.voxels import FLOOR, LOW, MISSING, OUTSIDE, ROOM, DepthRig, occupied, place

RATE_HZ = 10.0
APART_M = 0.30
"""Between the paths of two people who pass each other: bodies are 0.45 m wide at the elbows, so they touch."""


def _bodies(count: int = 2) -> tuple[list[np.ndarray], np.ndarray]:
    model = open_body()
    some = [model.pose(standing(model, 1, np.random.default_rng(n))).vertices[0] for n in range(count)]
    return [v - [*v[:, :2].mean(0), 0] for v in some], model.faces


class _Stage:
    """Bodies that are moved about in a room: depth images, and the person of each pixel, -1 for nobody's."""

    def __init__(self, cameras, bodies, faces, box=False):
        self.cameras, self.people = cameras, [RayScene(v, faces) for v in bodies]
        empty = scene(bodies[0] + [50.0, 0, 0], faces, cameras, box=box)
        self.room = {name: np.nan_to_num(depth, nan=np.inf) for name, depth in empty.depth_m.items()}
        self.rng = np.random.default_rng(0)

    def at(self, offsets):
        depth_m, truth = {}, {}
        for name, camera in self.cameras.items():
            layers = [self.room[name]]
            for body, offset in zip(self.people, offsets):
                moved = camera.T_world_camera.copy()
                moved[:2, 3] -= offset
                layers.append(np.nan_to_num(body.cast_camera(camera.at(moved)).t, nan=np.inf))
            z = np.min(layers, 0)
            truth[name] = np.argmin(layers, 0) - 1
            noisy = z + 2e-3 * self.rng.standard_normal(z.shape)
            depth_m[name] = np.where(noisy < 3.86, noisy, np.nan).astype(np.float32)
        return depth_m, truth


@pytest.fixture(scope="module")
def crossing():
    """Two people walk past each other at 1.2 m/s, arm against arm; also what was true."""
    bodies, faces = _bodies()
    cameras = ring(5, 160, 144)
    stage = _Stage(cameras, bodies, faces)
    frames = [stage.at([(x, APART_M / 2), (-x, -APART_M / 2)]) for x in np.linspace(-0.84, 0.84, 15)]
    return cameras, [depth for depth, _ in frames], [truth for _, truth in frames]


def _follow(cameras, depths, config, rate_hz=RATE_HZ, **rig):
    rig = DepthRig.of(cameras, workspace(cameras), config, **rig)
    found = [occupied(depth, rig) for depth in depths]
    return rig, found, follow(found, np.arange(len(found)) / rate_hz, rig.grid, config)


def _right(depth, truth, rig, things, t):
    """Share of the people's pixels that are given to the right one, by person."""
    masks = masks_from_voxels(depth, rig, [thing.index[t] for thing in things])
    hit, all_ = np.zeros(2), np.zeros(2)
    for name, mask in masks.items():
        for p in range(2):
            true = (truth[name] == p) & (mask.person >= 0)
            hit[p] += (true & (mask.person == p)).sum()
            all_[p] += true.sum()
    return hit / all_


def test_people_who_touch_in_passing_keep_their_numbers(crossing):
    cameras, depths, truths = crossing
    rig, found, things = _follow(cameras, depths, MaskConfig(people=2))
    chosen = choose(things, found, rig.grid, rig.workspace, 2, empty_room=False)
    assert len(chosen.people) == 2
    assert chosen.warnings == []
    people = sorted(chosen.people, key=lambda thing: thing.center[0][0])  # as in truth: person 0 begins at x = -0.9
    assert min(len(p.index) for p in people) == len(depths)
    right = np.array([_right(d, truth, rig, people, t) for t, (d, truth) in enumerate(zip(depths, truths))])
    assert right[[0, -1]].min() > 0.99  # apart again: nobody was exchanged
    assert right.min() > 0.85  # arms that touch are split to a voxel or two
    assert right.mean() > 0.96


def test_who_touches_from_the_first_instant_is_told_apart_by_what_follows(crossing):
    cameras, depths, truths = crossing
    rig, _, things = _follow(cameras, depths[7:], MaskConfig(people=2))
    people = sorted((thing for thing in things if len(thing.index) > 4), key=lambda thing: -thing.center[7][0])
    assert len(people) == 2
    assert _right(depths[7], truths[7], rig, people, 0).min() > 0.8
    assert _right(depths[-1], truths[-1], rig, people, 7).min() > 0.99


def test_one_person_asked_for_and_two_there_is_said(crossing):
    cameras, depths, _ = crossing
    rig, found, things = _follow(cameras, depths[:4], MaskConfig())
    chosen = choose(things, found, rig.grid, rig.workspace, 1, empty_room=True)
    assert len(chosen.people) == 1
    assert "two people are in the ring, 1 asked for" in chosen.warnings[0]
    assert "--people 2" in chosen.warnings[0]
    assert len(choose(things, found, rig.grid, rig.workspace, 0, empty_room=True).people) == 2
    three = choose(things, found, rig.grid, rig.workspace, 3, empty_room=True)
    assert len(three.people) == 2
    assert "3 people asked for, 2 found" in three.warnings[0]


def test_furniture_is_nobody_even_where_it_is_touched():
    """A box stands at (0.55, 0.35); somebody walks up to it, without a take of the empty room."""
    bodies, faces = _bodies(1)
    cameras = ring(5, 160, 144)
    stage = _Stage(cameras, bodies, faces, box=True)
    depths, truths = zip(*(stage.at([(x, 0.2)]) for x in np.linspace(-0.5, 0.15, 6)))
    rig, found, things = _follow(cameras, depths, MaskConfig(people=0))
    chosen = choose(things, found, rig.grid, rig.workspace, 0, empty_room=False)
    assert len(chosen.people) == 1
    person = chosen.people[0]
    for t in (0, 5):
        masks = masks_from_voxels(depths[t], rig, [person.index[t]], [o.index[t] for o in chosen.others])
        kept = sum((mask.person >= 0).sum() for mask in masks.values())
        wrong = sum(((mask.person >= 0) & (truths[t][name] < 0)).sum() for name, mask in masks.items())
        true = sum((truths[t][name] >= 0).sum() for name in masks)
        assert wrong < 0.03 * kept
        assert kept > 0.95 * true


def test_a_camera_that_stands_elsewhere_is_named(crossing):
    cameras, depths, _ = crossing
    order = list(cameras)
    wrong = dict(cameras)
    moved = cameras[order[2]].T_world_camera.copy()
    moved[:3, 3] += [0.0, 0.15, 0.1]
    wrong[order[2]] = cameras[order[2]].at(moved)
    for some, named in ((cameras, []), (wrong, [order[2]])):
        _, found, things = _follow(some, depths[:2], MaskConfig(people=2))
        people = [np.concatenate([thing.index[t] for thing in things if t in thing.index]) for t in range(2)]
        warnings = lonely_cameras(order, agreement(found, people, len(order)))
        assert [w.split(" ", maxsplit=1)[0] for w in warnings] == named


def test_pixels_without_depth_are_nobodys_and_counted(crossing):
    cameras, depths, _ = crossing
    name = next(iter(cameras))
    depth = dict(depths[0])
    depth[name] = np.full_like(depth[name], np.nan)
    rig, _, things = _follow(cameras, [depth], MaskConfig())
    masks = masks_from_voxels(depth, rig, [things[0].index[0]])
    assert (masks[name].person == -1).all()
    assert masks[name].removed.tolist() == [depth[name].size, 0, 0, 0, 0, 0]
    for mask in masks.values():
        assert mask.removed.sum() + (mask.person >= 0).sum() == mask.person.size


def test_an_empty_take_has_nobody(crossing):
    cameras, depths, _ = crossing
    blank = {name: np.full_like(depth, np.nan) for name, depth in depths[0].items()}
    rig, found, things = _follow(cameras, [blank, blank], MaskConfig())
    assert things == []
    assert choose(things, found, rig.grid, rig.workspace, 1, empty_room=False).people == []


def test_the_kernel_agrees_with_its_readable_twin(crossing):
    cameras, depths, _ = crossing
    name = next(iter(cameras))
    camera, depth = cameras[name], depths[0][name]
    rig = DepthRig.of(cameras, workspace(cameras), MaskConfig(), {name: np.where(depth < 2.0, depth, np.nan)})
    code = np.empty(depth.shape, np.int32)
    place(rig.view(name, depth), rig.config.floor_m, rig.grid.shape, 1, code)
    from geometry.depth import depth_to_points
    from geometry.rigid import transform

    p = transform(camera.T_world_camera, depth_to_points(depth, camera))
    at = np.nan_to_num((p - rig.grid.origin) / rig.grid.voxel_m).astype(int)
    expected = np.where(p[..., 2] < rig.config.floor_m, LOW - (at[..., 0] * rig.grid.shape[1] + at[..., 1]),
                        np.ravel_multi_index(tuple(np.moveaxis(at, -1, 0)), rig.grid.shape, mode="clip"))  # fmt: skip
    expected[p[..., 2] < rig.config.feet_m] = FLOOR
    expected[depth >= rig.limit_m[name]] = ROOM
    expected[~rig.workspace.contains(p, above_floor_m=-np.inf)] = OUTSIDE
    expected[~np.isfinite(p[..., 2])] = MISSING
    assert (code == expected).mean() > 0.9999  # a point on the border of two voxels may round either way
    assert {MISSING, OUTSIDE, ROOM} < set(np.unique(code))


def test_people_files_keep_who_is_where(tmp_path):
    whose = np.array([[-1, 0, 1], [14, 2, -1]])
    write_people(tmp_path / "a" / "m.png", whose)
    assert (read_people(tmp_path / "a" / "m.png") == whose).all()
    assert (read_mask(tmp_path / "a" / "m.png", 1) == (whose == 1)).all()
    with pytest.raises(RegistrationError, match="16 people, a mask holds 15"):
        write_people(tmp_path / "m.png", np.array([[15]]))
    track = PeopleTrack(instants=np.array([3, 4]), center=np.array([[[0, 1, 2.0]], [[np.nan] * 3]]))
    write_people_track(tmp_path / "people.npz", track)
    back = read_people_track(tmp_path / "people.npz")
    assert back is not None
    assert back.count == 1
    np.testing.assert_array_equal(back.center, track.center)
    assert read_people_track(tmp_path / "none.npz") is None
    (tmp_path / "people.npz").write_bytes(b"no")
    with pytest.raises(RegistrationError, match="run the stage masks again"):
        read_people_track(tmp_path / "people.npz")


def _dark_room_with_a_disc(rng):
    """A bright disc before a striped wall, the coarse mask of a sensor that sees it too small, and with a hole."""
    y, x = np.mgrid[:160, :160]
    wall = np.stack([60 + 30 * ((x // 12) % 2), 70 + 0 * x, 50 + 20 * ((y // 20) % 2)], -1).astype(float)
    disc = np.hypot(x - 80, y - 80) < 40
    image = np.where(disc[..., None], [150.0, 90, 80], 1.02 * wall)  # the light is not what it was
    coarse = np.where(np.hypot(x - 78, y - 81) < 37, np.int8(0), np.int8(-1))
    coarse[(y < 56) & disc] = UNSEEN  # hair
    coarse[(y < 56) & ~disc & (y > 30) & (np.abs(x - 80) < 45)] = UNSEEN

    def pixels(values):
        return np.clip(values + 4 * rng.standard_normal(values.shape), 0, 255).astype(np.uint8)

    return pixels(image), coarse, pixels(wall), disc


@pytest.mark.parametrize(("known", "least"), [(True, 0.95), (False, 0.92)])
def test_the_rim_moves_to_where_the_colors_change(known, least):
    image, coarse, wall, disc = _dark_room_with_a_disc(np.random.default_rng(0))

    def iou(mask):
        return (mask & disc).sum() / (mask | disc).sum()

    assert iou(coarse >= 0) < 0.8
    assert iou(refine_rim(image, coarse, wall if known else None)) > least


def test_nothing_is_refined_to_nothing():
    empty = np.full((40, 50), -1, np.int8)
    assert not refine_rim(np.zeros((40, 50, 3), np.uint8), empty).any()


def test_segmentations_of_two_people_overlap_and_the_nearer_is_seen():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 20, (128, 128, 3), np.uint8)
    image[20:100, 20:70], image[40:110, 60:110] = [200, 40, 40], [40, 40, 200]
    masks = {}
    for person, box in ((0, np.s_[20:100, 20:70]), (1, np.s_[40:110, 60:110])):
        crop = np.zeros((128, 128), np.uint8)
        crop[box] = 255
        masks[person] = (PersonMask(crop=crop, A_image_crop=np.eye(2, 3)), (2.5, 1.5)[person])
    whose = color_people_from_detections(masks, image)
    assert whose[30, 30] == 0
    assert whose[70, 65] == 1
    assert whose[10, 100] == -1
    assert np.mean(whose[44:106, 64:106] == 1) > 0.97


def test_people_cut_off_by_the_depth_cameras_view_are_filled_from_the_others_voxels():
    """The depth camera measures the left half of a person only; the voxels know the rest."""
    camera = Camera(
        name="c", K=np.array([[300.0, 0, 159.5], [0, 300, 119.5], [0, 0, 1]]), width=320, height=240,
        T_world_camera=np.eye(4), distortion=np.zeros(8),
    )  # fmt: skip
    y, x = np.mgrid[:240, :320]
    person = (np.abs(x - 160) < 40) & (np.abs(y - 120) < 90)
    measured = x < 165
    depth = np.where(measured, np.where(person, 2.3, 3.5), np.nan).astype(np.float32)
    grid = np.stack(np.meshgrid(np.arange(-0.30, 0.3, 0.04), np.arange(-0.68, 0.68, 0.04)), -1).reshape(-1, 2)
    voxels = np.concatenate([grid, np.full((len(grid), 1), 2.3)], -1)
    shadow = people_by_voxels([np.zeros((0, 3)), voxels], 0.04, camera)
    assert set(np.unique(shadow)) == {-1, 1}
    whose = np.where(person & measured, np.int8(1), np.int8(-1))
    cut, whole = (
        color_people_from_depth(depth, whose, camera, camera, shadow=some, voxel_px=0.04 * 300 / 2.3)
        for some in (None, shadow)
    )
    assert (cut == 1)[person].mean() < 0.6
    assert (whole == 1)[person].mean() > 0.9
    assert (whole == 1)[~person].mean() < 0.01
    # what the camera does see as empty stays empty, whatever the voxels of others say
    seen = np.where(measured, depth, np.float32(3.5))
    kept = color_people_from_depth(seen, whose, camera, camera, shadow=shadow, voxel_px=0.04 * 300 / 2.3)
    assert not (kept == 1)[~(person & measured)][10:].mean() > 0.02
