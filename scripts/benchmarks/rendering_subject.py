"""What the rendering benchmark draws: one dressed person of the bank, walking in a room inside a ring of Kinects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.virtual.backdrop import trace_backdrop
from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure
from capture.virtual.rig import build_rig
from capture.virtual.room import draw_room

LEAST_FACES = 50_000


@dataclass(frozen=True, kw_only=True, eq=False)
class MovingFigure:
    """A figure in a few frames of a clip."""

    figure: Figure
    surface: np.ndarray
    """(frames, vertices, 3) world, metres, float32."""
    costume_faces: int
    """Faces before any subdivision."""

    def unrolled(self, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vertices, UVs and faces in which each vertex has one UV, as OpenGL needs."""
        figure = self.figure
        pairs = np.stack([figure.faces.ravel(), figure.uv_faces.ravel()], 1)
        unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
        return self.surface[frame][unique[:, 0]], figure.uv[unique[:, 1]], inverse.reshape(-1, 3).astype(np.int32)


def make_figure(config: SimulationConfig) -> MovingFigure:
    """The dressed person, its largest faces cut in three until there are LEAST_FACES."""
    from humanrig.simulation import make_scene  # loads torch, which the drawing processes do not need

    people, _ = make_scene(config)
    figure, surface = people[0].figure, people[0].surface
    count = len(figure.faces)
    while len(figure.faces) < LEAST_FACES:
        figure, surface = _finer(figure, surface)
    return MovingFigure(figure=figure, surface=surface.astype(np.float32), costume_faces=count)


def store_room(config: SimulationConfig, folder: Path) -> None:
    """Traces the room for each device into `folder`/`device`, to be shared by all processes."""
    room = draw_room(np.random.default_rng([config.seed, 10]))
    for device in build_rig(config):
        trace_backdrop(device, room).save(folder / device.name)


def _finer(figure: Figure, surface: np.ndarray) -> tuple[Figure, np.ndarray]:
    """As many of the largest faces as are wanted cut in three at their middles, which move with their corners."""
    a, b, c = (surface[0][figure.faces[:, corner]] for corner in range(3))
    largest = np.argsort(-np.linalg.norm(np.cross(b - a, c - a), axis=1), kind="stable")
    chosen = np.sort(largest[: -(-(LEAST_FACES - len(figure.faces)) // 2)])
    middles = surface[:, figure.faces[chosen]].mean(2)
    infrared = None if figure.infrared is None else np.append(figure.infrared, np.repeat(figure.infrared[chosen], 2))
    finer = Figure(
        faces=_cut(figure.faces, chosen, surface.shape[1]),
        uv=np.concatenate([figure.uv, figure.uv[figure.uv_faces[chosen]].mean(1)]).astype(np.float32),
        uv_faces=_cut(figure.uv_faces, chosen, len(figure.uv)),
        texture=figure.texture,
        infrared=infrared,
    )
    return finer, np.concatenate([surface, middles], 1)


def _cut(faces: np.ndarray, chosen: np.ndarray, first_middle: int) -> np.ndarray:
    """A chosen face keeps its first edge; the other two thirds are put at the end."""
    a, b, c = faces[chosen].T
    m = first_middle + np.arange(len(chosen))
    cut = np.array(faces)
    cut[chosen, 2] = m
    pair = np.stack([np.stack([b, c, m], 1), np.stack([c, a, m], 1)], 1)
    return np.concatenate([cut, pair.reshape(-1, 3)]).astype(np.int32)
