"""Seams and flicker of the textures that the stage texture wrote, and how large an animated file is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from texture.files.texture_files import confidence_map, source_map
from texture.layout.atlas import Atlas
from texture_trials.cases import Case
from texture_trials.flicker import flicker
from texture_trials.kept import Measured, measured, number, table
from texture_trials.pictures_again import Textured, textured
from texture_trials.seams import matched, steps


def measure_seams(case: Case, folder: Path, work: Path, size: int = 2048, *, again: bool = False) -> Measured:
    """Steps in the sequence texture when the cameras' exposures differ, against those when they do not."""
    return _kept(case, folder, work, ("exposures", "own calibration"), "seams", size, _seams, again=again)


def measure_flicker(case: Case, folder: Path, work: Path, size: int = 2048, *, again: bool = False) -> Measured:
    """How much the textures of single instants tremble; says something of people who stand still only."""
    return _kept(case, folder, work, ("own calibration",), "flicker", size, _flicker, again=again)


def _kept(case: Case, folder: Path, work: Path, names: tuple[str, ...], kind: str, size: int, figures: Any,
          *, again: bool) -> Measured:  # fmt: skip
    from humanrig.cli import expected_errors

    try:
        found = [textured(case, folder, work, name, size) for name in names]
    except expected_errors() as error:
        return Measured(kind=kind, case=case.name, row=case.row, variant="", key="", error=str(error), figures={})
    key = " ".join(f"{one.mesh.digest} {one.texture.digest}" for one in found)
    return measured(work, kind, (case.name, case.row), names[0], key, lambda: figures(*found), again=again)


def _seams(changed: Textured, before: Textured) -> dict[str, Any]:
    results = changed.take.results
    found = []
    for number_ in results.meshes.segments:
        segment = results.meshes.segment(number_)
        instant = int(segment.instants[0])
        texture, reference = changed.sequence_texture(instant), before.sequence_texture(instant)
        atlas = Atlas.of(segment.faces, segment.uv, segment.uv_faces, len(texture))
        seen, source = seen_texels(changed, number_, atlas), source_texels(changed, number_)
        reference = matched(texture, reference, seen)
        found.append(asdict(steps(segment.surface(instant), atlas, texture, seen, reference, source)))
    names = ("charts", "charts_added", "sources", "sources_added")
    return {name: _mean([f[name] for f in found if f[name] is not None]) for name in names}


def _flicker(one: Textured) -> dict[str, Any]:
    results = one.take.results
    longest = max(results.meshes.segments, key=lambda n: len(results.meshes.segment(n).instants))
    segment = results.meshes.segment(longest)
    size = len(one.sequence_texture(int(segment.instants[0])))
    atlas = Atlas.of(segment.faces, segment.uv, segment.uv_faces, size)
    seen = seen_texels(one, longest, atlas)
    return asdict(flicker((one.instant_texture(int(i)) for i in segment.instants), seen))


def seen_texels(one: Textured, number_: int, atlas: Atlas) -> np.ndarray:
    """Texels of the charts, without what lies between them, that the confidence map calls seen."""
    path = confidence_map(one.take.session.path("texture"), one.take.results.person, number_)
    confidence = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    covered = atlas.image(np.ones(len(atlas), bool), False)
    return covered if confidence is None else covered & (confidence > 0)


def source_texels(one: Textured, number_: int) -> np.ndarray | None:
    """The source map of a segment; None where none was written."""
    path = source_map(one.take.session.path("texture"), one.take.results.person, number_)
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None


def seams_table(found: list[Measured]) -> str:
    """One line for each case."""
    head = ("take", "across chart borders", "beyond equal exposures", "where cameras change",
            "beyond equal exposures")  # fmt: skip
    names = ("charts", "charts_added", "sources", "sources_added")
    return table(head, [(m.case, *([m.error, "", "", ""] if m.error else [number(m.figures[n]) for n in names]))
                        for m in found])  # fmt: skip


def flicker_table(found: list[Measured]) -> str:
    """One line for each case."""
    head = ("take", "standard deviation, levels of 255", "p95", "instants")
    return table(head, [(m.case, *([m.error, "", ""] if m.error else
                                   [number(m.figures["mean"]), number(m.figures["p95"]), str(m.figures["instants"])]))
                        for m in found])  # fmt: skip


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
