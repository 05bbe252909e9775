"""The rig in the page's scene: a frustum for each camera, which shows the chosen camera's picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from viser import ViserServer

from geometry.camera import Camera
from humanrig.viewing.pictures import field_of_view

COLOR, DEPTH, CHOSEN = (40, 90, 170), (150, 150, 150), (230, 110, 20)
SCALES = {"color": 0.18, "depth": 0.09}
CHOSEN_SCALE = 0.3
"""Depth of a frustum, metres."""


class Rig:
    """Every placed camera."""

    def __init__(self, server: ViserServer, cameras: dict[str, Camera], on_choice: Callable[[str], None]) -> None:
        """`on_choice` is called with the name of a colour stream whose frustum was clicked."""
        self._handles: dict[str, Any] = {}
        self._labels: list[Any] = []
        self._chosen = ""
        for name, camera in cameras.items():
            kind = name.rsplit("/", maxsplit=1)[-1]
            handle = server.scene.add_camera_frustum(
                f"/rig/{name}",
                fov=field_of_view(camera),
                aspect=camera.width * camera.K[1, 1] / (camera.height * camera.K[0, 0]),
                scale=SCALES.get(kind, SCALES["depth"]),
                color=COLOR if kind == "color" else DEPTH,
                thickness=0.004,
                wxyz=wxyz(camera),
                position=tuple(camera.center),
                cast_shadow=False,
                receive_shadow=False,
            )
            self._handles[name] = handle
            if kind == "color":
                handle.on_click(lambda _, name=name: on_choice(name))
                at = camera.center + [0, 0, 0.12]
                self._labels.append(
                    server.scene.add_label(f"/rig labels/{name}", name.split("/")[0], position=tuple(at))
                )

    def show(self, visible: bool, chosen: str, picture: np.ndarray | None) -> None:
        """Shows or hides all; the chosen camera is larger and holds its picture."""
        for handle in (*self._handles.values(), *self._labels):
            if handle.visible != visible:
                handle.visible = visible
        if self._chosen != chosen and self._chosen in self._handles:
            self._paint(self._chosen, None, COLOR, SCALES["color"])
        if chosen in self._handles:
            self._paint(chosen, picture, CHOSEN, CHOSEN_SCALE)
        self._chosen = chosen

    def _paint(self, name: str, picture: np.ndarray | None, color: tuple[int, int, int], scale: float) -> None:
        handle = self._handles[name]
        if handle.scale != scale:
            handle.scale, handle.color = scale, color
        handle.image = picture


def wxyz(camera: Camera) -> tuple[float, float, float, float]:
    """The camera's axes (OpenCV, as the page's cameras) in the world, as a quaternion."""
    x, y, z, w = Rotation.from_matrix(camera.T_world_camera[:3, :3]).as_quat()
    return (w, x, y, z)
