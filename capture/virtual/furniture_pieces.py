"""Designs of furniture: each draws the sizes of one piece and returns its shapes with what they are made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from capture.virtual.furniture_contents import Parts, row_of_books, small_thing
from capture.virtual.furniture_materials import Material, draw_material
from capture.virtual.furniture_shapes import Shape, box, cushion, joined, lathe, leaf, tube


def chair(rng: np.random.Generator) -> Parts:
    """A dining chair with slats or a solid back, faces +x."""
    frame = draw_material(rng.choice(["wood", "paint", "metal"]), rng)
    width, depth, seat = rng.uniform(0.4, 0.48), rng.uniform(0.4, 0.46), rng.uniform(0.43, 0.48)
    top = seat + rng.uniform(0.38, 0.5)
    leg = rng.uniform(0.028, 0.042)
    x, y = depth / 2 - leg / 2, width / 2 - leg / 2
    wood = [box((leg, leg, seat)).moved(x, side * y, seat / 2) for side in (-1, 1)]
    wood += [box((leg, leg, top)).moved(-x, side * y, top / 2) for side in (-1, 1)]
    wood += [box((depth - 2 * leg, 0.02, 0.05)).moved(0, side * y, seat - 0.05) for side in (-1, 1)]
    wood += [box((0.02, width - 2 * leg, 0.05)).moved(end * x, 0, seat - 0.05) for end in (-1, 1)]
    wood.append(box((0.022, width - leg, 0.08), 0.008).moved(-x, 0, top - 0.05))
    if rng.uniform() < 0.6:
        count = int(rng.integers(3, 6))
        for y_slat in np.linspace(-width / 2 + 0.09, width / 2 - 0.09, count):
            wood.append(box((0.014, 0.03, top - seat - 0.09)).moved(-x, y_slat, (top + seat - 0.09) / 2))
    else:
        wood.append(box((0.014, width - 2 * leg, top - seat - 0.2)).moved(-x, 0, (top + seat) / 2))
    pad = draw_material(rng.choice(["fabric", "leather"]), rng)
    cover = cushion((depth, width, 0.045), 0.015).moved(0.01, 0, seat + 0.02)
    return [(joined(wood), frame), (cover, pad)]


def office_chair(rng: np.random.Generator) -> Parts:
    """A swivel chair on a star base."""
    black, metal = draw_material("plastic", rng), draw_material("metal", rng)
    cover = draw_material(rng.choice(["fabric", "leather"]), rng)
    seat = rng.uniform(0.44, 0.52)
    base = [lathe([(0.035, 0.06), (0.035, 0.13), (0.02, 0.15)])]
    for angle in 2 * np.pi * np.arange(5) / 5:
        base.append(tube([(0.03, 0, 0.1), (0.3, 0, 0.065)], [0.022, 0.014]).turned(rz=angle))
        base.append(lathe([(0.028, -0.011), (0.028, 0.011)]).turned(rx=np.pi / 2).moved(0.3, 0, 0.029).turned(rz=angle))
    arms = []
    for side in (-1, 1):
        bow = [(0.0, side * 0.2, seat - 0.02), (0, side * 0.29, seat), (0, side * 0.29, seat + 0.2)]
        arms += [tube(bow, 0.014), box((0.24, 0.05, 0.025), 0.01).moved(0.02, side * 0.29, seat + 0.21)]
    spine = tube([(-0.1, 0, seat - 0.05), (-0.25, 0, seat - 0.02), (-0.27, 0, seat + 0.35)], 0.02)
    back = cushion((0.06, 0.44, rng.uniform(0.45, 0.6)), 0.02).turned(ry=-0.1).moved(-0.23, 0, seat + 0.37)
    sitting = cushion((0.46, 0.48, 0.07), 0.025).moved(0, 0, seat)
    column = lathe([(0.024, 0.12), (0.024, seat - 0.03)])
    return [(joined([*base, *arms, spine]), black), (column, metal), (joined([sitting, back]), cover)]


def table(rng: np.random.Generator) -> Parts:
    """A rectangular or round table, sometimes with things on it."""
    top_material, leg_material = draw_material("wood", rng), draw_material(rng.choice(["wood", "paint", "metal"]), rng)
    height, thick = rng.choice([0.45, 0.74]) + rng.uniform(-0.03, 0.03), rng.uniform(0.02, 0.04)
    if rng.uniform() < 0.35:
        radius = rng.uniform(0.3, 0.5)
        top = lathe(
            [(radius - 0.006, height - thick), (radius, height - thick / 2), (radius - 0.006, height)]
        ).painted_from_above()
        foot = lathe([(0.6 * radius, 0.0), (0.6 * radius, 0.02), (0.06, 0.05), (0.045, height - thick)])
        parts: Parts = [(top, top_material), (foot, leg_material)]
        reach = 0.5 * radius
    else:
        length, width, leg = rng.uniform(0.7, 1.3), rng.uniform(0.45, 0.75), rng.uniform(0.035, 0.07)
        x, y = length / 2 - leg, width / 2 - leg
        legs = _corners(box((leg, leg, height - thick)).moved(z=(height - thick) / 2), x, y)
        legs += [box((2 * x - leg, 0.02, 0.07)).moved(0, j * y, height - thick - 0.04) for j in (-1, 1)]
        legs += [box((0.02, 2 * y - leg, 0.07)).moved(i * x, 0, height - thick - 0.04) for i in (-1, 1)]
        top = box((length, width, thick)).moved(0, 0, height - thick / 2)
        parts = [(top, top_material), (joined(legs), leg_material)]
        reach = 0.35 * width
    for _ in range(int(rng.integers(0, 4))):
        angle, far = rng.uniform(0, 2 * np.pi), reach * rng.uniform(0.3, 1)
        for shape, material in small_thing(rng):
            parts.append((shape.moved(far * np.cos(angle), far * np.sin(angle), height), material))
    return parts


def stool(rng: np.random.Generator) -> Parts:
    """A round stool with a ring for the feet."""
    frame = draw_material(rng.choice(["wood", "metal", "paint"]), rng)
    seat_material = draw_material(rng.choice(["wood", "leather", "fabric"]), rng)
    height, radius, legs = rng.choice([0.46, 0.72]), rng.uniform(0.16, 0.2), int(rng.integers(3, 5))
    low, up = height - 0.045, height
    seat = lathe([(radius - 0.02, low), (radius, low + 0.015), (radius, up - 0.012), (radius - 0.02, up)])
    seat = seat.painted_from_above()
    shapes, low, up = [], radius + 0.02, radius - 0.05
    for angle in 2 * np.pi * np.arange(legs) / legs:
        shapes.append(tube([(low, 0, 0), (up, 0, height - 0.035)], 0.016).turned(rz=angle))
    at = low + (up - low) * 0.4
    ring = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    profile = [(at + 0.009 * np.cos(a), 0.4 * height + 0.009 * np.sin(a)) for a in ring[::2]]
    shapes.append(lathe(profile, closed=True))
    return [(seat, seat_material), (joined(shapes), frame)]


def shelf(rng: np.random.Generator) -> Parts:
    """An open shelf with books and boxes on its boards, open to +x."""
    board = draw_material(rng.choice(["wood", "paint"]), rng)
    width, depth, height = rng.uniform(0.6, 0.95), rng.uniform(0.25, 0.35), rng.uniform(0.9, 1.9)
    levels = max(3, round(height / 0.35))
    wood = [box((depth, 0.02, height)).moved(0, side * (width / 2 - 0.01), height / 2) for side in (-1, 1)]
    wood.append(box((0.008, width - 0.04, height - 0.02)).moved(0.006 - depth / 2, 0, height / 2))
    parts: Parts = []
    for z in np.linspace(0.05, height - 0.02, levels):
        wood.append(box((depth - 0.02, width - 0.042, 0.02)).moved(0.01, 0, z))
        if z > height - 0.1:
            break
        parts += [(s.moved(0.02, 0, z + 0.0105), m) for s, m in row_of_books(rng, width - 0.08, height / levels)]
    return [(joined(wood), board), *parts]


def cabinet(rng: np.random.Generator) -> Parts:
    """A chest of drawers, fronts to +x."""
    body, front = draw_material(rng.choice(["wood", "paint"]), rng), draw_material(rng.choice(["wood", "paint"]), rng)
    width, depth, height = rng.uniform(0.5, 0.9), rng.uniform(0.38, 0.48), rng.uniform(0.55, 1.0)
    rows = int(rng.integers(2, 5))
    case = [box((depth, width, height - 0.06)).moved(0, 0, 0.06 + (height - 0.06) / 2)]
    case += _corners(box((0.05, 0.05, 0.06)).moved(z=0.03), depth / 2 - 0.04, width / 2 - 0.04)
    tall = (height - 0.1) / rows
    fronts, knobs = [], []
    for row in range(rows):
        z = 0.08 + tall * (row + 0.5)
        fronts.append(box((0.018, width - 0.03, tall - 0.012)).moved(depth / 2 + 0.009, 0, z))
        for y in (-0.25 * width, 0.25 * width):
            knob = lathe([(0.008, 0), (0.008, 0.012), (0.016, 0.018), (0.01, 0.026)]).turned(ry=np.pi / 2)
            knobs.append(knob.moved(depth / 2 + 0.018, y, z))
    return [(joined(case), body), (joined(fronts), front), (joined(knobs), draw_material("metal", rng))]


def plant(rng: np.random.Generator) -> Parts:
    """A pot plant with bent stems and leaves."""
    radius, tall = rng.uniform(0.12, 0.2), rng.uniform(0.22, 0.38)
    pot = lathe(
        [(0.7 * radius, 0), (radius, tall - 0.04), (1.06 * radius, tall - 0.04), (1.06 * radius, tall),
         (0.92 * radius, tall), (0.9 * radius, tall - 0.035)]
    )  # fmt: skip
    earth = lathe([(0.88 * radius, tall - 0.05), (0.86 * radius, tall - 0.03)])
    green, stem_material = draw_material("foliage", rng), draw_material("foliage", rng)
    stems, leaves = [], []
    height = rng.uniform(0.35, 1.1)
    long, wide = rng.uniform(0.16, 0.34), rng.uniform(0.05, 0.14)
    for _ in range(int(rng.integers(5, 10))):
        heading, lean = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.4)
        t = np.linspace(0, 1, 6)[:, None]
        aim = np.array([np.cos(heading), np.sin(heading), 0])
        path = 0.3 * radius * aim + [0, 0, tall - 0.04] + t * [0, 0, height * rng.uniform(0.5, 1)] + lean * t**2 * aim
        stems.append(tube(path, np.linspace(0.008, 0.003, 6).tolist(), around=6))
        for at in np.linspace(0.35, 1, int(rng.integers(3, 7))):
            foot = np.array([np.interp(at, t[:, 0], path[:, axis]) for axis in range(3)])
            blade = leaf(long * rng.uniform(0.7, 1), wide * rng.uniform(0.7, 1), long * rng.uniform(0.1, 0.6))
            leaves.append(blade.turned(ry=-rng.uniform(0, 0.9), rz=rng.uniform(0, 2 * np.pi)).moved(*foot))
    kind = rng.choice(["clay", "paint", "plastic"])
    return [
        (pot, draw_material(kind, rng)), (earth, draw_material("soil", rng)), (joined(stems), stem_material),
        (joined(leaves), green),
    ]  # fmt: skip


def crate(rng: np.random.Generator) -> Parts:
    """Cardboard boxes, one or two on each other, or a crate of wooden slats."""
    if rng.uniform() < 0.6:
        parts: Parts = []
        z, size = 0.0, rng.uniform([0.35, 0.3, 0.25], [0.6, 0.5, 0.5])
        for _ in range(int(rng.integers(1, 4))):
            carton = box(size, 0.003).turned(rz=rng.uniform(-0.3, 0.3)).moved(z=z + size[2] / 2)
            parts.append((carton, draw_material("cardboard", rng)))
            z, size = z + size[2] + 0.0005, size * rng.uniform(0.65, 0.9, 3)
        return parts
    length, width, height, slats = rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.4), rng.uniform(0.25, 0.45), 4
    wood = _corners(box((0.03, 0.03, height)).moved(z=height / 2), length / 2 - 0.03, width / 2 - 0.03)
    tall = height / slats
    for row in range(slats):
        z = tall * (row + 0.5)
        wood += [box((length, 0.012, 0.7 * tall)).moved(0, j * (width / 2 - 0.008), z) for j in (-1, 1)]
        wood += [box((0.012, width - 0.03, 0.7 * tall)).moved(i * (length / 2 - 0.008), 0, z) for i in (-1, 1)]
    wood += [box((length - 0.07, width / 5, 0.01)).moved(0, (k - 1.5) * width / 4.4, 0.02) for k in range(4)]
    return [(joined(wood), draw_material("wood", rng))]


def lamp(rng: np.random.Generator) -> Parts:
    """A floor lamp with a fabric shade."""
    height, wide, tall = rng.uniform(1.3, 1.7), rng.uniform(0.17, 0.26), rng.uniform(0.2, 0.3)
    narrow = wide * rng.uniform(0.55, 1)
    pole = joined([lathe([(0.15, 0), (0.15, 0.015), (0.02, 0.03)]), tube([(0, 0, 0.02), (0, 0, height)], 0.011)])
    low = height - tall + 0.06
    outside = [(wide, low), (narrow, low + tall)]
    shade = lathe([*outside, (narrow - 0.004, low + tall), (wide - 0.004, low)], closed=True)
    bulb = lathe([(0.014, 0), (0.03, 0.035), (0.03, 0.055), (0.014, 0.08)]).moved(0, 0, height)
    white = Material(kind="paint", color=(0.85, 0.83, 0.76))
    return [(pole, draw_material("metal", rng)), (shade, draw_material("fabric", rng)), (bulb, white)]


def sofa(rng: np.random.Generator) -> Parts:
    """An armchair or a small sofa, faces +x."""
    seats = int(rng.integers(1, 3))
    width, depth, seat = 0.56 * seats, rng.uniform(0.7, 0.8), rng.uniform(0.38, 0.44)
    arm, back = rng.uniform(0.1, 0.18), rng.uniform(0.75, 0.9)
    cover, feet = draw_material(rng.choice(["fabric", "leather"]), rng), draw_material("wood", rng)
    soft = [box((depth, width, seat - 0.24), 0.02).moved(0, 0, 0.1 + (seat - 0.24) / 2)]
    soft.append(box((0.14, width + 2 * arm, back - 0.1), 0.05).moved(-depth / 2 - 0.02, 0, 0.1 + (back - 0.1) / 2))
    for side in (-1, 1):
        y = side * (width + arm) / 2
        soft.append(box((depth, arm, seat + 0.08), 0.045).moved(0.02, y, 0.1 + (seat + 0.08) / 2))
    for number in range(seats):
        y = (number - (seats - 1) / 2) * 0.56
        soft.append(cushion((depth - 0.06, 0.55, 0.14), 0.02).moved(0.07, y, seat - 0.06))
        soft.append(cushion((0.15, 0.54, 0.42), 0.03).turned(ry=-0.2).moved(-depth / 2 + 0.16, y, seat + 0.22))
    if rng.uniform() < 0.6:
        pillow = cushion((0.1, 0.38, 0.38), 0.04).turned(ry=-0.35)
        pillow = pillow.moved(-depth / 2 + 0.33, -width / 2 + 0.22, seat + 0.2)
        extra: Parts = [(pillow, draw_material("fabric", rng))]
    else:
        extra = []
    legs = _corners(lathe([(0.018, 0), (0.026, 0.11)]), depth / 2 - 0.06, width / 2)
    return [(joined(soft), cover), (joined(legs), feet), *extra]


def _corners(shape: Shape, x: float, y: float) -> list[Shape]:
    """Four copies of a shape, at ±x and ±y."""
    return [shape.moved(i * x, j * y) for i in (-1, 1) for j in (-1, 1)]


DESIGNS: dict[str, Callable[[np.random.Generator], Parts]] = {
    "chair": chair,
    "table": table,
    "stool": stool,
    "shelf": shelf,
    "plant": plant,
    "crate": crate,
    "lamp": lamp,
    "sofa": sofa,
    "office_chair": office_chair,
    "cabinet": cabinet,
}
