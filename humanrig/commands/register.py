"""`humanrig register`: fit a body to every person of a session, running the stages before it that are needed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from humanrig.commands.reconstruct import parse_frames, read_configs
from humanrig.terminal import say, stage_progress

MOST_FLAGS = 5
"""Flagged instants that are told one by one."""


def register(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    people: Annotated[int | None, arg(metavar="N")] = None,
    shape_from: Annotated[Path | None, arg(metavar="TAKE|SCAN")] = None,
    scan_unit: Annotated[Literal["m", "cm", "mm"] | None, arg(metavar="m|cm|mm")] = None,
    scan_up: Annotated[str | None, arg(metavar="AXIS")] = None,
    terms: Annotated[tuple[str, ...], arg(metavar="NAME=WEIGHT|off ...")] = (),
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    without: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    option: Annotated[tuple[str, ...], arg(metavar="STAGE.KEY=VALUE ...")] = (),
    again: bool = False,
    json: bool = False,
) -> int:
    """Fit an SMPL-format body to every person at every instant, and say where it should not be trusted.

    Runs sync, calibrate, masks, clouds and keypoints first where they have not run; what is done and unchanged is
    skipped. Writes SESSION/body/personNN.npz (docs/conventions.md). `humanrig reconstruct` with the same options
    goes on to meshes, texture and report; with others it fits again.

    Args:
        session: The session's folder.
        people: How many people to follow, 0 for everybody; by default as the masks were made, else one.
        shape_from: Where the shape of person00 is known from: a scan (.obj, .ply), or a take of standing still.
        scan_unit: Of a scan whose numbers are no height of a person in metres.
        scan_up: Which axis of the scan points up, such as y or -z; it is found where this is left out.
        terms: Weights of the energy's terms (docs/registration.md), such as surface=0.5 or smooth=off.
        frames: Use the instants from A up to B (not included), such as 0:60. B may be left out.
        without: Cameras that no estimate may use; `humanrig evaluate` measures in them.
        option: One option of a stage, such as register.betas=10.
        again: Fit again although nothing changed.
        json: Print every figure as JSON.
    """
    from capture.session import Session
    from humanrig import pipeline
    from humanrig.commands.stage_ending import tell
    from humanrig.registering.options import set_people, set_shape, set_terms

    opened = Session.open(session)
    configs = read_configs(None, option)
    set_people(opened, configs, people)
    set_terms(configs, terms)
    with stage_progress() as update:
        shape = set_shape(opened, configs, shape_from, scan_unit, scan_up, update)
    if shape is not None:
        say(known_shape(shape.figures))
    request = pipeline.Request(
        until="register",
        start="register" if again else None,
        frames=parse_frames(frames),
        without=frozenset(without),
        configs=configs,
    )
    with stage_progress() as update:
        outcomes = pipeline.reconstruct(opened, request, on_stage=update)
    tell(outcomes, _everybody, opened.path("body"), json=json)
    if json:
        return 0
    weights = configs["register"]["terms"] if terms else {}
    words = same_words(shape_from, scan_unit, scan_up, weights, frames, without, option)
    say(f"next, meshes, texture and report: humanrig reconstruct {session}{words}")
    return 0


def _everybody(figures: dict[str, Any]) -> list[str]:
    return [line for person, own in figures["people"].items() for line in sentences(person, own)]


def same_words(
    shape_from: Path | None,
    scan_unit: str | None,
    scan_up: str | None,
    terms: Mapping[str, float],
    frames: str | None,
    without: Sequence[str],
    option: Sequence[str],
) -> str:
    """The words that keep `humanrig reconstruct` from fitting again with other options."""
    given = [("--shape-from", shape_from), ("--scan-unit", scan_unit), ("--scan-up", scan_up), ("--frames", frames)]
    words = [word for name, value in given if value is not None for word in (name, str(value))]
    words += ["--without", *without] if without else []
    weights = ", ".join(f"{name}={weight:g}" for name, weight in terms.items())
    options = [*option, f"register.terms={{{weights}}}"] if terms else option
    words += ["--option", *options] if options else []
    return "".join(f" {shlex.quote(word)}" for word in words)


def known_shape(figures: dict[str, Any]) -> str:
    """The shape that a scan or another take gave, in one line or more."""
    lines = [
        f"shape from {', '.join(figures['sources'])}: {figures['verdict']}, {figures['height_m']:.3f} m tall "
        f"(± {1e3 * figures['height_sigma_m']:.0f} mm)"
    ]
    return "\n".join([*lines, *figures["notes"], *(f"warning: {text}" for text in figures["warnings"])])


def sentences(person: str, figures: dict[str, Any]) -> list[str]:
    """What came out for a person, for people."""
    flagged = figures["flagged"]
    parts = [f"{figures['frames']} instants, {len(flagged)} flagged"]
    if figures["keypoint_px_median"] is not None:
        parts.append(f"keypoints {figures['keypoint_px_median']:.1f} px")
    if figures["surface_mm_mean"] is not None:
        parts.append(f"cloud to body {figures['surface_mm_mean']:.1f} mm")
    lines = [f"{person}: {', '.join(parts)}"]
    lines += [f"  instant {i}: {flag}" for i, flag in list(flagged.items())[:MOST_FLAGS]]
    if len(flagged) > MOST_FLAGS:
        lines.append(f"  and {len(flagged) - MOST_FLAGS} more, all in body/{person}.npz")
    return lines
