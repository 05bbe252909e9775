"""What `humanrig register` and `humanrig reconstruct` add to the stages' options: people, terms and a known shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from humanrig.errors import HumanrigError

if TYPE_CHECKING:
    from capture.session import Session
    from humanrig.pipeline import Outcome

Configs = dict[str, dict[str, Any]]
LINK = "shape_from"
"""In session.toml: the take that shows this person standing still."""


def set_people(session: Session, configs: Configs, people: int | None) -> None:
    """Adds the option `people` of masks and keypoints: the number that is given, else as many as were followed before.

    Raises HumanrigError for a number that cannot be, and when an option already says another number.
    """
    from registration.masks.files import MAX_PEOPLE

    if people is None:
        keep_people(session, configs)
        return
    if not 0 <= people <= MAX_PEOPLE:
        raise HumanrigError(f"--people {people}: give a number up to {MAX_PEOPLE}, or 0 for everybody")
    for stage in ("masks", "keypoints"):
        former = configs.setdefault(stage, {}).setdefault("people", people)
        if former != people:
            raise HumanrigError(f"--people {people} and --option {stage}.people={former} differ; give one of them")


def keep_people(session: Session, configs: Configs) -> None:
    """Adds the option `people` of the masks and keypoints that are there, so that nobody is dropped who was followed.

    An option that is given already wins.
    """
    from humanrig import manifest

    if any("people" in configs.get(stage, {}) for stage in ("masks", "keypoints")):
        return
    masks, keypoints = (manifest.read(session.path(stage)) for stage in ("masks", "keypoints"))
    if masks is None or (people := masks.config.get("people")) is None:
        return
    configs.setdefault("masks", {})["people"] = people
    # without depth, keypoints number the people, and must be told how many there are
    followed = keypoints.config.get("people") if keypoints is not None else people if people != 1 else None
    if followed is not None:
        configs.setdefault("keypoints", {})["people"] = followed


def set_terms(configs: Configs, words: Sequence[str]) -> None:
    """Adds weights of the energy's terms from NAME=WEIGHT words; `off` is 0. Raises HumanrigError for other words."""
    from registration.fit.energy import TERM_NAMES

    terms: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name not in TERM_NAMES:
            raise HumanrigError(f"--terms {word}: there is no term '{name}'; the terms are {', '.join(TERM_NAMES)}")
        try:
            weight = 0.0 if text == "off" else float(text)
        except ValueError:
            weight = -1.0
        if not equals or not 0 <= weight < float("inf"):
            raise HumanrigError(f"--terms {word}: expected NAME=WEIGHT or NAME=off, such as surface=0.5")
        terms[name] = weight
    if terms:
        configs.setdefault("register", {}).setdefault("terms", {}).update(terms)


def set_shape(
    session: Session,
    configs: Configs,
    shape_from: Path | None,
    unit: str | None,
    up: str | None,
    on_stage: Callable[[str, int, int], None] | None = None,
) -> Outcome | None:
    """Adds the shape that is known of person00: it is found in a scan or in a take first, where that was not done.

    `shape_from`: a .obj or .ply file, or the folder of a take of standing still, which is reconstructed up to its body;
    None: the take that session.toml names, if any. Returns how the shape was found. Raises HumanrigError for a path
    that is not there, and what the estimate raises.
    """
    from capture.session import Session
    from humanrig import pipeline
    from humanrig.registering.shape_file import FILE, FOLDER
    from humanrig.stages.shape import FROM_SCAN, FROM_TAKE

    if shape_from is None:
        if unit is not None or up is not None:
            raise HumanrigError("--scan-unit and --scan-up describe a scan; name it with --shape-from")
        if LINK not in session.info.links:
            return None
        shape_from = session.folder / session.info.links[LINK]
    register = pipeline.read_config(pipeline.load_stage("register"), configs.get("register", {}))
    betas = {"betas": register.betas}
    if shape_from.is_file():
        pipeline.reconstruct(session, pipeline.Request(until="sync", configs=_only(configs, "sync")), on_stage)
        values = {"scan": shape_from, **({"unit": unit} if unit else {}), **({"up": up} if up else {}), **betas}
        found = pipeline.run_alone(session, FROM_SCAN, values, on_stage=on_stage)
        where = session
    elif shape_from.is_dir():
        if unit is not None or up is not None:
            raise HumanrigError(
                f"--shape-from {shape_from} is a take, whose unit and axes are known; leave out --scan-…"
            )
        where = Session.open(shape_from)
        pipeline.reconstruct(where, pipeline.Request(until="register", configs={"register": betas}), on_stage)
        found = pipeline.run_alone(where, FROM_TAKE, betas, on_stage=on_stage)
    else:
        raise HumanrigError(f"--shape-from {shape_from}: there is no such scan or take")
    configs.setdefault("register", {})["shape"] = where.path(FOLDER, FILE)
    return found


def _only(configs: Configs, stage: str) -> Configs:
    return {stage: configs[stage]} if stage in configs else {}
