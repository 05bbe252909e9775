"""Draws what is wished of an instant: clouds, bodies, surfaces, keypoints, and the compared bodies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from viser import ViserServer

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from humanrig.report.misread import MISREAD, misread
from humanrig.viewing.coloring import UNKNOWN, Scale, camera_colors
from humanrig.viewing.compared import Compared, vertex_distances
from humanrig.viewing.content import EXPECTED, SessionContent
from humanrig.viewing.glb_mesh import colored_glb, textured_glb
from humanrig.viewing.nodes import Glb, Nodes, Plain, Points, Shown
from humanrig.viewing.wish import EVERYBODY, Wish

POINTS_SHOWN = 60_000
"""Of a cloud; more cost a phone its frame rate."""
POINT_M, KEYPOINT_M = 0.006, 0.025
SURFACE_COLOR, OTHER_COLOR = (190, 190, 195), (60, 190, 120)
SIGMA_TITLE = "standard deviation"


@dataclass(kw_only=True)
class Drawn:
    """What is to be said of it."""

    problems: dict[str, str] = field(default_factory=dict)
    """Why a layer cannot be shown, by its name."""
    legends: dict[str, Scale] = field(default_factory=dict)
    """The scales in use, by their titles."""
    lines: list[str] = field(default_factory=list)
    """Figures of the instant."""


class Drawing:
    """The changing part of the scene."""

    def __init__(
        self,
        server: ViserServer,
        content: SessionContent,
        compared: Compared | None,
    ) -> None:
        """Nothing is drawn yet."""
        self._content, self._compared = content, compared
        self._nodes = Nodes(server)

    def draw(self, wish: Wish, *, model_ready: bool) -> Drawn:
        """Makes the scene what is wished. Without the body model what needs it stays hidden.

        Errors of reading, and of files that hold something else, become sentences in `Drawn.problems`; others are
        raised.
        """
        drawn = Drawn()
        instant = wish.instant
        if instant is None:
            return drawn
        people = self._content.people if wish.person == EVERYBODY else (wish.person,)
        ready = model_ready
        waits = wish.cloud and wish.cloud_colors == "body" and not ready
        key = (instant, wish.cloud_colors, wish.top_mm, wish.person, waits)
        self._layer(drawn, "cloud", "/cloud", wish.cloud, key, lambda: self._cloud(wish, instant, people, drawn, ready))
        for person in self._content.people:
            here = person in people
            key = (instant, wish.body_colors, wish.top_mm)
            self._layer(
                drawn, f"body {person}", f"/body/{person}", wish.body and here and ready, key,
                lambda person=person: self._body(wish, person, instant, drawn),
            )  # fmt: skip
            self._layer(
                drawn, f"surface {person}", f"/surface/{person}", wish.surface and here, (instant, wish.surface_look),
                lambda person=person: self._surface(wish, person, instant),
            )  # fmt: skip
            self._layer(
                drawn, f"keypoints {person}", f"/keypoints/{person}", wish.keypoints and here, (instant, wish.top_mm),
                lambda person=person: self._keypoints(wish, person, instant),
            )  # fmt: skip
        self._others(wish, instant, people, drawn, ready)
        self._say(wish, instant, people, drawn, ready)
        return drawn

    def _layer(self, drawn: Drawn, layer: str, name: str, wanted: bool, key: object, make: Callable[[], Shown]) -> None:
        if not wanted:
            self._nodes.hide(name)
            return
        try:
            self._nodes.show(name, (key,), make)
        except EXPECTED as error:
            drawn.problems[layer] = str(error)
        except MISREAD as error:
            drawn.problems[layer] = misread(error)

    def _cloud(self, wish: Wish, instant: int, people: tuple[str, ...], drawn: Drawn, ready: bool) -> Shown:
        cloud = self._content.cloud(instant)
        if cloud is None or not len(cloud):
            return None
        if wish.person != EVERYBODY and cloud.person is not None:
            cloud = cloud[cloud.person == int(wish.person.removeprefix("person"))]
        cloud = cloud[slice(None, None, -(-len(cloud) // POINTS_SHOWN))] if len(cloud) else cloud
        if not len(cloud):
            return None
        return Points(
            points=cloud.points, colors=self._cloud_colors(wish, cloud, instant, people, ready), size_m=POINT_M
        )

    def _cloud_colors(
        self, wish: Wish, cloud: PointCloud, instant: int, people: tuple[str, ...], ready: bool
    ) -> np.ndarray:
        grey = np.full((len(cloud), 3), UNKNOWN, np.uint8)
        if wish.cloud_colors == "seen":
            return grey if cloud.colors is None else cloud.colors
        if wish.cloud_colors == "camera":
            return grey if cloud.camera is None else camera_colors(cloud.camera)
        values = np.full(len(cloud), np.nan)
        if wish.cloud_colors == "sigma":
            values = values if cloud.sigma is None else 1e3 * cloud.sigma.astype(np.float64)
        elif wish.cloud_colors == "surface" or ready:
            for person in people:
                mesh = (self._content.surface if wish.cloud_colors == "surface" else self._content.body)(
                    person, instant
                )
                own = np.ones(len(cloud), bool) if cloud.person is None else cloud.person == int(person[6:])
                if mesh is not None and own.any():
                    values[own] = 1e3 * RayScene.of(mesh).closest(cloud.points[own].astype(np.float64)).distance
        return cloud_scale(wish).colors(values)

    def _body(self, wish: Wish, person: str, instant: int, drawn: Drawn) -> Shown:
        mesh = self._content.body(person, instant)
        if mesh is None:
            return None
        shown = self._content.person(person)
        if wish.body_colors == "sigma" and (sigma := self._sigma_mm(person, instant)) is not None:
            return Glb(data=colored_glb(mesh, body_scale(wish).colors(sigma)))
        if wish.body_colors == "other" and (other := self._other_of(person, instant)) is not None:
            return Glb(data=colored_glb(mesh, body_scale(wish).colors(1e3 * vertex_distances(mesh, other))))
        return Plain(vertices=mesh.vertices, faces=mesh.faces, color=shown.color)

    def _surface(self, wish: Wish, person: str, instant: int) -> Shown:
        mesh = self._content.surface(person, instant)
        if mesh is None:
            return None
        if wish.surface_look != "plain":
            jpeg = self._content.texture(person, instant, of_clip=wish.surface_look == "clip")
            if jpeg is not None:
                return Glb(data=textured_glb(mesh, jpeg))
        return Plain(vertices=mesh.vertices, faces=mesh.faces, color=SURFACE_COLOR)

    def _keypoints(self, wish: Wish, person: str, instant: int) -> Shown:
        found = self._content.keypoints(person, instant)
        if found is None:
            return None
        known = np.isfinite(found.p_world).all(-1)
        if not known.any():
            return None
        colors = Scale(title=SIGMA_TITLE, unit="mm", top=wish.top_mm).colors(1e3 * found.sigma[known])
        return Points(points=found.p_world[known], colors=colors, size_m=KEYPOINT_M)

    def _others(self, wish: Wish, instant: int, people: tuple[str, ...], drawn: Drawn, ready: bool) -> None:
        if self._compared is None:
            return
        chosen = set(
            self._compared.people if wish.person == EVERYBODY else (self._compared.same.get(p, "") for p in people)
        )
        body = self._compared.body
        for person in self._compared.people:

            def make(person: str = person) -> Shown:
                mesh = body(person, instant)
                if mesh is None:
                    return None
                return Plain(vertices=mesh.vertices, faces=mesh.faces, color=OTHER_COLOR, opacity=0.6)

            name = f"/compared/{person}"
            wanted = wish.other and ready and person in chosen
            self._layer(drawn, f"{self._compared.name} {person}", name, wanted, instant, make)
            self._nodes.move(name, (wish.apart_m, 0.0, 0.0))

    def _say(self, wish: Wish, instant: int, people: tuple[str, ...], drawn: Drawn, ready: bool) -> None:
        """Legends of what is coloured by a number, and figures of the instant."""
        if wish.cloud and wish.cloud_colors in ("body", "surface", "sigma"):
            scale = cloud_scale(wish)
            drawn.legends[scale.title] = scale
        if wish.body and wish.body_colors != "person":
            scale = body_scale(wish)
            drawn.legends[scale.title] = scale
        if wish.keypoints:
            drawn.legends[SIGMA_TITLE] = Scale(title=SIGMA_TITLE, unit="mm", top=wish.top_mm)
        for person in people:
            try:
                drawn.lines += self._figures(person, instant, ready)
            except EXPECTED as error:
                drawn.problems.setdefault(f"body {person}", str(error))
            except MISREAD as error:
                drawn.problems.setdefault(f"body {person}", misread(error))

    def _figures(self, person: str, instant: int, ready: bool) -> list[str]:
        if not self._content.session.path("body", f"{person}.npz").is_file():
            return []
        arrays = self._content.person(person).results.body
        row = np.flatnonzero(arrays["instants"] == instant)
        if not len(row):
            return [f"{person}: no body"]
        parts = [
            f"{words} {float(arrays[name][row[0]]):.1f} {unit}"
            for name, words, unit in (("surface_mm", "to the points", "mm"), ("keypoint_px", "to the keypoints", "px"))
            if name in arrays and np.isfinite(arrays[name][row[0]])
        ]
        if ready and self._compared is not None and (other := self._other_of(person, instant)) is not None:
            mesh = self._content.body(person, instant)
            assert mesh is not None  # it has a row
            distance = 1e3 * vertex_distances(mesh, other)
            parts.append(f"to {self._compared.name} {distance.mean():.1f} mm, at most {distance.max():.0f}")
        flag = str(arrays["flags"][row[0]]) if "flags" in arrays else ""
        return [f"{person}: {'; '.join(parts) or 'fitted'}", *([f"{person} is doubtful: {flag}"] if flag else [])]

    def _sigma_mm(self, person: str, instant: int) -> np.ndarray | None:
        """Standard deviation of each vertex: of the joints that move it, by their weights."""
        results = self._content.person(person).results
        if "joint_sigma" not in results.body:
            return None
        sigma = results.body["joint_sigma"][results.instants.index(instant)].astype(np.float64)
        return 1e3 * np.asarray(results.model.weights, np.float64) @ sigma

    def _other_of(self, person: str, instant: int) -> TriangleMesh | None:
        if self._compared is None or person not in self._compared.same:
            return None
        return self._compared.body(self._compared.same[person], instant)


def cloud_scale(wish: Wish) -> Scale:
    """The scale of a cloud that is coloured by a number."""
    titles = {"sigma": "standard deviation of points", "body": "points to the body", "surface": "points to the surface"}
    return Scale(title=titles[wish.cloud_colors], unit="mm", top=wish.top_mm)


def body_scale(wish: Wish) -> Scale:
    """The scale of a body that is coloured by a number."""
    title = f"{SIGMA_TITLE} of joints" if wish.body_colors == "sigma" else "difference of the body"
    return Scale(title=title, unit="mm", top=wish.top_mm)
