"""Furniture for a scene: pieces of drawn kind, size and material, as textured closed meshes that stand on the floor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from capture.errors import CaptureError
from capture.virtual.figure import Figure, merge_figures
from capture.virtual.furniture_materials import Material
from capture.virtual.furniture_pieces import DESIGNS, Parts
from capture.virtual.furniture_shapes import Shape
from capture.virtual.scene import Thing

ALIGNED = ("foliage", "cardboard", "paper")
"""Materials whose texture is a picture of the whole part: it is not shifted from part to part."""


def furniture(rng: np.random.Generator, count: int) -> tuple[Thing, ...]:
    """`count` pieces, each about the origin with its feet at z = 0, one frame, metres; `capture.virtual.placement`
    finds them a place.

    Kinds are drawn without repetition until all are used. Raises CaptureError for a negative count.
    """
    if count < 0:
        raise CaptureError(f"{count} pieces of furniture asked for; give 0 or more")
    kinds: list[str] = []
    while len(kinds) < count:
        kinds += [str(kind) for kind in rng.permutation(list(DESIGNS))]
    return tuple(piece(kind, rng, f"{kind}_{number:02d}") for number, kind in enumerate(kinds[:count]))


def piece(kind: str, rng: np.random.Generator, name: str = "") -> Thing:
    """One piece of a kind (a key of `DESIGNS`). Raises CaptureError for an unknown kind."""
    if kind not in DESIGNS:
        raise CaptureError(f"no furniture of kind '{kind}'; choose one of {', '.join(DESIGNS)}")
    figure, vertices = assemble(DESIGNS[kind](rng), rng)
    middle = (vertices.min(0) + vertices.max(0)) / 2
    vertices = vertices - [middle[0], middle[1], vertices[:, 2].min()]
    return Thing(name=name or kind, figure=figure, vertices=vertices[None].astype(np.float32))


def assemble(parts: Parts, rng: np.random.Generator) -> tuple[Figure, Float[np.ndarray, "vertices 3"]]:
    """One textured figure of shapes with their materials, and its vertices in metres."""
    figures, counts, vertices = [], [], []
    for shape, material in parts:
        figures.append(_textured(shape, material, rng))
        counts.append(len(shape.vertices))
        vertices.append(shape.vertices)
    return replace(merge_figures(figures, counts), owner=None), np.concatenate(vertices)


def _textured(shape: Shape, material: Material, rng: np.random.Generator) -> Figure:
    size = np.maximum(shape.uv.max(0), 0.05)
    slack = 0.0 if material.kind in ALIGNED else 0.15
    uv = (shape.uv + rng.uniform(0, slack, 2) if slack else shape.uv) / (size + slack)
    return Figure(
        faces=shape.faces,
        uv=uv,
        uv_faces=shape.uv_faces,
        texture=material.texture(rng, (float(size[0] + slack), float(size[1] + slack))),
        infrared=np.full(len(shape.faces), material.infrared, np.float32),
    )
