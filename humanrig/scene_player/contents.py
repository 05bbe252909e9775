"""What of a session a scene shows: moments, people, clouds and cameras, as many of them as are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from capture.session import Session
from humanrig.export.every import EXPECTED
from humanrig.report.people import COLORS
from humanrig.report.pictures import spread
from humanrig.results import Results, people
from humanrig.scene_player.packed import Packer
from humanrig.scene_player.person import clip_to_play, pack_person
from humanrig.scene_player.surroundings import camera_lines, pack_clouds
from texture.files.skinned_clip import SkinnedClip

MOST_FRAMES = 600
"""Frames that are played; of a longer clip as many, evenly spread. A frame of one person takes 0.3 kB."""
PERSON_FRAMES = 1800
"""Frames times people."""
LEAST_FRAMES = 60
CLOUDS = 30
"""Instants that show their cloud."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """How fine a scene is packed."""

    shapes: int
    """Shapes that are added to a person's surface at rest: folds of clothes, bends of the skin."""
    texture_rows: int
    points: int
    """Of each cloud."""


FINEST = Detail(shapes=16, texture_rows=1024, points=2500)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Contents:
    """What is shown, and what could not be."""

    session: Session
    instants: list[int]
    seconds: Float[np.ndarray, "instants"]
    clips: dict[str, SkinnedClip]
    """By person."""
    bare: frozenset[str]
    """People who are shown without clothes, for there is no surface that follows the body."""
    frames: dict[str, Int64[np.ndarray, "frames"]]
    """Which of the instants each frame of a person's clip is."""
    cameras: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)

    def pack(self, detail: Detail) -> bytes:
        """As the page reads it."""
        packer, shown = Packer(), []
        for name, clip in self.clips.items():
            shapes = clip.shapes
            if shapes is not None:
                first = slice(0, detail.shapes)
                shapes = replace(shapes, shapes=shapes.shapes[first], weights=shapes.weights[:, first])
            about = pack_person(
                packer, replace(clip, shapes=shapes), self.frames[name], len(self.instants), detail.texture_rows
            )
            color = COLORS[int(name.removeprefix("person")) % len(COLORS)]
            shown.append({"name": name, "color": list(color)} | about)
        frames = {instant: self.instants.index(instant) for instant in spread(self.instants, CLOUDS)}
        header = {
            "instants": self.instants,
            "seconds": np.round(self.seconds, 4).tolist(),
            "people": shown,
            "clouds": pack_clouds(packer, self.session, frames, detail.points, self.notes),
            "cameras": self.cameras,
        }
        return packer.pack(header)


def contents(session: Session, marked: Mapping[str, str]) -> Contents:
    """Everything that can be shown; what is missing or damaged is said in the notes."""
    notes: list[str] = []
    found = _people(session, notes)
    every = sorted({i for results in found for i in results.instants}) or _cloud_instants(session)
    wanted = max(LEAST_FRAMES, min(MOST_FRAMES, PERSON_FRAMES // max(1, len(found))))
    instants = spread(every, wanted)
    if len(instants) < len(every):
        notes.append(f"{len(instants)} of {len(every)} instants are played.")
    place = {instant: n for n, instant in enumerate(instants)}
    clips, bare, frames, times = {}, set(), {}, {}
    for results in found:
        try:
            clip, without_clothes = clip_to_play(results, instants, FINEST.shapes)
        except (*EXPECTED, KeyError, OSError) as error:
            notes.append(f"{results.person} is not shown: {error}.")
            continue
        known = [i for i in results.instants if i in place]
        clips[results.person] = clip
        bare |= {results.person} if without_clothes else set()
        frames[results.person] = np.array([place[i] for i in known])
        times |= dict(zip(known, clip.times_s.tolist(), strict=True))
    if bare:
        notes.append(f"Bodies without clothes: {', '.join(sorted(bare))}; there is no surface that follows them.")
    return Contents(
        session=session,
        instants=instants,
        seconds=_seconds(instants, times),
        clips=clips,
        bare=frozenset(bare),
        frames=frames,
        cameras=_cameras(session, marked, notes),
        notes=notes,
    )


def _people(session: Session, notes: list[str]) -> list[Results]:
    try:
        names = people(session)
    except EXPECTED:
        notes.append("There are no bodies yet.")
        return []
    found = []
    for name in names:
        results = Results(session, name)
        try:
            if not len(results.instants):
                raise KeyError("no instants")
            found.append(results)
        except (*EXPECTED, KeyError, OSError) as error:
            notes.append(f"{name} is not shown: {error}.")
    return found


def _cloud_instants(session: Session) -> list[int]:
    names = (path.stem for path in Path(session.path("clouds")).glob("[0-9]*.npz"))
    return sorted(int(name) for name in names if name.isdigit())


def _seconds(instants: list[int], times: dict[int, float]) -> Float[np.ndarray, "instants"]:
    """Seconds from the first instant; where no body tells them, a tenth of a second each."""
    if all(instant in times for instant in instants):
        known = np.array([times[instant] for instant in instants])
        return known - known[:1]
    return np.arange(len(instants)) * 0.1


def _cameras(session: Session, marked: Mapping[str, str], notes: list[str]) -> list[dict[str, Any]]:
    try:
        return camera_lines(list(session.cameras().values()), marked)
    except (*EXPECTED, KeyError, OSError) as error:
        notes.append(f"No cameras: {error}.")
        return []
