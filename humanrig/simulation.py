"""A simulated take from a few words: fetches the motion clip, dresses the body, and runs the virtual rig."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from body.errors import BodyError
from body.loading import load_body_model
from body.motion.clip import MotionClip
from body.motion.resample import cut, lengthen, resample
from body.motion.standing import STANDING, standing_clip
from capture.board_file import BOARD_FILE, write_board
from capture.session import Session
from capture.virtual.board import board_take
from capture.virtual.boxes import stacked_boxes
from capture.virtual.config import SimulationConfig
from capture.virtual.furniture import furniture
from capture.virtual.people import make_people
from capture.virtual.scene import Thing
from capture.virtual.simulate import frame_count, simulate
from capture.virtual.subject import Subject
from humanrig.errors import HumanrigError
from humanrig.motions import motion_library

RANDOM = "random"
"""Instead of a clip's name: a motion drawn from the library for each person."""
CLIMB = "climb"
"""How the names of climbing takes begin; they, and motions drawn from all clips, need another 102 MB to be fetched."""
CROWD_ROOM_M = 0.65
"""Several people who draw motions each stay within this of their spot: with it five find room in a ring of 2.3 m."""
THINGS_SEED = 13


def simulate_session(
    folder: Path,
    *,
    workers: int | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    **options: Any,
) -> Session:
    """Records a scene with the virtual rig; `options` are the fields of `SimulationConfig`.

    A clip that is shorter than the take is repeated. `on_progress` is told (piece of work, done, total). Raises
    HumanrigError for an unknown clip or a wrong option, and CaptureError when the folder exists, the scene cannot be
    placed or the disk is full.
    """
    config = _config(options)
    if Path(folder).exists():
        raise HumanrigError(f"{folder} exists; a simulation never overwrites, choose another folder or remove it")
    report = on_progress or (lambda name, done, total: None)
    people, things = make_scene(config, functools.partial(report, "people"))
    session = simulate(
        folder, config, people, things=things, workers=workers, on_progress=functools.partial(report, "simulate")
    )
    if config.scenario == "board":
        write_board(session.path(*BOARD_FILE), config.board)
    return session


def make_scene(
    config: SimulationConfig, on_progress: Callable[[int, int], None] | None = None
) -> tuple[tuple[Subject, ...], tuple[Thing, ...]]:
    """The people and the things of a configuration, at the rig's rate.

    Raises HumanrigError for an unknown clip or wishes that exclude each other, CaptureError when they do not fit on
    the floor.
    """
    check_together(config)
    rng = np.random.default_rng([config.seed, THINGS_SEED])
    if config.scenario == "board":
        thing, motion = board_take(config)
        return (), (replace(thing, T_world_thing=motion.T_world_board, description=motion.board.values()),)
    if config.scenario == "boxes":
        return (), _posed_boxes(rng, frame_count(config))
    if config.scenario == "empty":
        return (), ()
    things = furniture(rng, config.furniture)
    return make_people(config, load_body_model(), clip_chooser(config), things, on_progress)


def check_together(config: SimulationConfig) -> None:
    """Raises HumanrigError for wishes that exclude each other, so that none is passed over in silence."""
    defaults = SimulationConfig()
    if config.scenario != "people" and (config.people, config.furniture) != (defaults.people, defaults.furniture):
        raise HumanrigError(
            f"scenario '{config.scenario}' has neither people nor furniture; leave people={config.people} and "
            f"furniture={config.furniture} out, or choose the scenario 'people'"
        )
    if config.wardrobe is not None and config.outfit != "dressed":
        raise HumanrigError(
            f"wardrobe '{config.wardrobe}' is of tailored clothes, the outfit is '{config.outfit}'; choose one of them"
        )
    if config.subjects and (config.exact_model or len(config.subjects) != config.people):
        raise HumanrigError(
            f"{len(config.subjects)} subjects of the bank are named for {config.people} people"
            + (" with exact_model, whose bodies are not of the bank" if config.exact_model else "")
            + "; name one for each person, or none"
        )
    if config.exact_model and config.children != defaults.children:
        raise HumanrigError(
            f"children={config.children} is of the bank's people, exact_model of adults within the body model; leave "
            "one of them out"
        )


def _posed_boxes(rng: np.random.Generator, frames: int) -> tuple[Thing, ...]:
    """A stack that turns once around during the take."""
    things, truths = stacked_boxes(rng, frames=frames, turn_rad=2 * np.pi * (1 - 1 / frames))
    return tuple(
        replace(thing, T_world_thing=truth.T_world_box, description={"size_m": [float(side) for side in truth.size_m]})
        for thing, truth in zip(things, truths)
    )


def clip_chooser(config: SimulationConfig) -> Callable[[np.random.Generator], MotionClip]:
    """What gives each person a motion of the take's length and rate. Raises HumanrigError for an unknown clip."""
    if config.clip in STANDING:
        whole = standing_clip(config.clip)
        return lambda rng: resample(lengthen(whole, config.seconds), config.rate_hz, config.seconds)
    library = motion_library(climbs=config.clip == RANDOM or config.clip.startswith(CLIMB))
    if config.clip == RANDOM:
        seconds = max(config.seconds, 1 / config.rate_hz)
        room_m = CROWD_ROOM_M if config.people > 1 else None
        return lambda rng: library.draw(rng, config.split, seconds, config.rate_hz, within_m=room_m)
    try:
        whole = library.clip(config.clip)
    except BodyError as error:
        raise HumanrigError(
            f"{error}; or somebody stands: {', '.join(STANDING)}; or {RANDOM}, for motions drawn from them"
        ) from None
    if config.people == 1:
        motion = resample(lengthen(whole, config.seconds), config.rate_hz, config.seconds)
        return lambda rng: motion

    def from_a_moment_of_its_own(rng: np.random.Generator) -> MotionClip:
        first = float(rng.uniform(0, whole.seconds))
        motion = resample(lengthen(whole, first + config.seconds), config.rate_hz, first + config.seconds)
        frames = frame_count(config)
        return cut(motion, len(motion) - frames, len(motion)) if len(motion) > frames else motion

    return from_a_moment_of_its_own


def _config(options: dict[str, Any]) -> SimulationConfig:
    try:
        return TypeAdapter(SimulationConfig).validate_python(options)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise HumanrigError(f"simulate: {key} = {first['input']!r}: {first['msg']}") from None
