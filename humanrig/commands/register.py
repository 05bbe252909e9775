"""`humanrig register`: fit a body to every person of a session, running the stages before it that are needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from humanrig.commands.reconstruct import parse_frames, read_configs
from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, say, stage_progress

if TYPE_CHECKING:
    from capture.session import Session

MOST_FLAGS = 5
"""Flagged instants that are told one by one."""


def register(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    people: Annotated[int | None, arg(metavar="N")] = None,
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    without: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    option: Annotated[tuple[str, ...], arg(metavar="STAGE.KEY=VALUE ...")] = (),
    again: bool = False,
    json: bool = False,
) -> int:
    """Fit an SMPL-format body to every person at every instant, and say where it should not be trusted.

    Runs sync, calibrate, masks, clouds and keypoints first where they have not run; what is done and unchanged is
    skipped. Writes SESSION/body/personNN.npz (docs/conventions.md).

    Args:
        session: The session's folder.
        people: How many people to follow, 0 for everybody; by default as the masks were made, else one.
        frames: Use the instants from A up to B (not included), such as 0:60. B may be left out.
        without: Cameras that no estimate may use; `humanrig evaluate` measures in them.
        option: One option of a stage, such as register.betas=10.
        again: Fit again although nothing changed.
        json: Print every figure as JSON.
    """
    from capture.session import Session
    from humanrig import pipeline

    opened = Session.open(session)
    configs = read_configs(None, option)
    set_people(configs, people_of_masks(opened) if people is None else people)
    request = pipeline.Request(
        until="register",
        start="register" if again else None,
        frames=parse_frames(frames),
        without=frozenset(without),
        configs=configs,
    )
    with stage_progress() as update:
        outcomes = pipeline.reconstruct(opened, request, on_stage=update)
    last = outcomes[-1]
    for outcome in outcomes:
        for warning in outcome.figures.get("warnings", []):
            say(f"{outcome.stage}: warning: {warning}")
    if json:
        print_json({"seconds": last.seconds, "skipped": last.skipped, **last.figures})
        return 0
    for person, figures in last.figures["people"].items():
        for line in sentences(person, figures):
            print(line)
    say("unchanged, skipped" if last.skipped else f"{last.seconds:.1f} s")
    say(f"{opened.path('body')}")
    return 0


def set_people(configs: dict[str, dict[str, Any]], people: int | None) -> None:
    """Adds the option `people` of masks and keypoints, where it is given and they have it.

    Raises HumanrigError for a number that cannot be, and when an option already says another number.
    """
    from humanrig.pipeline import load_stage
    from registration.masks.files import MAX_PEOPLE

    if people is None:
        return
    if not 0 <= people <= MAX_PEOPLE:
        raise HumanrigError(f"--people {people}: give a number up to {MAX_PEOPLE}, or 0 for everybody")
    for stage in ("masks", "keypoints"):
        if "people" not in load_stage(stage).config.__dataclass_fields__:
            continue
        former = configs.setdefault(stage, {}).setdefault("people", people)
        if former != people:
            raise HumanrigError(f"--people {people} and --option {stage}.people={former} differ; give one of them")


def people_of_masks(session: Session) -> int | None:
    """How many people the masks were made for; None where there are no masks yet."""
    from humanrig import manifest

    done = manifest.read(session.path("masks"))
    return None if done is None else done.config.get("people")


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
