"""Clouds in which no single upright person is: what an estimator must not be sure of. For calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from capture.virtual.furniture import piece
from capture.virtual.furniture_pieces import DESIGNS
from capture.virtual.furniture_shapes import box, lathe
from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import look_at, transform
from hps.points.judging.room_pieces import corner_of_a_room, person_sized, place_in_a_room
from hps.points.judging.turned_people import UPSIDE_DOWN, turn_about_view
from hps.points.person_cloud import PersonCloud

K: Final = np.array([[252.0, 0, 160], [0, 252.0, 144], [0, 0, 1]])
WIDTH, HEIGHT = 320, 288
NOISE_M: Final = 0.004
MOST_POINTS: Final = 2048
KINDS: Final = ("furniture", "solid", "wall", "two people", "upside down", "small", "large", "dust", "room")


def not_a_person(kind: str, rng: np.random.Generator, people: Sequence[PersonCloud]) -> PersonCloud:
    """A cloud of a kind of KINDS; `people` are clouds of single cameras that some kinds are made from."""
    if kind == "furniture":
        thing = piece(str(rng.choice(list(DESIGNS))), rng)
        vertices = np.asarray(thing.vertices[0], np.float64)
        return _seen(TriangleMesh(vertices=vertices, faces=thing.figure.faces), rng)
    if kind == "solid":
        return _seen(_solid(rng), rng)
    if kind == "room":
        return _room(rng)
    one, other = (people[int(n)] for n in rng.choice(len(people), 2, replace=False))
    middle = np.median(one.points, axis=0)
    if kind == "wall":
        return _with(one, middle + _wall(one, rng), rng)
    if kind == "two people":
        return _pair(one, other, rng)
    if kind == "upside down":
        T_turned_cloud = turn_about_view(one, UPSIDE_DOWN, rng)
        return _with(one, transform(T_turned_cloud, np.asarray(one.points, np.float64)), rng)
    if kind == "dust":
        return _with(one, middle + rng.normal(0, rng.uniform(0.15, 0.5, 3), (MOST_POINTS, 3)), rng)
    scale = rng.uniform(0.15, 0.4) if kind == "small" else rng.uniform(1.5, 2.2)
    return _with(one, middle + scale * (one.points - middle), rng)


def _seen(mesh: TriangleMesh, rng: np.random.Generator) -> PersonCloud:
    """A thing on the floor, by a level camera of a person's height, without the floor."""
    distance, turn = rng.uniform(1.6, 3.5), rng.uniform(0, 2 * np.pi)
    middle = (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
    eye = middle + distance * np.array([np.cos(turn), np.sin(turn), 0]) + [0, 0, rng.uniform(-0.2, 0.8)]
    cloud = _seen_from(mesh, eye, middle)
    return _with(cloud, cloud.points, rng)


def _seen_from(mesh: TriangleMesh, eye: np.ndarray, target: np.ndarray) -> PersonCloud:
    """What a camera sees, in its frame, without noise."""
    camera = Camera(name="seen", K=K, width=WIDTH, height=HEIGHT, T_world_camera=look_at(eye, target))
    points = depth_to_points(rasterize_camera(mesh, camera).depth, camera)
    return PersonCloud.of_camera(points[np.isfinite(points).all(-1)], up=camera.T_camera_world[:3, 2])


def _room(rng: np.random.Generator) -> PersonCloud:
    """A piece of a room with nobody in it."""
    cloud = _seen_from(corner_of_a_room(rng), *place_in_a_room(rng))
    return _with(cloud, person_sized(cloud.points, rng), rng)


def _solid(rng: np.random.Generator) -> TriangleMesh:
    """A ball, a box or a post."""
    kind = int(rng.integers(3))
    if kind == 0:
        angle = np.linspace(-np.pi / 2, np.pi / 2, 24)
        radius = float(rng.uniform(0.15, 0.8))
        shape = lathe([(radius * float(np.cos(a)), radius * float(np.sin(a))) for a in angle])
    elif kind == 1:
        shape = box(tuple(float(side) for side in rng.uniform(0.2, 1.8, 3)))
    else:
        radius, height = float(rng.uniform(0.05, 0.4)), float(rng.uniform(0.6, 2.0))
        shape = lathe([(radius, 0.0), (radius, height)])
    return TriangleMesh(vertices=np.asarray(shape.vertices, np.float64), faces=shape.faces)


def _wall(one: PersonCloud, rng: np.random.Generator) -> Float[np.ndarray, "points 3"]:
    """A patch of a plane about as large as a person, somehow oriented."""
    across = rng.uniform(-1, 1, (MOST_POINTS, 2)) * rng.uniform(0.3, 1.0, 2)
    flat = np.concatenate([across, np.zeros((MOST_POINTS, 1))], 1)
    return Rotation.from_quat(rng.normal(0, 1, 4)).apply(flat) if rng.uniform() < 0.5 else flat


def _pair(one: PersonCloud, other: PersonCloud, rng: np.random.Generator) -> PersonCloud:
    """Two people side by side as the first one's camera has them, each with a fair share of the points."""
    up = _up(one)
    ways = np.cross(up, np.median(one.points, axis=0))
    side = ways / np.linalg.norm(ways) * rng.choice([-1, 1])
    moved = other.points - np.median(other.points, axis=0)
    moved = moved @ _rotation(_up(other), up).T
    place = np.median(one.points, axis=0) + rng.uniform(0.5, 0.9) * side
    share = rng.uniform(0.3, 0.7)
    first = rng.choice(len(one), int(share * MOST_POINTS))
    second = rng.choice(len(other), MOST_POINTS - len(first))
    return _with(one, np.concatenate([one.points[first], moved[second] + place]), rng)


def _with(one: PersonCloud, points: np.ndarray, rng: np.random.Generator) -> PersonCloud:
    """Other points before the same camera, with noise along the rays."""
    points = points[rng.permutation(len(points))[:MOST_POINTS]]
    rays = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    return PersonCloud.of_camera(points + rays * rng.normal(0, NOISE_M, (len(points), 1)), up=one.up)


def _up(cloud: PersonCloud) -> Float[np.ndarray, "3"]:
    return np.array([0.0, -1.0, 0.0]) if cloud.up is None else np.asarray(cloud.up, np.float64)


def _rotation(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "3 3"]:
    """The shortest turn from a to b."""
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, a @ b)).as_matrix()
