"""A simulated take from a few words: fetches the motion clip, dresses the body, and runs the virtual rig."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from body.errors import BodyError
from body.loading import load_body_model
from body.motion.clip import MotionClip
from body.motion.library import MotionLibrary
from body.motion.resample import lengthen, resample
from capture.session import Session
from capture.virtual.config import SimulationConfig
from capture.virtual.scene import Thing
from capture.virtual.simulate import simulate
from capture.virtual.subject import Subject
from humanrig.errors import HumanrigError
from humanrig.people import make_people
from humanrig.wheel_assets import deepmimic_clips

RANDOM = "random"
"""Instead of a clip's name: a motion drawn from the library for each person."""


def simulate_session(
    folder: Path,
    *,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Session:
    """Records a clip with the virtual rig; `options` are the fields of `SimulationConfig`.

    A clip that is shorter than the take is repeated. Raises HumanrigError for an unknown clip or a wrong option, and
    CaptureError when the folder exists.
    """
    config = _config(options)
    if Path(folder).exists():
        raise HumanrigError(f"{folder} exists; a simulation never overwrites, choose another folder or remove it")
    people, things = make_scene(config)
    return simulate(folder, config, people, things=things, workers=workers, on_progress=on_progress)


def make_scene(config: SimulationConfig) -> tuple[tuple[Subject, ...], tuple[Thing, ...]]:
    """The people and the things of a configuration, at the rig's rate.

    Raises HumanrigError for an unknown clip, CaptureError when they do not fit on the floor.
    """
    library = MotionLibrary.of_files(deepmimic_clips())
    try:
        whole = None if config.clip == RANDOM else library.clip(config.clip)
    except BodyError as error:
        raise HumanrigError(f"{error}; or {RANDOM}, for motions drawn from them") from None

    def choose_clip(rng: np.random.Generator) -> MotionClip:
        if whole is None:
            return library.draw(rng, config.split, max(config.seconds, 1 / config.rate_hz), config.rate_hz)
        return resample(lengthen(whole, config.seconds), config.rate_hz, config.seconds)

    return make_people(config, load_body_model(), choose_clip)


def _config(options: dict[str, Any]) -> SimulationConfig:
    try:
        return TypeAdapter(SimulationConfig).validate_python(options)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise HumanrigError(f"simulate: {key} = {first['input']!r}: {first['msg']}") from None
