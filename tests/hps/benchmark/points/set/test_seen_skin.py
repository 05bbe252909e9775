"""Skin that a camera sees, against rays that are followed one by one."""

from __future__ import annotations

import numpy as np
import pytest

from body.loading import load_body_model
from body.parameters import BodyParameters
from geometry.camera import Camera
from geometry.face_raster.rasterizer import open_rasterizer
from geometry.rigid import look_at
from hps.benchmark.points.set.seen_skin import seen_alone

TRIED = 150
"""Vertices whose rays are followed."""


def body() -> tuple[np.ndarray, np.ndarray]:
    """A person whose arms cross the trunk, standing."""
    model = load_body_model()
    rng = np.random.default_rng(4)
    pose = rng.normal(0, 0.25, (1, 69))
    pose[0, 3 * 15 : 3 * 17] += [0.0, -0.9, -0.9, 0.0, 0.9, 0.9]
    posed = model.pose(
        BodyParameters(
            betas=np.zeros(2),
            global_orient=np.array([[np.pi / 2, 0, 0]]),
            body_pose=pose,
            transl=np.array([[0, 0, 1.0]]),
        )
    )
    return np.ascontiguousarray(posed.vertices[0]), np.asarray(model.faces, np.int32)


def camera_at(eye: list[float], focal: float = 500.0) -> Camera:
    K = np.array([[focal, 0, 320], [0, focal, 240], [0, 0, 1.0]])
    return Camera(name="c", K=K, width=640, height=480, T_world_camera=look_at(np.array(eye), np.array([0, 0, 1.0])))


def first_along_ray(
    vertices: np.ndarray, faces: np.ndarray, eye: np.ndarray, which: np.ndarray, margin_m: float
) -> np.ndarray:
    """Whether nothing is met more than `margin_m` before each vertex (Moeller and Trumbore, all faces)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    e1, e2 = b - a, c - a
    found = []
    for vertex in which:
        d = vertices[vertex] - eye
        h = np.cross(d, e2)
        with np.errstate(divide="ignore", invalid="ignore"):
            f = 1 / np.einsum("ij,ij->i", e1, h)
            s = eye - a
            u = f * np.einsum("ij,ij->i", s, h)
            q = np.cross(s, e1)
            v, t = f * (q @ d), f * np.einsum("ij,ij->i", e2, q)
            met = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0) & (t < 1 - margin_m / np.linalg.norm(d))
        found.append(not met.any())
    return np.array(found)


@pytest.mark.parametrize(
    ("eye", "focal"), [([2.5, 0.4, 1.4], 500.0), ([-1.0, 8.0, 1.0], 500.0), ([0.3, -0.9, 1.2], 500.0)]
)
def test_agrees_with_rays(eye: list[float], focal: float) -> None:
    vertices, faces = body()
    camera = camera_at(eye, focal)
    seen = seen_alone(camera, vertices, faces, open_rasterizer("numba"))
    which = np.random.default_rng(0).choice(len(vertices), TRIED, replace=False)
    first, nearly = (first_along_ray(vertices, faces, np.array(eye), which, margin_m) for margin_m in (0.003, 0.03))
    # What is taken for seen lies at most 3 cm behind what is met first, and most of it less than 3 mm (98 % measured).
    assert not (seen[which] & ~nearly).any()
    assert (seen[which] & ~first).mean() < 0.04
    # Left out are vertices that face away, 3 mm or less behind the outline (6 % measured).
    assert (first & ~seen[which]).mean() < 0.09
    assert 0.2 < seen.mean() < 0.55


def test_two_cameras_see_both_sides_and_a_person_beyond_the_edge_is_seen() -> None:
    vertices, faces = body()
    rasterizer = open_rasterizer("numba")
    front, back = (seen_alone(camera_at([x, 0.2, 1.2]), vertices, faces, rasterizer) for x in (2.5, -2.5))
    assert not (front & back).mean() > 0.05  # they stand 9 degrees off from face to face
    assert (front | back).mean() > 0.7
    whole = seen_alone(camera_at([2.5, 0.2, 1.2], 3000.0), vertices, faces, rasterizer)
    assert (whole == front).mean() > 0.97  # the long lens shows the chest alone


def test_nothing_is_seen_behind_the_camera() -> None:
    vertices, faces = body()
    camera = camera_at([2.5, 0.2, 1.2])
    turned = Camera(
        name="c",
        K=camera.K,
        width=640,
        height=480,
        T_world_camera=look_at(np.array([2.5, 0.2, 1.2]), np.array([5, 0, 1.0])),
    )
    assert not seen_alone(turned, vertices, faces, open_rasterizer("numba")).any()
