"""AMASS: body parameters in one .npz, in the layout that motion models and viewers read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from body.motion.amass import write_amass
from body.motion.resample import interpolate
from body.parameters import BodyParameters
from humanrig.export.person import body_rows
from humanrig.results import Results

UNEVEN = 0.25
"""A frame this share of a step away from the even grid makes a clip uneven; timestamps of cameras jitter far less."""
STILL_RATE_HZ = 30.0
"""Written for a single frame of a session that states no rate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvenClip:
    """Parameters at a constant rate."""

    parameters: BodyParameters
    rate_hz: float
    resampled: bool
    """Whether frames were interpolated because the instants were not evenly spaced."""


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes personNN_amass.npz; returns lines for source.txt."""
    clip = write_person(results, folder / f"{results.person}_amass.npz")
    on_progress(1, 1)
    made = "interpolated to an even rate, since instants are missing" if clip.resampled else "as fitted"
    return [
        "AMASS's layout: poses (T,156) axis-angle, fingers straight; trans (T,3) metres; betas (16,); mocap_framerate",
        "z up, floor at z = 0 (the session's world); trans moves the rest pelvis, as in the smplx package",
        f"{len(clip.parameters)} frames at {clip.rate_hz:.6g} Hz, {made}",
        "the betas belong to the body model named above: another model gives the same numbers another shape",
    ]


def write_person(results: Results, path: Path, instants: Collection[int] | None = None) -> EvenClip:
    """Writes the instants (None: all); returns what was written. Raises BodyError as `write_amass` does."""
    clip = even_clip(results, instants)
    write_amass(path, clip.parameters, clip.rate_hz)
    return clip


def even_clip(results: Results, instants: Collection[int] | None = None) -> EvenClip:
    """A person's motion at the instants (None: all), at a constant rate."""
    rows = body_rows(results, instants)
    stated = [s.rate_hz for s in results.session.info.streams if s.kind == "color" and s.rate_hz]
    return even(results.parameters[rows], results.body["time_us"][rows], stated[0] if stated else STILL_RATE_HZ)


def even(parameters: BodyParameters, time_us: Int[np.ndarray, "frames"], still_rate_hz: float) -> EvenClip:
    """The same motion at a constant rate: that of the times, or of their usual step where some are missing.

    Frames are interpolated only when they do not lie on the even grid. A single frame gets `still_rate_hz`.
    """
    if len(parameters) == 1:
        return EvenClip(parameters=parameters, rate_hz=still_rate_hz, resampled=False)
    seconds = (time_us - time_us[0]) * 1e-6
    step = seconds[-1] / (len(seconds) - 1)
    if np.abs(seconds - step * np.arange(len(seconds))).max() < UNEVEN * step:
        return EvenClip(parameters=parameters, rate_hz=1 / step, resampled=False)
    step = float(np.median(np.diff(seconds)))
    wanted = np.minimum(np.arange(int(seconds[-1] / step + 1e-6) + 1) * step, seconds[-1])
    rotations = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(len(seconds), -1, 3)
    rotations, transl = interpolate(seconds, rotations, parameters.transl, wanted)
    between = BodyParameters(
        betas=parameters.betas,
        global_orient=rotations[:, 0],
        body_pose=rotations[:, 1:].reshape(len(wanted), -1),
        transl=transl,
        child=parameters.child,
    )
    return EvenClip(parameters=between, rate_hz=1 / step, resampled=True)
