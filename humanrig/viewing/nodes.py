"""Things in the page's scene that change with the instant: made once, then only what changed is sent."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Integer, UInt8
from viser import ViserServer


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Plain:
    """A surface of one colour."""

    vertices: Float[np.ndarray, "vertices 3"]
    faces: Integer[np.ndarray, "faces 3"]
    color: tuple[int, int, int]
    opacity: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Glb:
    """A surface with colours or a picture, as a GLB in the session's world."""

    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Points:
    """Coloured points. Metres."""

    points: Float[np.ndarray, "points 3"]
    colors: UInt8[np.ndarray, "points 3"]
    size_m: float


Shown = Plain | Glb | Points | None


class Nodes:
    """The changing things by their names."""

    def __init__(self, server: ViserServer) -> None:
        """None yet."""
        self._server = server
        self._handles: dict[str, Any] = {}
        self._kinds: dict[str, type] = {}
        self._keys: dict[str, Hashable] = {}

    def show(self, name: str, key: Hashable, make: Callable[[], Shown]) -> None:
        """Shows what `make` returns, which is called only where the key is not that of before; hides it for None.

        Where `make` raises, the thing is hidden and the error goes on.
        """
        if name in self._handles and self._keys.get(name) == key:
            self._handles[name].visible = True
            return
        try:
            shown = make()
        except Exception:
            self.hide(name)
            raise
        if shown is None:
            self.hide(name)
            return
        same = self._kinds.get(name) is type(shown)
        with self._server.atomic():
            if isinstance(shown, Plain):
                self._plain(name, shown, same)
            elif isinstance(shown, Glb):
                self._glb(name, shown, same)
            else:
                self._points(name, shown, same)
            self._handles[name].visible = True
        self._kinds[name], self._keys[name] = type(shown), key

    def hide(self, name: str) -> None:
        """Leaves it out of sight; it is made anew when it is shown again."""
        if name in self._handles:
            self._handles[name].visible = False
            self._keys.pop(name, None)

    def move(self, name: str, position: tuple[float, float, float]) -> None:
        """Puts it elsewhere, metres."""
        if name in self._handles:
            self._handles[name].position = position

    def _plain(self, name: str, shown: Plain, same: bool) -> None:
        handle = self._handles.get(name)
        if (
            same
            and handle is not None
            and handle.vertices.shape == shown.vertices.shape
            and handle.faces.shape == shown.faces.shape
        ):
            handle.vertices, handle.color = shown.vertices.astype(np.float32), shown.color
            return
        self._handles[name] = self._server.scene.add_mesh_simple(
            name, shown.vertices.astype(np.float32), shown.faces.astype(np.uint32), color=shown.color,
            opacity=shown.opacity, side="double",
        )  # fmt: skip

    def _glb(self, name: str, shown: Glb, same: bool) -> None:
        if same:
            self._handles[name].glb_data = shown.data
        else:
            self._handles[name] = self._server.scene.add_glb(name, shown.data)

    def _points(self, name: str, shown: Points, same: bool) -> None:
        if same:
            handle = self._handles[name]
            handle.points, handle.colors = shown.points.astype(np.float32), shown.colors
        else:
            self._handles[name] = self._server.scene.add_point_cloud(
                name, shown.points.astype(np.float32), shown.colors, point_size=shown.size_m, precision="float32",
                point_shape="circle", point_shading="flat",
            )  # fmt: skip
