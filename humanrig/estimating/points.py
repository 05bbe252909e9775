"""`humanrig estimate points`, without its words: clouds of a file or a session to bodies, files and figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from body.reframing import in_frame
from capture.session import INFO_FILE, Session
from hps.points.clip import estimate_clip
from hps.points.clip_bodies import ClipEstimate
from hps.points.cloud_checks import check_cloud
from hps.points.estimate import USABLE
from hps.points.estimator import PointEstimator
from humanrig.errors import HumanrigError
from humanrig.estimating.body_file import write_bodies
from humanrig.estimating.cloud_file import FileOptions, is_cloud_file, read_cloud_file
from humanrig.estimating.places import check_place
from humanrig.estimating.session_clouds import PersonOverTime, session_people
from humanrig.estimating.upright import T_upright_cloud

PERSON: Final = "person{:02d}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """What is written; None: not."""

    bodies: Path | None = None
    glb: Path | None = None
    picture: Path | None = None

    def of_person(self, number: int, many: bool) -> Outputs:
        """The same with the person in each name, where there are several."""
        if not many:
            return self

        def named(path: Path | None) -> Path | None:
            return None if path is None else path.with_name(f"{path.stem}_{PERSON.format(number)}{path.suffix}")

        return Outputs(bodies=named(self.bodies), glb=named(self.glb), picture=named(self.picture))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Those that are written."""
        return tuple(path for path in (self.bodies, self.glb, self.picture) if path is not None)

    def check(self, source: Path) -> None:
        """Raises HumanrigError for names that cannot be written, before any work is done."""
        named = {"--out": (self.bodies, ".npz"), "--glb": (self.glb, ".glb"), "--picture": (self.picture, ".png")}
        for option, (path, ending) in named.items():
            if path is not None:
                check_place(option, path, (ending,), source, "the cloud")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Whose clouds, and what is to be said of them."""

    people: list[PersonOverTime]
    told: list[str]
    frame: str
    """In words: what the bodies' numbers are in."""


def open_source(
    source: Path,
    options: FileOptions,
    *,
    views: Sequence[str] = (),
    frames: tuple[int, int] | None = None,
    person: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Source:
    """The clouds of a file, or of a session's folder. Raises as `read_cloud_file` and `session_people` do."""
    if source.is_dir():
        if not (source / INFO_FILE).is_file():
            raise HumanrigError(f"{source} is a folder, but no session; give a session, or one cloud's file")
        if (options.up, options.origin, options.K, options.mask, options.unit) != (None, None, None, None, "m"):
            raise HumanrigError(
                "a session knows its cameras, its unit and up; leave out --up, --origin, --K, --mask and --unit"
            )
        found = session_people(Session.open(source), views=views, frames=frames, person=person, on_progress=on_progress)
        return Source(people=found, told=[], frame="the session's world")
    if views or frames is not None or person is not None:
        raise HumanrigError(f"{source.name} is one cloud; --views, --frames and --person are for sessions")
    if not is_cloud_file(source) and source.exists():
        raise HumanrigError(f"{source} is no cloud; give a .ply, .pcd or .npz file, a depth image (.png), or a session")
    cloud, told = read_cloud_file(source, options)
    alone = PersonOverTime(
        person=0, clouds=[cloud], instants=np.zeros(1, np.int64), time_us=np.zeros(1, np.int64), is_upright=False
    )
    return Source(people=[alone], told=told, frame="the file's frame")


def estimate_person(
    estimator: PointEstimator,
    person: PersonOverTime,
    outputs: Outputs,
    *,
    sequence: bool,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Estimates and writes; returns the figures. Raises HpsError when no cloud gives a body."""
    if len(person.clouds) == 1:
        check_cloud(person.clouds[0])
    clip = estimate_clip(estimator, person.clouds, person.time_us * 1e-6, smooth=sequence, on_progress=on_progress)
    if outputs.bodies is not None:
        write_bodies(outputs.bodies, clip, estimator.body, person.instants, person.time_us, _weights(estimator))
    if outputs.glb is not None:
        _write_glb(outputs.glb, estimator, clip, person)
    if outputs.picture is not None:
        _write_picture(outputs.picture, estimator, clip, person)
    told = figures(clip, person, estimator)
    if len(person.clouds) == 1 and told["doubted"] and (hint := estimator.up_hint(person.clouds[0])):
        told["by_frame"][0]["reason"] += f"; {hint}"
    return told


def figures(clip: ClipEstimate, person: PersonOverTime, estimator: PointEstimator) -> dict[str, Any]:
    """What was found, for programs; docs/estimate_points.md names the keys."""
    estimate = clip.estimate
    rest = estimator.body.shaped(estimate.parameters.betas, estimate.parameters.child)
    sigma_mm = 1000 * np.sqrt(np.trace(estimate.joint_covariance, axis1=2, axis2=3) / 3)
    doubted = estimate.confidence < USABLE
    measured = clip.residual_mm[np.isfinite(clip.residual_mm)]
    frames = [
        {
            "instant": int(person.instants[row]),
            "confidence": round(float(estimate.confidence[n]), 3),
            "reason": estimate.reasons[n],
            "joint_sigma_mm": round(float(sigma_mm[n].mean()), 1),
            "cloud_to_body_mm": _rounded(clip.residual_mm[n]),
            "points": len(person.clouds[row]),
        }
        for n, row in enumerate(clip.frames.tolist())
    ]
    return {
        "frames": len(person.clouds),
        "bodies": len(clip.frames),
        "doubted": int(doubted.sum()),
        "refused": {str(int(person.instants[row])): reason for row, reason in sorted(clip.refused.items())},
        "confidence_median": round(float(np.median(estimate.confidence)), 3),
        "calibrated": estimator.info is not None and bool(estimator.info.calibration),
        "joint_sigma_mm_median": round(float(np.median(sigma_mm)), 1),
        "cloud_to_body_mm_median": _rounded(float(np.median(measured))) if len(measured) else None,
        "height_m": round(float(np.ptp(rest[:, 1])), 3),
        "milliseconds": {name: round(spent, 1) for name, spent in estimate.milliseconds.items()},
        "by_frame": frames,
    }  # fmt: skip


def _weights(estimator: PointEstimator) -> str:
    """What the network was, in words."""
    return "not said" if estimator.info is None else f"{estimator.info.size}, landmarks of {estimator.info.body}"


def _rounded(value: float) -> float | None:
    return round(float(value), 1) if np.isfinite(value) else None


def _write_glb(path: Path, estimator: PointEstimator, clip: ClipEstimate, person: PersonOverTime) -> None:
    from texture.files.gltf import SkinnedClip, write_glb

    T = T_upright_cloud(person.clouds[int(clip.frames[0])].up)
    times_s = person.time_us[clip.frames] * 1e-6
    parameters = in_frame(estimator.body, clip.estimate.parameters, T)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_glb(path, SkinnedClip(model=estimator.body, parameters=parameters, times_s=times_s - times_s[0]))


def _write_picture(path: Path, estimator: PointEstimator, clip: ClipEstimate, person: PersonOverTime) -> None:
    """Of the frame in the middle of the clip."""
    import cv2

    from humanrig.estimating.picture import draw_estimate

    n = len(clip.frames) // 2
    row, confidence = int(clip.frames[n]), float(clip.estimate.confidence[n])
    vertices = estimator.body.pose(clip.estimate.parameters[n : n + 1]).vertices[0]
    caption = f"instant {int(person.instants[row])}, confidence {confidence:.2f}"
    drawn = draw_estimate(person.clouds[row], vertices, estimator.body.faces, caption)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), drawn[..., ::-1]):
        raise HumanrigError(f"{path} cannot be written; is its name that of a .png, and may you write there?")
