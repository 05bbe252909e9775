"""Segments of a clip: from its key instant a template is followed both ways until it no longer fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from geometry.cloud import PointCloud
from texture.surfaces.binding import Binding
from texture.tracking.body_clip import BodyClip
from texture.tracking.quality import Quality, quality_of
from texture.tracking.refinement import Refined, refined
from texture.tracking.template import Template

UNEXPLAINED = 0.01
"""Share of a cloud far from the surface at which a template is given up. Fresh surfaces leave out up to 0.3 %, of tight
clothes tracked over a clip up to 0.4 %; a skirt in a kick rises to 3 % within 7 instants, and its error from 2.0 to
2.8 mm by the time it reaches 0.5 %, to 3.3 mm at 1.6 %."""
STRETCHED = 0.01
"""Share of edges that are much longer than in the template at which it is given up: limbs that touched have parted.
Skin and cloth in motion reach 0.1 %."""
TIMES_KEY = 2.0
"""A template that leaves out much at its own instant is given up only at so many times that."""

CloudOf = Callable[[int], PointCloud | None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Track:
    """A template over rows of a clip in a row."""

    template: Template
    key: int
    """Row that the template was made at, or first tried at."""
    rows: list[int]
    """Increasing."""
    vertices: Float32[np.ndarray, "rows vertices 3"]
    """In the world, metres."""
    qualities: list[Quality]
    binding: Binding
    """The template's, at rest as the surface is in the mean over the rows: a plain skin then comes nearest to it."""


def follow(
    template: Template,
    clip: BodyClip,
    cloud_of: CloudOf,
    key: int,
    first: int,
    last: int,
    on_row: Callable[[int], None] = lambda row: None,
    judged: Callable[[int], bool] = lambda row: True,
    threads: int = 1,
) -> Track:
    """The template at the rows around `key`, within `first` to `last` (included), as far as it fits.

    A row without a cloud, and one that is not `judged`, never ends a track: nothing tells that the surface is wrong
    there. threads: 2 goes forwards and backwards at the same time; the result is the same.
    """

    def at(row: int, before: np.ndarray | None) -> tuple[Refined, Quality, np.ndarray]:
        cloud, posed = cloud_of(row), template.posed(clip, row)
        one = refined(template, posed, cloud, before)
        unlike_skin = one.offsets + posed.at_rest(posed.corrective)
        return one, quality_of(template, one.vertices, cloud), unlike_skin.astype(np.float32)

    start, quality, unlike_skin = at(key, None)
    limits = limits_of(quality)
    found = {key: (start.vertices.astype(np.float32), quality, unlike_skin)}
    on_row(key)

    def go(rows: range) -> None:
        offsets = start.offsets
        for row in rows:
            one, quality, unlike_skin = at(row, offsets)
            if judged(row) and not fits(quality, limits):
                break
            offsets = one.offsets
            found[row] = one.vertices.astype(np.float32), quality, unlike_skin
            on_row(row)

    with ThreadPoolExecutor(max(1, min(threads, 2))) as pool:
        # the list lets errors through
        list(pool.map(go, (range(key + 1, last + 1), range(key - 1, first - 1, -1))))
    rows = sorted(found)
    return Track(
        template=template,
        key=key,
        rows=rows,
        vertices=np.stack([found[row][0] for row in rows]),
        qualities=[found[row][1] for row in rows],
        binding=replace(template.binding, rest=template.binding.rest + np.mean([found[row][2] for row in rows], 0)),
    )


def limits_of(quality: Quality) -> tuple[float, float]:
    """What a template may leave out and stretch, after how it fits at its own instant."""
    left_out = 0.0 if np.isnan(quality.unexplained) else TIMES_KEY * quality.unexplained
    return max(UNEXPLAINED, left_out), max(STRETCHED, TIMES_KEY * quality.stretched)


def fits(quality: Quality, limits: tuple[float, float]) -> bool:
    """Whether a template is kept at an instant; always where there is no cloud."""
    if np.isnan(quality.unexplained):
        return True
    return quality.unexplained <= limits[0] and quality.stretched <= limits[1]


def gaps(first: int, last: int, tracks: list[Track]) -> Iterator[tuple[int, int]]:
    """The rows between `first` and `last` (included) that no track holds, as first and last of each run."""
    held = {row for track in tracks for row in track.rows}
    run: list[int] = []
    for row in range(first, last + 2):
        if row <= last and row not in held:
            run.append(row)
        elif run:
            yield run[0], run[-1]
            run = []
