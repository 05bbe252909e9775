"""Small things that lie on furniture: cups, vases, books and cartons."""

from __future__ import annotations

import numpy as np

from capture.virtual.furniture_materials import Material, draw_material
from capture.virtual.furniture_shapes import Shape, box, joined, lathe

Parts = list[tuple[Shape, Material]]


def small_thing(rng: np.random.Generator) -> Parts:
    """A cup, a pile of books or a vase, standing at the origin."""
    kind = rng.integers(3)
    if kind == 0:
        cup = lathe([(0.03, 0), (0.04, 0.09), (0.036, 0.09), (0.027, 0.006)])
        return [(cup, draw_material("paint", rng))]
    if kind == 1:
        books: Parts = []
        z = 0.0
        for _ in range(int(rng.integers(1, 4))):
            thick = rng.uniform(0.015, 0.04)
            book = box((rng.uniform(0.19, 0.24), rng.uniform(0.13, 0.18), thick), 0.002)
            books.append((book.turned(rz=rng.uniform(0, 0.6)).moved(z=z + thick / 2), draw_material("paper", rng)))
            z += thick + 0.0005
        return books
    vase = lathe([(0.035, 0), (0.06, 0.06), (0.065, 0.1), (0.03, 0.17), (0.036, 0.2), (0.03, 0.2), (0.025, 0.17)])
    return [(vase, draw_material(rng.choice(["clay", "paint"]), rng))]


def row_of_books(rng: np.random.Generator, width: float, room: float) -> Parts:
    """Books, or sometimes a carton, on a board at z = 0 that is `width` long along y, with `room` metres above it."""
    if rng.uniform() < 0.2:
        size = (0.2, 0.3 * width, 0.5 * room)
        return [(box(size).moved(0, rng.uniform(-0.2, 0.2) * width, size[2] / 2), draw_material("cardboard", rng))]
    covers = [draw_material("paper", rng) for _ in range(4)]
    books: list[list[Shape]] = [[] for _ in covers]
    y, end = -width / 2, width * rng.uniform(-0.1, 0.5)
    while True:
        thick, tall = rng.uniform(0.015, 0.05), rng.uniform(0.55, 0.8) * room
        if y + thick > end:
            break
        book = box((rng.uniform(0.13, 0.19), thick - 0.001, tall), 0.002).moved(0, y + thick / 2, tall / 2)
        books[int(rng.integers(len(covers)))].append(book)
        y += thick
    return [(joined(shapes), cover) for shapes, cover in zip(books, covers) if shapes]
