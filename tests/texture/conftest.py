"""A painted globe with a seam, cameras around it, and pictures of it made by casting rays (not by the rasteriser)."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from geometry.rigid import look_at

DISTORTION = np.array([0.45, -2.5, 3e-4, -2e-4, 1.5, 0.33, -2.3, 1.4])
"""Of the size that Azure Kinect colour cameras have."""


def globe(radius=0.3, center=(0.0, 0.0, 1.0), rows=24, columns=48):
    """Closed latitude-longitude sphere; u goes round, v up; the vertices of the seam have two UVs."""
    polar, azimuth = np.linspace(0, np.pi, rows + 1), np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ring = np.stack(
        [
            np.outer(np.sin(polar), np.cos(azimuth)),
            np.outer(np.sin(polar), np.sin(azimuth)),
            np.outer(np.cos(polar), np.ones(columns)),
        ],
        -1,
    )
    vertices = ring.reshape(-1, 3) * radius + center
    u, v = np.meshgrid(np.linspace(0.05, 0.95, columns + 1), np.linspace(0.95, 0.05, rows + 1))
    i, j = (a.ravel() for a in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
    quad = np.stack([a * columns + b % columns for a, b in corners], -1)
    uv_quad = np.stack([a * (columns + 1) + b for a, b in corners], -1)
    split = [[0, 1, 2], [0, 2, 3]]
    return TriangleMesh(
        vertices=vertices,
        faces=quad[:, split].reshape(-1, 3),
        uv=np.stack([u, v], -1).reshape(-1, 2),
        uv_faces=uv_quad[:, split].reshape(-1, 3),
    )


def paint(uv):
    """A smooth RGB function of (u, v) that no flip or turn of the texture leaves unchanged."""
    u, v = uv[..., 0], uv[..., 1]
    return np.stack([60 + 150 * u, 60 + 150 * v, 128 + 60 * np.sin(9 * u + 4 * v)], -1)


def camera(angle, distance=1.6, height=1.1, size=(320, 240), distortion=DISTORTION, name="c/color"):
    """Looks at the globe from an angle around it."""
    eye = np.array([distance * np.cos(angle), distance * np.sin(angle), height])
    K = np.array([[300.0, 0, size[0] / 2 - 3], [0, 302.0, size[1] / 2 + 2], [0, 0, 1]])
    place = look_at(eye, np.array([0, 0, 1.0]))
    return Camera(
        name=name, K=K, width=size[0], height=size[1], T_world_camera=place, distortion=distortion, metric_radius=1.7
    )


def picture(mesh, view, background=20):
    """RGB image and depth of a painted mesh, by rays."""
    hits = RayScene.of(mesh).cast_camera(view)
    image = np.full((view.height, view.width, 3), background, np.uint8)
    hit = hits.face >= 0
    uv = hits.uv[hit]
    weights = np.stack([1 - uv.sum(-1), uv[:, 0], uv[:, 1]], -1)
    image[hit] = np.rint(paint(np.einsum("nk,nkc->nc", weights, mesh.uv[mesh.uv_faces[hits.face[hit]]])))
    return image, hits.t.astype(np.float32)


@pytest.fixture(scope="session")
def painted():
    """The functions above."""

    class Painted:
        globe = staticmethod(globe)
        paint = staticmethod(paint)
        camera = staticmethod(camera)
        picture = staticmethod(picture)

    return Painted
