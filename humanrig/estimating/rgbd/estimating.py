"""`humanrig estimate rgbd`, without its words: footage with depth to people, bodies, files and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from hps.points.clip_bodies import ClipEstimate, SingleFrames, clip_of
from hps.rgbd.estimator import RgbdEstimator
from hps.rgbd.found import RgbdBatch
from humanrig.estimating.body_file import write_bodies
from humanrig.estimating.rgb.drawing import DrawnPerson, draw_people, write_picture, write_video
from humanrig.estimating.rgb.outputs import PERSON, Outputs
from humanrig.estimating.rgbd.figures import figures_of
from humanrig.estimating.rgbd.footage import RgbdFootage
from humanrig.estimating.rgbd.person_views import PersonViews
from humanrig.estimating.upright import T_upright_cloud

Progress = Callable[[str, int, int], None]
AT_ONCE = 32
"""Views between two words on the progress."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonFound:
    """One person's bodies."""

    number: int
    clip: ClipEstimate
    batch: RgbdBatch
    """What single frames say; its rows are those of `rows`."""
    rows: Int64[np.ndarray, "views"]
    """Rows of the footage in which there was something to see."""
    files: tuple[Path, ...]


def estimate_people(
    estimator: RgbdEstimator,
    rgbd: RgbdFootage,
    people: list[PersonViews],
    outputs: Outputs,
    *,
    smooth: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Bodies of everybody, written; returns the figures, by person. Raises HpsError where nobody has a body."""
    found: list[PersonFound] = []
    for number, person in enumerate(people):
        clip, batch = _clip(estimator, rgbd, person, smooth and len(rgbd.footage) > 1, progress)
        own = outputs.of(None, number if len(people) > 1 else None)
        if own.bodies is not None:
            _write_bodies(own.bodies, estimator, clip, batch, person.rows, rgbd)
        if own.glb is not None:
            _write_glb(own.glb, estimator, clip, rgbd)
        files = tuple(path for path in (own.bodies, own.glb) if path is not None)
        found.append(PersonFound(number=number, clip=clip, batch=batch, rows=person.rows, files=files))
    if outputs.overlay is not None:
        _write_overlay(outputs.overlay, estimator, found, rgbd, progress)
    return figures_of(found, rgbd, estimator)


def _clip(
    estimator: RgbdEstimator, rgbd: RgbdFootage, person: PersonViews, smooth: bool, progress: Progress
) -> tuple[ClipEstimate, RgbdBatch]:
    parts = []
    for start in range(0, len(person.views), AT_ONCE):
        parts.append(estimator.found(person.views[start : start + AT_ONCE]).shifted(start))
        progress("bodies", min(start + AT_ONCE, len(person.views)), len(person.views))
    batch = RgbdBatch.joined(parts)
    rows = person.rows[list(batch.rows)] if batch.rows else np.zeros(0, np.int64)
    nobody = {row: "the person was not found" for row in range(len(rgbd.footage))}
    seen = {int(person.rows[n]): reason for n, reason in batch.refused.items()}
    single = SingleFrames(
        rows=rows,
        bodies=batch.bodies.moved(person.Ts_frame_camera[list(batch.rows)]),
        confidence=np.array([verdict.confidence for verdict in batch.verdicts]),
        reasons=tuple(verdict.reason for verdict in batch.verdicts),
        residual_mm=np.array(batch.residual_mm),
        refused={row: why for row, why in (nobody | seen).items() if row not in set(rows.tolist())},
        milliseconds=batch.milliseconds,
        spread=max(batch.spread, default=1.0),  # of several, what takes least of the prior out of a frame's shape
    )
    return clip_of(estimator.fit_body, single, rgbd.footage.time_us * 1e-6, smooth=smooth), batch


def _write_bodies(
    path: Path, estimator: RgbdEstimator, clip: ClipEstimate, batch: RgbdBatch, rows: np.ndarray, rgbd: RgbdFootage
) -> None:
    used = dict(zip(rows[list(batch.rows)].tolist(), batch.used))
    camera = rgbd.depth(int(clip.frames[0])).color_camera
    write_bodies(
        path, clip, estimator.body, rgbd.footage.frames, rgbd.footage.time_us, "colour and depth of one device",
        more={
            "frame": np.str_(rgbd.frame),
            "used": np.array([used.get(int(row), "neither") for row in clip.frames], np.str_),
            "K": camera.K,
            "distortion": camera.distortion,
            "image_size": np.array([camera.width, camera.height]),
            "T_world_camera": np.stack([rgbd.depth(int(row)).color_camera.T_world_camera for row in clip.frames]),
        },
    )  # fmt: skip


def _write_glb(path: Path, estimator: RgbdEstimator, clip: ClipEstimate, rgbd: RgbdFootage) -> None:
    from body.reframing import in_frame
    from texture.files.gltf import SkinnedClip, write_glb

    parameters = clip.estimate.parameters
    if not rgbd.upright:
        parameters = in_frame(estimator.body, parameters, T_upright_cloud(None))
    times_s = rgbd.footage.time_us[clip.frames] * 1e-6
    path.parent.mkdir(parents=True, exist_ok=True)
    write_glb(path, SkinnedClip(model=estimator.body, parameters=parameters, times_s=times_s - times_s[0]))


def _write_overlay(
    path: Path, estimator: RgbdEstimator, found: list[PersonFound], rgbd: RgbdFootage, progress: Progress
) -> None:
    people = [
        DrawnPerson(
            name=PERSON.format(person.number),
            number=person.number,
            parameters=person.clip.estimate.parameters,
            rows=person.clip.frames,
            confidence=person.clip.estimate.confidence,
        )
        for person in found
    ]

    def drawn() -> Iterator[UInt8[np.ndarray, "rows columns 3"]]:
        """Each picture through its own camera: a phone moves."""
        for row, image in enumerate(rgbd.footage.pictures()):
            yield draw_people(image, rgbd.depth(row).color_camera, estimator.body, people, row)

    if len(rgbd.footage) == 1:
        write_picture(path, next(drawn()))
        return
    camera = rgbd.depth(0).color_camera
    write_video(
        path, drawn(), camera, estimator.body, (), rgbd.footage.rate_hz, len(rgbd.footage),
        on_progress=lambda done, total: progress("overlay", done, total),
    )  # fmt: skip
