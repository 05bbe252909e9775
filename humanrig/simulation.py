"""A simulated take from a few words: fetches the motion clip, dresses the body, and runs the virtual rig."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import TypeAdapter, ValidationError

from body.appearance import dress
from body.loading import load_body_model
from body.model import BodyModel
from body.motion.clip import MotionClip
from body.motion.deepmimic import read_deepmimic
from body.motion.resample import lengthen, resample
from body.motion.retarget import to_parameters
from body.parameters import BodyParameters
from capture.session import Session
from capture.virtual.config import SimulationConfig
from capture.virtual.simulate import simulate
from capture.virtual.subject import Subject, choose_betas
from humanrig.errors import HumanrigError
from humanrig.wheel_assets import deepmimic_clips

OUTFIT_SEED = 6
MAX_REACH_M = 0.6
"""Further out the feet leave the picture of the nearest high camera."""


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
    subject = make_subject(config)
    return simulate(folder, config, subject, workers=workers, on_progress=on_progress)


def make_subject(config: SimulationConfig) -> Subject:
    """The person of a configuration: shape, clothes and motion at the rig's rate. Raises HumanrigError as above."""
    model = load_body_model()
    clips = deepmimic_clips()
    if config.clip not in clips:
        near = difflib.get_close_matches(config.clip, clips, 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise HumanrigError(f"there is no clip '{config.clip}'; {hint}the clips are: {', '.join(sorted(clips))}")
    frames = max(1, round(config.seconds * config.rate_hz))
    clip = resample(lengthen(read_deepmimic(clips[config.clip]), config.seconds), config.rate_hz, config.seconds)
    betas = choose_betas(config, model)
    parameters = put_in_ring(clip, model, betas)[slice(0, frames)]
    outfit = dress(model, np.random.default_rng([config.seed, OUTFIT_SEED]), config.outfit)
    return Subject.of(model, parameters, texture=outfit.texture, offsets=outfit.offsets)


def put_in_ring(clip: MotionClip, model: BodyModel, betas: Float[np.ndarray, "shapes"]) -> BodyParameters:
    """The clip around the ring's centre, in view of all devices.

    A clip whose pelvis strays more than MAX_REACH_M from the centre is done on the spot where that keeps it nearer, as
    on a treadmill: at 2.3 m a walker of two seconds would stand too close to a camera, a runner would leave the ring.
    """
    centred = to_parameters(clip, model, betas)
    if (reach := _reach(model, centred)) <= MAX_REACH_M:
        return centred
    on_the_spot = to_parameters(clip, model, betas, place="in_place")
    return on_the_spot if _reach(model, on_the_spot) < reach else centred


def _reach(model: BodyModel, parameters: BodyParameters) -> float:
    pelvis = model.rest_joints(parameters.betas, parameters.child)[0] + parameters.transl
    return float(np.linalg.norm(pelvis[:, :2], axis=1).max())


def _config(options: dict[str, Any]) -> SimulationConfig:
    try:
        return TypeAdapter(SimulationConfig).validate_python(options)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise HumanrigError(f"simulate: {key} = {first['input']!r}: {first['msg']}") from None
