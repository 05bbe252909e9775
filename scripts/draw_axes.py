"""Draws docs/axes.png: the axes of the world, a camera, its pixels and the body.

Usage: python scripts/draw_axes.py [OUT.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import trimesh

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import from_rotvec, look_at, transform

WIDTH, HEIGHT, SUPERSAMPLING = 1400, 860, 2
RED, GREEN, BLUE, INK, GREY, PALE = (
    (40, 50, 215),
    (70, 150, 40),
    (205, 95, 30),
    (45, 45, 45),
    (150, 150, 150),
    (226, 226, 226),
)
AXIS_COLORS = (RED, GREEN, BLUE)  # x y z, in OpenCV's BGR


class Canvas:
    """A picture that is drawn on through a camera, in world coordinates."""

    def __init__(self, view: Camera) -> None:
        self.view = view
        self.pixels = np.full((view.height, view.width, 3), 255, np.uint8)
        self.font = cv2.FontFace("sans")

    def line(self, p_world: np.ndarray, color: tuple[int, int, int], thickness: float) -> None:
        """Straight lines through the points."""
        q = np.rint(self.view.project(np.asarray(p_world, float)) * 16).astype(np.int32)
        cv2.polylines(self.pixels, [q], False, color, int(thickness * SUPERSAMPLING), cv2.LINE_AA, 4)

    def arrow(self, start: np.ndarray, end: np.ndarray, color: tuple[int, int, int], thickness: float = 4) -> None:
        """An arrow whose head has the same size at any length."""
        a, b = self.view.project(np.stack([start, end]).astype(float))
        along = (b - a) / np.linalg.norm(b - a)
        across, head = np.array([-along[1], along[0]]), 4.2 * thickness * SUPERSAMPLING
        neck = b - head * along
        self.line(
            np.stack([start, start + (end - start) * np.linalg.norm(neck - a) / np.linalg.norm(b - a)]),
            color,
            thickness,
        )
        tip = np.stack([b, neck + 0.42 * head * across, neck - 0.42 * head * across])
        cv2.fillPoly(self.pixels, [np.rint(tip * 16).astype(np.int32)], color, cv2.LINE_AA, 4)

    def text(self, words: str, p_world: np.ndarray, color: tuple[int, int, int], offset=(0, 0), size: int = 22) -> None:
        """Words that start at a point of the world, moved by an offset in final pixels."""
        x, y = self.view.project(np.asarray(p_world, float)) + np.multiply(offset, SUPERSAMPLING)
        cv2.putText(self.pixels, words, (int(x), int(y)), color, self.font, size * SUPERSAMPLING)

    def axes(
        self,
        T_world_frame: np.ndarray,
        lengths: tuple[float, float, float],
        labels: tuple[str, str, str],
        offsets: list,
    ) -> None:
        """The three axes of a frame with their labels."""
        origin = T_world_frame[:3, 3]
        for axis in range(3):
            end = origin + lengths[axis] * T_world_frame[:3, axis]
            self.arrow(origin, end, AXIS_COLORS[axis])
            self.text(labels[axis], end, AXIS_COLORS[axis], offsets[axis])

    def mesh(self, mesh: TriangleMesh) -> None:
        """A mesh in soft light from above the viewer."""
        raster = rasterize_camera(mesh, self.view)
        normals = raster.interpolate(mesh.faces, mesh.vertex_normals())[raster.covered]
        light = np.array([-0.4, -0.75, 0.55]) / np.linalg.norm([-0.4, -0.75, 0.55])
        shade = 168 + 74 * np.clip(normals @ light, -0.4, 1)
        self.pixels[raster.covered] = np.clip(shade[:, None] * [1.0, 0.985, 0.965], 0, 255)

    def save(self, path: Path) -> None:
        """Writes the picture at its final size."""
        cv2.imwrite(str(path), cv2.resize(self.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))


def figure() -> TriangleMesh:
    """A jointed doll in the body frame: y up, facing +z, left hand at +x, its origin at the pelvis."""

    def limb(start, end, radius):
        line = np.subtract(end, start).astype(float)
        part = trimesh.creation.capsule(height=np.linalg.norm(line), radius=radius, count=[32, 32])
        part.apply_transform(trimesh.geometry.align_vectors([0, 0, 1], line))
        return part.apply_translation(np.add(start, end) / 2)

    parts = [limb([0, 0.0, 0], [0, 0.42, 0], 0.125), limb([-0.12, 0.44, 0], [0.12, 0.44, 0], 0.085)]
    parts += [limb([0, 0.5, 0], [0, 0.62, 0.01], 0.05)]
    parts += [trimesh.creation.icosphere(4, 0.115).apply_translation([0, 0.74, 0.02])]
    parts += [limb([0, 0.73, 0.12], [0, 0.715, 0.145], 0.016)]  # the nose tells where it faces
    for side in (-1, 1):
        parts += [
            limb([side * 0.2, 0.44, 0], [side * 0.45, 0.3, 0], 0.05),
            limb([side * 0.45, 0.3, 0], [side * 0.68, 0.22, 0.05], 0.042),
        ]
        parts += [
            limb([side * 0.09, -0.05, 0], [side * 0.11, -0.47, 0.02], 0.075),
            limb([side * 0.11, -0.47, 0.02], [side * 0.12, -0.86, -0.02], 0.055),
        ]
        parts += [limb([side * 0.12, -0.885, -0.02], [side * 0.14, -0.885, 0.14], 0.042)]
    merged = trimesh.util.concatenate(parts)
    return TriangleMesh(vertices=np.array(merged.vertices), faces=np.array(merged.faces))


def draw_floor(canvas: Canvas) -> None:
    """A grid of half metres on z = 0."""
    for i in np.arange(-2.0, 2.01, 0.5):
        canvas.line([[i, -1.5, 0], [i, 1.5, 0]], PALE, 1.5)
    for j in np.arange(-1.5, 1.51, 0.5):
        canvas.line([[-2.0, j, 0], [2.0, j, 0]], PALE, 1.5)
    canvas.text("floor z = 0, one square 0.5 m", [0.55, -1.42, 0], GREY, size=17)


def draw_camera(canvas: Canvas, camera: Camera, depth: float) -> None:
    """The frustum, its image plane with the pixel axes, and the camera's axes."""
    w, h = camera.width, camera.height
    corners = transform(
        camera.T_world_camera, camera.unproject(np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1.0]]), depth)
    )
    for corner in corners:
        canvas.line([camera.center, corner], GREY, 1.5)
    canvas.line([*corners, corners[0]], INK, 2)
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    canvas.arrow(corners[0], corners[0] + 0.45 * across, INK, 3)
    canvas.arrow(corners[0], corners[0] + 0.4 * down, INK, 3)
    canvas.text("pixel (0, 0)", corners[0], INK, (-60, -14), 19)
    canvas.text("x", corners[0] + 0.45 * across, INK, (6, 0), 19)
    canvas.text("y", corners[0] + 0.4 * down, INK, (-20, 6), 19)
    canvas.axes(
        camera.T_world_camera, (0.4, 0.4, 1.12), ("x right", "y down", "z forward"), [(8, 10), (-28, 28), (10, 6)]
    )
    canvas.text("camera (OpenCV)", camera.center, INK, (-206, -10), 24)


def main(path: Path) -> None:
    """Composes the picture: the body faces the viewer, the camera looks at it from the left."""
    scale = SUPERSAMPLING
    K = np.array([[1500.0 * scale, 0, WIDTH * scale / 2], [0, 1500.0 * scale, HEIGHT * scale / 2 + 20], [0, 0, 1]])
    T = look_at(np.array([1.5, -5.2, 2.3]), np.array([-0.1, 0, 0.74]))
    canvas = Canvas(Camera(name="view", K=K, width=WIDTH * scale, height=HEIGHT * scale, T_world_camera=T))
    draw_floor(canvas)
    T_world_body = from_rotvec(np.array([np.pi / 2, 0, 0]), np.array([1.0, 0.6, 0.93]))
    body = figure()
    canvas.mesh(TriangleMesh(vertices=transform(T_world_body, body.vertices), faces=body.faces))
    canvas.axes(np.eye(4), (0.6, 0.6, 0.6), ("x", "y", "z up"), [(10, 8), (8, 0), (12, 4)])
    canvas.text("world", np.zeros(3), INK, (-78, 16), 24)
    canvas.axes(T_world_body, (0.45, 0.45, 0.6), ("x: left hand", "y up", "z: front"), [(4, 26), (12, 6), (-70, 26)])
    canvas.text("body (SMPL)", T_world_body[:3, 3] + [0, 0, 0.9], INK, (-64, -14), 24)
    K_small = np.array([[400.0, 0, 319.5], [0, 400, 239.5], [0, 0, 1]])
    eye = np.array([-1.3, -0.95, 1.3])
    camera = Camera(
        name="c", K=K_small, width=640, height=480, T_world_camera=look_at(eye, np.array([-0.25, 1.2, 1.0]))
    )
    draw_camera(canvas, camera, 0.62)
    canvas.save(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs/axes.png")
