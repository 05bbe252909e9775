"""Flags of samples: what is wrong is found, what is right is left alone, with the figure in the words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.virtual.drawable import Studio
from capture.virtual.figure import Figure
from capture.virtual.scene import Scene, Thing
from capture.virtual.subject import Subject
from geometry.face_raster.rasterizer import open_rasterizer
from hps.errors import HpsError
from hps.synthesis.quality.actor_flags import actor_flags
from hps.synthesis.quality.flag_words import has_none_of
from hps.synthesis.quality.picture_flags import picture_flags
from hps.synthesis.quality.solids import depth_inside, inside
from hps.synthesis.scenes.rows import SceneRow, SceneSpec
from hps.synthesis.staging.staged import StagedScene

RATE_HZ = 10.0
BOX_FACES = np.array(
    [[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6],
     [3, 0, 4], [3, 4, 7]]
)  # fmt: skip
"""Faces of a box, turned outwards."""


def box(low, high):
    """Corners of a box."""
    (a, b, c), (d, e, f) = low, high
    return np.array(
        [[a, b, c], [d, b, c], [d, e, c], [a, e, c], [a, b, f], [d, b, f], [d, e, f], [a, e, f]], np.float64
    )


def staged(*, x, y=(0.0, 0.0), lift=(0.0, 0.0), speed=(0.5, 0.5), twist=(0.0, 0.0), frames=3, things=()) -> StagedScene:
    """Two people with hanging arms who move along y; those who twist bring their arms into the trunk."""
    model = load_body_model()
    people, labels = [], []
    for actor in range(2):
        pose = np.zeros((frames, 69))
        for side, sign in (("left", -1), ("right", 1)):
            joint = 3 * (JOINT_INDEX[f"{side}_shoulder"] - 1)
            pose[:, joint + 2] = sign * np.deg2rad(60 + twist[actor])
        body = BodyParameters(
            betas=np.zeros(0),
            global_orient=np.tile([np.pi / 2, 0, 0], (frames, 1)),
            body_pose=pose,
            transl=np.stack([[x[actor], y[actor] + speed[actor] / RATE_HZ * frame, 0] for frame in range(frames)]),
        )
        ground = model.pose(body[slice(0, 1)]).vertices[..., 2].min()
        body = replace(body, transl=body.transl + [0, 0, lift[actor] - ground])
        people.append(
            Subject.of(model, body, texture=np.zeros((2, 2, 3), np.uint8), offsets=np.zeros(model.vertex_count))
        )
        labels.append(body)
    scene = Scene.of(people, things)
    row = SceneRow(
        scene="s", split="train", kind="group", room_seed=0, rig="r", frames=frames, rate_hz=RATE_HZ, noise_seed=0
    )
    figure = scene.figure()
    assert figure is not None
    return StagedScene(
        spec=SceneSpec(row=row, people=(), actors=(), things=(), cameras=()),
        model=model,
        people=tuple(people),
        things=tuple(things),
        studio=Studio.of(figure, rasterizer=open_rasterizer("numba")),
        surface=scene.vertices(),
        part_of_face=np.zeros(len(figure.faces), np.uint8),
        labels=tuple(labels),
    )


def crate(at) -> Thing:
    """A cube of 20 cm."""
    uv = np.zeros((1, 2))
    figure = Figure(faces=BOX_FACES, uv=uv, uv_faces=np.zeros_like(BOX_FACES), texture=np.zeros((2, 2, 3), np.uint8))
    return Thing(name="crate", figure=figure, vertices=box(np.array(at) - 0.1, np.array(at) + 0.1)[None])


@pytest.mark.slow
def test_a_person_who_moves_on_the_floor_apart_from_others_has_no_flag():
    assert actor_flags(staged(x=(0.0, 1.0), things=(crate([0.0, 0.0, 2.5]),)), 0) == []


def test_each_wrong_is_named_with_its_figure():
    # one nearly still, with a crate in the belly and hands in the thighs, sunk into the floor; the other in the air
    scene = staged(
        x=(0.0, 1.0),
        lift=(-0.05, 0.2),
        speed=(0.02, 0.5),
        twist=(45.0, 0.0),
        things=(crate([0.0, -0.35, 1.2]),),
        frames=2,
    )
    static, crate_in, arm_in, sunk = actor_flags(scene, 0)
    assert static == "near_static: 0.2 cm in 0.1 s"  # a step of 2 mm
    assert crate_in.startswith("interpenetration: ")
    assert crate_in.endswith(" into crate 0")
    assert arm_in.startswith("self_penetration: ")
    assert sunk == "off_floor: 5.0 cm below"
    assert actor_flags(scene, 1) == ["off_floor: 20.0 cm above"]


@pytest.mark.slow
def test_interpenetration_of_two_people_is_the_same_for_both_and_one_instant_is_not_called_static():
    scene = staged(x=(0.0, 0.3), y=(0.0, 0.05), frames=1)
    (one,), (other,) = actor_flags(scene, 0), actor_flags(scene, 1)
    assert one.startswith("interpenetration: ")
    assert one.replace("person 1", "") == other.replace("person 0", "")


def test_points_of_two_boxes_that_go_through_each_other():
    rng = np.random.default_rng(0)
    vertices = np.concatenate([box([0, 0, 0], [1, 1, 1]), box([0.5, 0.25, 0.25], [1.5, 0.75, 0.75])])
    faces = np.concatenate([BOX_FACES, BOX_FACES + 8])
    points = np.concatenate([rng.uniform(-0.3, 1.8, (2000, 3)), [[0.5, 0.5, 0.9], [0.25, 0.75, 0.1]]])
    one = ((points > 0) & (points < 1)).all(1)
    other = ((points > [0.5, 0.25, 0.25]) & (points < [1.5, 0.75, 0.75])).all(1)
    # the last two points are under edges and diagonals of faces, where a ray upwards must count once
    np.testing.assert_array_equal(inside(points, vertices[faces]), one | other)


def test_depth_is_the_distance_to_the_nearest_side():
    vertices = box([0, 0, 0], [1, 1, 1])
    points = np.array([[0.5, 0.5, 0.93], [0.9, 0.5, 0.5], [2.0, 0.5, 0.5]])
    assert depth_inside(points, vertices, BOX_FACES) == pytest.approx(0.1, abs=1e-12)
    assert depth_inside(points[2:], vertices, BOX_FACES) == 0.0


ROW = {"pixels_visible": 5000, "occluded": 0.1, "truncated": 0.0, "box_whole": [10.0, 10.0, 60.0, 200.0]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"pixels_visible": 0, "truncated": 1.0, "occluded": float("nan")}, ["out_of_view: 0 pixels"]),
        ({"pixels_visible": 0, "occluded": 1.0}, ["occluded: 100 % of what is in view"]),
        ({"occluded": 0.75}, ["occluded: 75 % of what is in view"]),
        ({"truncated": 0.6}, ["truncated: 60 % of the body"]),
        ({"box_whole": [0.0, 0.0, 12.0, 40.0]}, ["small: 40 pixels"]),
    ],
)
def test_pictures(change, expected):
    assert picture_flags({**ROW, **change}) == expected


def test_a_reader_leaves_out_flags_by_name():
    flags = ["occluded: 75 % of what is in view"]
    assert has_none_of(flags, ["truncated", "near_static"])
    assert not has_none_of(flags, ["occluded"])
    with pytest.raises(HpsError, match="no flag 'ocluded'; the flags are near_static"):
        has_none_of(flags, ["ocluded"])
