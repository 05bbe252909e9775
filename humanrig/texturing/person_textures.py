"""All textures of one person: the cameras looked at, samples painted, one texture a segment, one for every instant."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from humanrig import __version__, manifest
from humanrig.errors import HumanrigError
from humanrig.kept_work import partial_path
from humanrig.report.pictures import spread
from humanrig.results import Results
from humanrig.stage import StageContext
from humanrig.stages.mesh import rows_of
from humanrig.stages.per_person import Progress
from humanrig.texturing.color_views import ColorViews
from humanrig.texturing.config import TextureConfig
from humanrig.texturing.instant_work import FEW_CAMERAS, InstantPainter, Painted
from humanrig.texturing.pool import Work, painter_pool
from humanrig.texturing.rig_look import (
    LOOK_INSTANTS,
    POLISH_INSTANTS,
    RigLook,
    look_at_cameras,
    measured_gains,
    polished,
)
from humanrig.texturing.segment_state import SegmentState, write_maps, write_texture
from texture.blending.residual import residual_noise
from texture.blending.sequence import SequenceTexture, sequence_texture
from texture.blending.surface_fill import filled
from texture.errors import TextureError
from texture.files.texture_files import segment_texture

VERSION = 5
READS = ("sync", "calibration", "masks", "body", "mesh")
"""Folders whose contents textures are made from."""
NOISE_PAIRS = 3
"""Pairs of neighbouring instants, evenly spread over a segment, that tell its noise."""
NAMED = 10
"""So many instants are named in a message."""


@dataclass(eq=False)
class Told:
    """What the passes said, for the figures."""

    seen_clip: list[float] = field(default_factory=list)
    seen_instant: list[float] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    few: dict[int, int] = field(default_factory=dict)
    damaged: dict[str, set[int]] = field(default_factory=dict)

    def note(self, painted: Painted, finished: bool = False) -> None:
        """Takes over what became of an instant."""
        if painted.refused:
            self.refused[painted.instant] = painted.refused
            return
        if painted.cameras < FEW_CAMERAS:
            self.few[painted.instant] = painted.cameras
        for stream in painted.damaged:
            self.damaged.setdefault(stream, set()).add(painted.instant)
        if finished:
            self.seen_instant.append(painted.seen)

    def warnings(self) -> list[str]:
        """Sentences on what is degraded or missing."""
        found = []
        for reason in dict.fromkeys(self.refused.values()):
            instants = [instant for instant, why in self.refused.items() if why == reason]
            found.append(f"{_named(instants)} without texture: {reason}")
        if self.few:
            found.append(f"{_named(sorted(self.few))} seen by fewer than {FEW_CAMERAS} cameras: mostly borrowed")
        for stream, instants in sorted(self.damaged.items()):
            found.append(f"{stream} left out at {_named(sorted(instants))}: its picture is black or damaged")
        return found


def paint_person(context: StageContext, results: Results, progress: Progress) -> dict[str, Any]:
    """Writes the files of `texture.files.texture_files` of one person; returns the figures.

    Raises HumanrigError when no instant at all can be painted.
    """
    instants = _wanted(results, context.instants)
    painter = _painter(context, results, instants)
    look, folder = painter.look, painter.folder
    told = _paint(painter, instants, progress)
    if not any((folder / results.person).glob("segment_*.jpg")):
        raise HumanrigError(f"{results.person} has no texture: " + "; ".join(told.warnings()))
    _hand_over(folder / results.person, context.output / results.person)
    for finished in folder.parent.glob(f"{results.person}_*"):  # those of runs with other options too
        shutil.rmtree(finished, ignore_errors=True)
    return _figures(painter.config, look, told, results)


def paint_ahead(context: StageContext, results: Results, progress: Progress) -> None:
    """Paints the textures of some instants, which then wait in the cache for `paint_person`.

    What they are painted with (the rig's look, the segments' textures) comes from instants all over the take: each
    process begins with another of these and takes over those that others have made meanwhile.
    """
    everything = _wanted(results, context.everything)
    mine = set(context.instants) & set(everything)
    if not mine or not context.config.every_instant:
        return
    _paint(_painter(context, results, everything), everything, progress, mine)


def _painter(context: StageContext, results: Results, instants: list[int]) -> InstantPainter:
    """What paints a person. Raises HumanrigError when no camera is of use."""
    config: TextureConfig = context.config
    plain = ColorViews(
        context.session,
        results.person,
        [stream for stream in context.session.of_kind("color") if context.uses(stream)],
        measured_depth=config.measured_depth,
        masks=config.masks,
    )
    look = _look(results, plain, instants, config)
    folder = context.session.path("cache", "texture", f"{results.person}_{_key(context, look)}")
    folder.mkdir(parents=True, exist_ok=True)
    return InstantPainter(context.session, results.person, config, look, folder)


def _look(results: Results, plain: ColorViews, instants: list[int], config: TextureConfig) -> RigLook:
    """How the cameras are to be read. Raises HumanrigError when none is of use."""
    some = spread(instants, LOOK_INSTANTS)
    look = look_at_cameras(replace(plain, corrections=False), some)
    if not look.streams:
        raise HumanrigError(
            f"no colour camera is of use: {_reasons(look.left_out)}; look at the pictures, or export without texture"
        )
    if config.balance:
        look = replace(look, gains=measured_gains(results, look.reader(plain), some))
    else:
        look = replace(look, references={})
    if config.polish and len(look.streams) > 1:
        look = replace(look, polish=polished(results, look.reader(plain), spread(instants, POLISH_INSTANTS)))
    return look


def _paint(painter: InstantPainter, instants: list[int], progress: Progress, mine: set[int] | None = None) -> Told:
    """All passes. With `mine` only these instants are finished, and the passes begin near the first of them."""
    config, told = painter.config, Told()
    segments: dict[int, list[int]] = {}
    for instant in instants:
        segments.setdefault(painter.segment_of(instant), []).append(instant)
    whole = {n: part for n, part in segments.items() if len(painter.results.meshes.segment(n).instants) > 1}
    chosen = {n: spread(part, config.clip_instants) for n, part in whole.items()}
    pairs = {n: _pairs(part) if config.shrink and config.every_instant else [] for n, part in whole.items()}
    samples = sorted({i for n in whole for i in (*chosen[n], *(i for pair in pairs[n] for i in pair))})
    memory = spread(instants, config.clip_instants) if len(segments) > 1 else []
    finish = [i for i in instants if config.every_instant or painter.segment_of(i) not in whole]
    if mine is not None:
        samples, memory = _from(samples, min(mine)), _from(memory, min(mine))
        finish = [i for i in finish if i in mine]
    total, done = len(samples) + len(memory) + len(finish), 0
    with painter_pool(painter, total) as pool:

        def each(work: Work, numbers: list[int]) -> None:
            nonlocal done
            for painted in pool.each(work, numbers):
                told.note(painted, work == "finish")
                progress(done := done + 1, total)

        each("remember", memory)
        _write_memory(painter, [i for i in sorted(memory) if i not in told.refused])
        each("sample", samples)
        for number in whole:
            _write_segment(painter, number, chosen[number], pairs[number], told)
        each("finish", [i for i in finish if i not in told.refused])
    if not total:
        progress(1, 1)
    return told


def _from(instants: list[int], first: int) -> list[int]:
    """The same, beginning with the first that is not before `first`."""
    return [i for i in instants if i >= first] + [i for i in instants if i < first]


def _write_memory(painter: InstantPainter, instants: list[int]) -> None:
    if not instants or (painter.folder / "memory.npz").is_file():
        return
    from texture.blending.body_memory import BodyMemory

    try:
        sequence = sequence_texture((painter.read_sample("memory", instant) for instant in instants), len(instants))
    except TextureError:  # nothing was near the body: nothing is remembered
        return
    memory = BodyMemory.of(painter.body_atlas, sequence)
    path = painter.folder / "memory.npz"
    np.savez(partial_path(path), image=memory.image, known=memory.known)
    partial_path(path).replace(path)


def _write_segment(
    painter: InstantPainter, number: int, chosen: list[int], pairs: list[tuple[int, int]], told: Told
) -> None:
    """The texture of a segment and its maps; its instants are refused where it cannot be made."""
    good = [instant for instant in chosen if instant not in told.refused]
    try:
        sequence = sequence_texture((painter.read_sample("samples", instant) for instant in good), len(good))
    except TextureError as error:
        told.refused |= {int(i): str(error) for i in painter.results.meshes.segment(number).instants}
        return
    told.seen_clip.append(sequence.seen)
    atlas = painter.atlas(number)
    colors, weight = painter.borrowing(good[0], sequence)
    whole = SequenceTexture(colors=filled(atlas, colors, weight), weight=sequence.weight, source=sequence.source)
    known = [(a, b) for a, b in pairs if a not in told.refused and b not in told.refused]
    read = ((painter.read_sample("samples", a), painter.read_sample("samples", b)) for a, b in known)
    state = SegmentState.of(atlas, whole, residual_noise(atlas, whole.colors, read))
    state.write(painter.folder / f"segment_{number:03d}.npz")
    path = segment_texture(painter.folder, painter.person, number)
    write_texture(path, state.around, painter.config.quality)
    write_maps(painter.folder, painter.person, number, atlas, whole)


def _pairs(part: list[int]) -> list[tuple[int, int]]:
    """Neighbouring instants, evenly spread."""
    return [(part[row], part[row + 1]) for row in spread(list(range(len(part) - 1)), NOISE_PAIRS)]


def _wanted(results: Results, instants: list[int]) -> list[int]:
    meshes = results.meshes.instants.tolist()
    return [meshes[row] for row in rows_of(meshes, instants)]


def _key(context: StageContext, look: RigLook) -> str:
    """What textures were made from and how: those of an interrupted run go on only where it is the same."""
    read = {name: done.digest for name in READS if (done := manifest.read(context.session.path(name)))}
    options = {name: value for name, value in asdict(context.config).items() if name != "workers"}
    gains = {stream: gain.tolist() for stream, gain in look.gains.items()}
    made_of = [__version__, VERSION, look.streams, gains, _polish(look), read, options, context.everything]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def _hand_over(made: Path, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for path in sorted(made.iterdir()):
        if path.suffix != ".json" and not path.name.startswith("."):
            shutil.move(path, output / path.name)


def _figures(config: TextureConfig, look: RigLook, told: Told, results: Results) -> dict[str, Any]:
    gains = {stream: [round(float(g), 3) for g in gain] for stream, gain in look.gains.items()}
    clip = told.seen_clip or told.seen_instant
    left_out = [f"{stream} is not used: {reason}" for stream, reason in look.left_out.items()]
    return {
        "size": config.size,
        "cameras": len(look.streams),
        "streams": list(look.streams),
        "segments": len(results.meshes.segments),
        "seen_clip": round(float(np.mean(clip)), 4) if clip else 0.0,
        **({"seen_instant": round(float(np.mean(told.seen_instant)), 4)} if told.seen_instant else {}),
        "gains": gains,
        "polish": _polish(look),
        "without_texture": sorted(told.refused),
        "warnings": left_out + told.warnings(),
    }


def _polish(look: RigLook) -> dict[str, Any] | None:
    if look.polish is None:
        return None
    told = look.polish
    return {
        "kept": told.kept,
        "reason": told.reason,
        "before": round(told.before, 3) if np.isfinite(told.before) else None,
        "after": round(told.after, 3) if np.isfinite(told.after) else None,
        "moved_mm": {name: round(value, 2) for name, value in told.moved_mm.items()},
        "turned_deg": {name: round(value, 4) for name, value in told.turned_deg.items()},
    }


def _reasons(left_out: dict[str, str]) -> str:
    return "; ".join(f"{stream} {reason}" for stream, reason in left_out.items())


def _named(instants: list[int]) -> str:
    shown = ", ".join(map(str, instants[:NAMED])) + (" …" if len(instants) > NAMED else "")
    return f"instant {shown}" if len(instants) == 1 else f"{len(instants)} instants ({shown})"
