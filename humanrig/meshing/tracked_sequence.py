"""Tracked surfaces: templates made where limbs are apart, each followed as far as it fits."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from humanrig.meshing.body_surface import offset_figures
from humanrig.meshing.depth_views import DepthImages
from humanrig.meshing.instant_surface import laid_out, surface_of
from humanrig.meshing.made import Made, Progress, one_flag
from humanrig.meshing.person_input import PersonInput
from humanrig.meshing.scan_template import scan_template
from texture.errors import TextureError
from texture.files.mesh_sequence import Segment, write_segment
from texture.surfaces.free import FreeConfig
from texture.tracking.contacts import by_contact
from texture.tracking.template import Template, hang
from texture.tracking.track import Track, fits, follow, gaps, limits_of

TRIES = 3
"""Key instants that are tried before the body is the template."""


def tracked_sequence(
    person: PersonInput, output: Path, without: frozenset[str], progress: Progress, workers: int | None
) -> Made:
    """Writes the segments. workers: 1 goes forwards and backwards one after the other; the result is the same."""
    threads = len(os.sched_getaffinity(0)) if workers is None else workers
    flags: dict[int, list[str]] = {row: [] for row in range(len(person.rows))}
    tracks: list[Track] = []
    done: set[int] = set()

    def on_row(row: int) -> None:
        done.add(row)
        progress(len(done), len(flags))

    def tracked(template: Template, key: int, first: int, last: int, keep: bool) -> Track:
        return follow(
            template, person.clip, person.cloud, key, first, last, on_row,
            judged=lambda row: not keep and not person.trouble(row), threads=threads,
        )  # fmt: skip

    last, notes = len(flags) - 1, ()
    if person.config.template is not None:
        template, notes = scan_template(person)
        tracks.append(tracked(template, _key_rows(person, 0, last)[0], 0, last, keep=True))
        _flag_misfits(tracks[0], person, flags)
    else:
        images = DepthImages(person.results.session, without)
        waiting = [(0, last)]
        while waiting:
            first, final = waiting.pop(0)
            key, template, told = _template(person, images, first, final)
            tracks.append(tracked(template, key, first, final, keep=False))
            flags[key] += told
            waiting += gaps(first, final, [tracks[-1]])
    tracks.sort(key=lambda track: track.rows[0])
    for number, track in enumerate(tracks):
        write_segment(output, person.results.person, number, _segment(track, person))
        for row in track.rows:
            if trouble := person.trouble(row):
                flags[row].insert(0, trouble)
    entries = [
        (person.instants[row], number, one_flag(flags[row]))
        for number, track in enumerate(tracks)
        for row in track.rows
    ]
    return Made(entries=entries, figures=_figures(tracks, person), notes=notes)


def _key_rows(person: PersonInput, first: int, last: int) -> list[int]:
    """Rows in the order in which they suit a template: those with a whole cloud, limbs apart; then the others."""
    order = by_contact(person.clip, list(range(first, last + 1)))
    sound: list[int] = []
    for row in order:
        if not person.trouble(row):
            sound.append(row)
        if len(sound) == TRIES:
            return sound
    clouded = [row for row in order if row not in sound and person.cloud(row) is not None]
    return sound + clouded + [row for row in order if row not in sound and row not in clouded]


def _template(person: PersonInput, images: DepthImages, first: int, last: int) -> tuple[int, Template, list[str]]:
    """Key row, template and flags of a run of rows."""
    config = FreeConfig(method=person.config.method, faces=person.config.faces)
    keys = _key_rows(person, first, last)[:TRIES]
    reasons = []
    for row in keys:
        if (cloud := person.cloud(row)) is None:
            continue
        try:
            one = surface_of(cloud, person.body_mesh(row), config, images, person.instants[row])
            if not one.is_body:
                return row, hang(one.mesh, person.clip, row), list(one.flags)
            reasons += one.flags
        except TextureError as error:
            reasons.append(str(error))
    body = person.results.model.mesh(person.dressed_vertices[keys[0]])
    notes = [f"the fitted body is the template: {reasons[0]}"] if reasons else ["the fitted body is the template"]
    return keys[0], hang(laid_out(body), person.clip, keys[0]), notes


def _segment(track: Track, person: PersonInput) -> Segment:
    mesh = track.template.mesh
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    return Segment(
        instants=np.array([person.instants[row] for row in track.rows]),
        vertices=track.vertices,
        faces=mesh.faces,
        uv=mesh.uv,
        uv_faces=mesh.uv_faces,
        binding=track.binding,
    )


def _flag_misfits(track: Track, person: PersonInput, flags: dict[int, list[str]]) -> None:
    """A scan is kept where it does not fit; that is told."""
    limits = limits_of(track.qualities[track.rows.index(track.key)])
    for row, quality in zip(track.rows, track.qualities):
        if not person.trouble(row) and not fits(quality, limits):
            flags[row].append("the scan does not fit the cloud")


def _figures(tracks: list[Track], person: PersonInput) -> dict[str, float | int]:
    qualities = [quality for track in tracks for quality in track.qualities]
    known = [quality for quality in qualities if not np.isnan(quality.unexplained)]
    told: dict[str, float | int] = {
        "segments": len(tracks),
        "faces": round(float(np.mean([len(track.template.mesh.faces) for track in tracks]))),
    }
    if known:
        told["cloud_to_surface_mm"] = round(1e3 * float(np.median([quality.median_m for quality in known])), 2)
        told["unexplained_percent"] = round(1e2 * float(np.mean([quality.unexplained for quality in known])), 3)
    return told | offset_figures(person)
