"""Paints single instants: samples for the texture of their segment, then textures of their own."""

from __future__ import annotations

import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from calibration.errors import CalibrationError
from capture.errors import CaptureError
from capture.session import Session
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.kept_work import partial_path, read_note, write_note
from humanrig.results import Results
from humanrig.texturing.color_views import ColorViews
from humanrig.texturing.config import TextureConfig
from humanrig.texturing.rig_look import RigLook
from humanrig.texturing.segment_state import SegmentState, write_maps, write_texture
from registration.errors import RegistrationError
from texture.blending.body_memory import SIZE as MEMORY_SIZE
from texture.blending.body_memory import BodyMemory, carried, lent, only
from texture.blending.residual import with_residual
from texture.blending.sequence import SequenceTexture, levels, sequence_texture
from texture.blending.surface_fill import filled
from texture.errors import TextureError
from texture.files.texture_files import instant_texture, segment_texture
from texture.layout.atlas import Atlas
from texture.layout.unwrapping import unwrapped
from texture.painting.blend import Blend
from texture.painting.config import PaintConfig
from texture.painting.painting import paint

REFUSED = (TextureError, GeometryError, CaptureError, RegistrationError, CalibrationError, HumanrigError)
"""What makes an instant impossible, and not the whole take."""
FEW_CAMERAS = 3
"""An instant with fewer cameras is flagged: half of the person is then borrowed or made up."""


@dataclass(frozen=True, kw_only=True)
class Painted:
    """What became of one instant."""

    instant: int
    cameras: int = 0
    """How many saw it."""
    seen: float = 0.0
    """Share of the texels that any camera saw."""
    refused: str = ""
    """Why there is nothing."""
    damaged: tuple[str, ...] = ()
    """Streams whose picture could not be read."""


@dataclass(eq=False)
class InstantPainter:
    """Paints any instant of one person. Lives as long as the stage runs, in this process or in a worker."""

    session: Session
    person: str
    config: TextureConfig
    look: RigLook
    folder: Path
    """Cache: samples, the state of segments, and finished textures, found again after an interruption."""
    _atlases: OrderedDict[int, Atlas] = field(default_factory=OrderedDict)
    _states: OrderedDict[int, SegmentState] = field(default_factory=OrderedDict)

    def sample(self, instant: int) -> Painted:
        """Paints an instant for its segment's texture; the blend waits in the cache."""
        path = self.folder / "samples" / f"{instant:06d}.npz"
        return self._once(path, instant, lambda: self._write_blend(path, instant, self.blend(instant)))

    def remember(self, instant: int) -> Painted:
        """Paints an instant's surface onto the body, for what other surfaces do not show."""
        path = self.folder / "memory" / f"{instant:06d}.npz"
        return self._once(path, instant, lambda: self._write_blend(path, instant, self._on_body(instant)))

    def finish(self, instant: int) -> Painted:
        """Writes the texture of an instant, and the maps of a segment that is one instant."""
        path = instant_texture(self.folder, self.person, instant)
        alone = len(self.results.meshes.segment(self.segment_of(instant)).instants) == 1
        return self._once(path, instant, lambda: (self._alone if alone else self._in_sequence)(instant))

    def segment_of(self, instant: int) -> int:
        """The number of the segment that holds an instant."""
        return self.results.meshes.number_of(instant)

    def atlas(self, number: int) -> Atlas:
        """The texture's layout of a segment; that of the last one is kept."""
        if number not in self._atlases:
            segment = self.results.meshes.segment(number)
            self._atlases.clear()
            self._atlases[number] = Atlas.of(segment.faces, segment.uv, segment.uv_faces, self.config.size)
        return self._atlases[number]

    def blend(self, instant: int, atlas: Atlas | None = None) -> Blend:
        """What the cameras say of an instant's texels; sources count the streams of the look."""
        return self._blend(instant, atlas or self.atlas(self.segment_of(instant)))[0]

    def read_sample(self, kind: str, instant: int) -> Blend:
        """A blend that waits in the cache: of `samples` or `memory`."""
        with np.load(self.folder / kind / f"{instant:06d}.npz") as arrays:
            return Blend(colors=arrays["colors"].astype(np.float32), weight=arrays["weight"], source=arrays["source"])

    @cached_property
    def results(self) -> Results:
        """The reconstruction of the person."""
        return Results(self.session, self.person)

    @cached_property
    def views(self) -> ColorViews:
        """The reader of colour views."""
        plain = ColorViews(
            self.session,
            self.person,
            self.look.streams,
            measured_depth=self.config.measured_depth,
            masks=self.config.masks,
        )
        return self.look.reader(plain)

    @cached_property
    def body_atlas(self) -> Atlas:
        """The layout of the body's memory."""
        body = self._body(self.results.instants[0])
        return Atlas.of(body.faces, body.uv, body.uv_faces, MEMORY_SIZE)

    def _blend(self, instant: int, atlas: Atlas, mesh: TriangleMesh | None = None) -> tuple[Blend, int]:
        views = self.views.views(instant)
        if not views:
            raise TextureError(f"instant {instant}: no camera has a picture")
        config = PaintConfig(mask_test=self.config.masks, depth_test=self.config.measured_depth)
        blend = paint(mesh or self.results.surface(instant), atlas, views, config)
        if blend.source is None:
            return blend, len(views)
        number = np.array([0, *(self.look.streams.index(view.camera.name) + 1 for view in views)], np.uint8)
        source = number[blend.source]
        return Blend(colors=blend.colors, weight=blend.weight, source=source), len(views)

    def _on_body(self, instant: int) -> tuple[Blend, int]:
        body, surface = self._body(instant), self.results.surface(instant)
        atlas, near = carried(self.body_atlas, body, surface)
        blend, cameras = self._blend(instant, atlas, surface)
        return only(blend, near), cameras

    def _in_sequence(self, instant: int) -> Painted:
        number = self.segment_of(instant)
        atlas, state = self.atlas(number), self.state(number)
        waiting = self.folder / "samples" / f"{instant:06d}.npz"
        if waiting.is_file():
            blend, cameras = self.read_sample("samples", instant), len(self.views.seeing(instant))
        else:
            blend, cameras = self._blend(instant, atlas)
        if self.config.shrink:
            colors = with_residual(atlas, blend, state.sequence.colors, state.noise)
        else:
            own = levels(blend)
            colors = np.where((blend.weight > 0)[:, None], own, state.sequence.colors)
        path = instant_texture(self.folder, self.person, instant)
        write_texture(path, atlas.image(colors, state.around), self.config.quality)
        return Painted(instant=instant, cameras=cameras, seen=float((blend.weight > 0).mean()))

    def _alone(self, instant: int) -> Painted:
        number = self.segment_of(instant)
        atlas = self.atlas(number)
        blend, cameras = self._blend(instant, atlas)
        sequence = sequence_texture([blend])
        colors, weight = self._with_memory(instant, atlas, sequence)
        whole = SequenceTexture(colors=filled(atlas, colors, weight), weight=sequence.weight, source=sequence.source)
        state = SegmentState.of(atlas, whole)
        path = segment_texture(self.folder, self.person, number)
        write_texture(path, state.around, self.config.quality)
        write_maps(self.folder, self.person, number, atlas, whole)
        own = instant_texture(self.folder, self.person, instant)
        own.unlink(missing_ok=True)
        try:
            os.link(path, own)
        except OSError:  # exFAT and some network disks have no hard links
            shutil.copyfile(path, own)
        return Painted(instant=instant, cameras=cameras, seen=sequence.seen)

    def _with_memory(self, instant: int, atlas: Atlas, sequence: SequenceTexture) -> tuple[np.ndarray, np.ndarray]:
        """Colours and weights of a sequence, with what the body remembers where it saw nothing."""
        missing = np.flatnonzero(sequence.weight == 0)
        if self._memory is None or not len(missing):
            return sequence.colors, sequence.weight
        surface = self.results.surface(instant)
        found, known = lent(self._memory, self._body(instant), surface, atlas, sequence.weight == 0)
        colors, weight = sequence.colors.copy(), sequence.weight.copy()
        colors[missing[known]] = found[known]
        weight[missing[known]] = BORROWED_WEIGHT
        return colors, weight

    def borrowing(self, instant: int, sequence: SequenceTexture) -> tuple[np.ndarray, np.ndarray]:
        """The same for the texture of a segment, by its surface at one of its instants."""
        return self._with_memory(instant, self.atlas(self.segment_of(instant)), sequence)

    @cached_property
    def _memory(self) -> BodyMemory | None:
        path = self.folder / "memory.npz"
        if not path.is_file():
            return None
        with np.load(path) as arrays:
            return BodyMemory(image=arrays["image"], known=arrays["known"])

    def state(self, number: int) -> SegmentState:
        """The finished texture of a segment and its noise; the last one is kept."""
        if number not in self._states:
            self._states.clear()
            self._states[number] = SegmentState.read(self.folder / f"segment_{number:03d}.npz")
        return self._states[number]

    def _body(self, instant: int) -> TriangleMesh:
        rows = self.results.instants
        if instant not in rows:
            raise TextureError(f"instant {instant} has a surface and no body; run the stage mesh again")
        row = rows.index(instant)
        model = self.results.model
        vertices = model.pose(self.results.parameters[np.array([row])]).vertices[0]
        return unwrapped(TriangleMesh(vertices=vertices, faces=model.faces, uv=model.uv, uv_faces=model.uv_faces))

    def _write_blend(self, path: Path, instant: int, made: tuple[Blend, int] | Blend) -> Painted:
        blend, cameras = made if isinstance(made, tuple) else (made, len(self.views.seeing(instant)))
        path.parent.mkdir(parents=True, exist_ok=True)
        source = np.zeros(len(blend.weight), np.uint8) if blend.source is None else blend.source
        partial = partial_path(path)
        np.savez(partial, colors=levels(blend), weight=blend.weight, source=source)
        partial.replace(path)
        return Painted(instant=instant, cameras=cameras, seen=float((blend.weight > 0).mean()))

    def _once(self, path: Path, instant: int, work) -> Painted:
        """Does the work unless it was done before; a sign beside the file says that it is whole."""
        if known := _kept(path):
            return known
        self.views.damaged.clear()
        try:
            done = work()
        except REFUSED as error:
            return Painted(instant=instant, refused=str(error))
        damaged = tuple(sorted(self.views.damaged))
        done = Painted(instant=instant, cameras=done.cameras - len(damaged), seen=done.seen, damaged=damaged)
        write_note(path, vars(done))
        return done


BORROWED_WEIGHT = np.float32(1e-3)
"""What a borrowed colour counts when it meets its surroundings: less than any camera that saw the place itself."""


def _kept(path: Path) -> Painted | None:
    """What became of a finished file that waits in the cache; None where there is none."""
    values = read_note(path)
    if values is None:
        return None
    try:
        return Painted(**{**values, "damaged": tuple(values["damaged"])})
    except (KeyError, TypeError):
        return None


def in_order(painted: Iterator[Painted]) -> list[Painted]:
    """All of them, by instant."""
    return sorted(painted, key=lambda one: one.instant)
