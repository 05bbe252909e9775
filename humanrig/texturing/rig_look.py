"""What is to be known of the colour cameras before anything is painted: which are of use, how sharp, how bright."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Float32

from humanrig.results import Results
from humanrig.texturing.color_views import ColorViews, room
from texture.blending.exposure import balance_cameras
from texture.errors import TextureError
from texture.layout.atlas import Atlas
from texture.painting.blend import Blend
from texture.painting.painting import paint
from texture.painting.view_quality import edge_width_px
from texture.polish.camera_polish import CameraPolish, polish_cameras

POLISH_INSTANTS = 6
"""Instants whose surfaces and pictures move the cameras, evenly spread."""
LOOK_INSTANTS = 3
"""Instants whose pictures are looked at, evenly spread: the gains and the focus of a take do not change, and what
drifts from frame to frame is measured in each frame."""
BALANCE_SIZE = 512
"""Rows and columns of the texture on which cameras are compared: a texel is 5 mm, a pixel 4."""
DARK_LEVEL = 8.0
"""A picture whose median level on the person, or where no mask is, in the whole picture is lower shows nothing."""
FLAT_LEVELS = 2.0
"""Nor does one that varies less than this."""
BLURRED_PX, BLURRED_TIMES = 3.0, 2.5
"""A camera whose edges are so wide, and so many times as wide as the median camera's, is out of focus."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RigLook:
    """How to read the colour cameras of a session."""

    streams: tuple[str, ...]
    """Those of use, in the order of source maps."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Why others are not."""
    polish: CameraPolish | None = None
    """What became of the polish; None where it was not tried. Its cameras are those to read with."""
    gains: dict[str, Float[np.ndarray, "3"]] = field(default_factory=dict)
    """Factors on linear light by stream."""
    references: dict[str, Float32[np.ndarray, "samples 3"]] = field(default_factory=dict)
    """Light of the room in each camera's first picture looked at."""
    blur_px: dict[str, float] = field(default_factory=dict)
    """Width of the edges on the person."""

    def reader(self, views: ColorViews) -> ColorViews:
        """The same views, read with this knowledge."""
        return replace(
            views,
            streams=self.streams,
            cameras=views.cameras if self.polish is None else {**(views.cameras or {}), **self.polish.cameras},
            gains=self.gains,
            references=self.references,
            blur_px=self.blur_px,
        )


def look_at_cameras(views: ColorViews, instants: Sequence[int]) -> RigLook:
    """Which cameras are of use, how sharp they are, and the light of the room in each. Gains are not measured here.

    `views` should read pictures as recorded.
    """
    levels: dict[str, list[float]] = {stream: [] for stream in views.streams}
    widths: dict[str, list[float]] = {stream: [] for stream in views.streams}
    flat: dict[str, list[bool]] = {stream: [] for stream in views.streams}
    references: dict[str, np.ndarray] = {}
    for instant in instants:
        for stream in views.seeing(instant):
            image = views.image(stream, instant)
            if image is None:
                continue
            people = views.people(stream, instant)
            mask = None if people is None else people == views.number
            person = image if mask is None or not mask.any() else image[mask]
            levels[stream].append(float(np.median(person)))
            flat[stream].append(float(np.std(person)) < FLAT_LEVELS)
            width = edge_width_px(image, mask)
            widths[stream].append(width if np.isfinite(width) else edge_width_px(image))
            references.setdefault(stream, room(image, people))
    blur = {s: float(np.nanmedian(w)) for s, w in widths.items() if np.isfinite(w).any()}
    usual = float(np.median(list(blur.values()))) if blur else np.nan
    left_out = {}
    for stream in views.streams:
        if not levels[stream]:
            left_out[stream] = "no picture that can be read"
        elif max(levels[stream]) < DARK_LEVEL:
            left_out[stream] = f"black (median level {max(levels[stream]):.0f} of 255)"
        elif all(flat[stream]):
            left_out[stream] = "shows one even colour"
        elif stream not in blur and len(blur) > 1:
            left_out[stream] = f"out of focus (no edge at all, those of others are {usual:.1f} px wide)"
        elif blur.get(stream, 0) > max(BLURRED_PX, BLURRED_TIMES * usual):
            left_out[stream] = f"out of focus (edges {blur[stream]:.1f} px wide, others {usual:.1f})"
    streams = tuple(stream for stream in views.streams if stream not in left_out)
    return RigLook(
        streams=streams,
        left_out=left_out,
        references={s: r for s, r in references.items() if s in streams},
        blur_px={s: b for s, b in blur.items() if s in streams},
    )


def measured_gains(results: Results, views: ColorViews, instants: Sequence[int]) -> dict[str, Float[np.ndarray, "3"]]:
    """What brings the cameras' light together, measured on some instants; `views` read with the room's drift only."""
    raw, seen = replace(views, corrections=False, gains={}), []
    for instant in instants:
        with suppress(TextureError):  # a surface that cannot be painted is told of when its turn comes
            seen.append(_each_alone(results, raw, instant))
    return balance_cameras(seen, views.transfers())


def polished(results: Results, views: ColorViews, instants: Sequence[int]) -> CameraPolish:
    """Cameras moved until they agree on the surfaces' colours, kept only if they then agree where they were not fitted;
    `views` read with all gains."""
    return polish_cameras(_Watched(results, views, tuple(instants)))


@dataclass(frozen=True, eq=False)
class _Watched(Sequence):
    """Surfaces and views of instants, read when they are asked for: those of one instant are 60 MB."""

    results: Results
    views: ColorViews
    instants: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.instants)

    def __getitem__(self, row):
        if isinstance(row, slice):
            return _Watched(self.results, self.views, self.instants[row])
        return self.results.surface(self.instants[row]), self.views.views(self.instants[row])


def _each_alone(results: Results, views: ColorViews, instant: int) -> Mapping[str, Blend]:
    """The colours of all texels by each camera alone."""
    mesh = results.surface(instant)
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, BALANCE_SIZE)
    return {view.camera.name: paint(mesh, atlas, [view]) for view in views.views(instant)}
