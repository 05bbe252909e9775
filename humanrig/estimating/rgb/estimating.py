"""`humanrig estimate rgb`, without its words: footage to people, bodies, files and figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from body.reframing import in_frame
from geometry.camera import Camera
from hps.rgb.estimator import RgbClip, RgbEstimator
from hps.rgb.fitting.standing import Standing
from hps.rgb.from_detector import keypoint_batch
from hps.rgb.on_floor import on_floor
from humanrig.errors import HumanrigError
from humanrig.estimating.body_file import write_bodies
from humanrig.estimating.rgb.drawing import DrawnPerson, draw_people, write_picture, write_video
from humanrig.estimating.rgb.figures import figures_of
from humanrig.estimating.rgb.following import Followed, follow
from humanrig.estimating.rgb.footage import Footage
from humanrig.estimating.rgb.lens import Lens
from humanrig.estimating.rgb.outputs import PERSON, Outputs
from humanrig.estimating.upright import T_upright_cloud
from registration.keypoints.detections import StreamDetections, detect_stream
from registration.keypoints.detector import Detector

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeenPeople:
    """Who a detector saw in some footage."""

    footage: Footage
    detections: StreamDetections
    people: list[Followed]
    brief: int
    """How many were left out because they were seen too briefly."""
    names: tuple[str, ...]
    """Of the detector's keypoints."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonFound:
    """One of them with their bodies."""

    number: int
    clip: RgbClip
    seen: Followed
    files: tuple[Path, ...]
    standing: Standing | None = None
    """Where the person was brought onto a floor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipOptions:
    """What is done to the bodies of a video."""

    smooth: bool = True
    """A smooth motion, instead of each frame by itself under one shape."""
    floor: bool = False
    """The camera stood still, and people stand on a floor."""

    def check(self, footage: Footage) -> None:
        """Raises HumanrigError where a floor is asked for and there is none to be found."""
        if self.floor and len(footage) == 1:
            raise HumanrigError(f"--floor is for videos; {footage.path.name} is one picture")
        if self.floor and footage.camera is not None:
            raise HumanrigError(f"--floor is for cameras that nobody placed; {footage.path} knows where its floor is")


LOOKS: Final = 3
"""At a photograph. The detector's first crop is made from a coarse box, each further one from the keypoints before, as
in a video: people who lean or bend are only then whole in the crop."""


def last_looks(detections: StreamDetections, looks: int) -> StreamDetections:
    """What the last of several looks at each picture saw; the masks of the others are kept and not used."""
    if looks == 1:
        return detections
    names = ("q", "visibility", "score", "pixel_size", "track", "mask_start", "A_image_crop")
    last = {name: getattr(detections, name)[looks - 1 :: looks] for name in names}
    return replace(detections, indices=np.arange(len(detections) // looks), **last)


def see_people(footage: Footage, detector: Detector, most: int | None, progress: Progress) -> SeenPeople:
    """Detects and follows. Raises HumanrigError where nobody was seen."""
    count = len(footage)
    looks = LOOKS if count == 1 else 1
    detections = detect_stream(
        (image for image in footage.pictures() for _ in range(looks)),
        detector,
        stream=footage.name,
        on_image=lambda n: progress("people", n, count * looks),
    )
    detections = last_looks(detections, looks)
    people, brief = follow(detections, footage.time_us * 1e-6, most)
    if not people:
        what = footage.path.name if count == 1 else f"the {count} pictures of {footage.name}"
        raise HumanrigError(
            f"no person was found in {what}; people must be seen mostly whole, upright and a tenth of the picture large"
        )
    return SeenPeople(
        footage=footage, detections=detections, people=people, brief=brief, names=detector.keypoints.names
    )


def estimate_people(
    estimator: RgbEstimator, seen: SeenPeople, lens: Lens, outputs: Outputs, how: ClipOptions, progress: Progress
) -> dict[str, Any]:
    """Bodies of everybody, written; returns the figures, by person, largest in the picture first.

    Raises HumanrigError where a floor is asked for and the footage cannot tell one.
    """
    footage, camera = seen.footage, lens.camera
    how.check(footage)
    people: list[PersonFound] = []
    for number, one in enumerate(seen.people):
        clip = _clip(estimator, seen, one, lens, how.smooth and len(footage) > 1, progress)
        standing = None
        if how.floor:
            clip, standing = on_floor(estimator.fit_body, clip, footage.time_us * 1e-6)
        own = outputs.of(None, number if len(seen.people) > 1 else None)
        if own.bodies is not None:
            _write_bodies(own.bodies, estimator, clip, footage, lens)
        if own.glb is not None:
            _write_glb(own.glb, estimator, clip, footage, standing)
        files = tuple(path for path in (own.bodies, own.glb) if path is not None)
        people.append(PersonFound(number=number, clip=clip, seen=one, files=files, standing=standing))
    if outputs.overlay is not None:
        _write_overlay(outputs.overlay, estimator, people, footage, camera, progress)
    return figures_of(people, seen, lens, estimator)


def _clip(
    estimator: RgbEstimator, seen: SeenPeople, one: Followed, lens: Lens, smooth: bool, progress: Progress
) -> RgbClip:
    at = one.rows, one.slots
    found = seen.detections
    batch = keypoint_batch(
        lens.camera,
        found.q[at],
        found.visibility[at],
        found.pixel_size[at].astype(np.float64),
        seen.names,
        focal_known=lens.view.known,
    )
    return estimator.clip(
        batch,
        one.rows,
        seen.footage.time_us * 1e-6,
        found.score[at].astype(np.float64),
        T_world_camera=lens.camera.T_world_camera,
        focal_sigma=lens.view.sigma,
        smooth=smooth,
        on_progress=lambda done, total: progress("bodies", done, total),
    )


def _write_bodies(path: Path, estimator: RgbEstimator, clip: RgbClip, footage: Footage, lens: Lens) -> None:
    camera = lens.camera
    write_bodies(
        path, clip.clip, estimator.body, footage.frames, footage.time_us, "keypoints of one camera",
        keypoint_px=clip.keypoint_px,
        more={
            "frame": np.str_("camera" if footage.camera is None else "world"),
            "K": camera.K,
            "distortion": camera.distortion,
            "image_size": np.array([camera.width, camera.height]),
            "T_world_camera": camera.T_world_camera,
            "field_of_view": np.str_(lens.view.told()),
        },
    )  # fmt: skip


def _write_glb(path: Path, estimator: RgbEstimator, clip: RgbClip, footage: Footage, standing: Standing | None) -> None:
    from texture.files.gltf import SkinnedClip, write_glb

    frames = clip.clip.frames
    parameters = clip.clip.estimate.parameters
    if footage.camera is None:
        parameters = in_frame(estimator.body, parameters, T_upright_cloud(None if standing is None else standing.up))
    times_s = footage.time_us[frames] * 1e-6
    path.parent.mkdir(parents=True, exist_ok=True)
    write_glb(path, SkinnedClip(model=estimator.body, parameters=parameters, times_s=times_s - times_s[0]))


def _write_overlay(
    path: Path, estimator: RgbEstimator, people: list[PersonFound], footage: Footage, camera: Camera, progress: Progress
) -> None:
    drawn = [
        DrawnPerson(
            name=PERSON.format(person.number),
            number=person.number,
            parameters=person.clip.clip.estimate.parameters,
            rows=person.clip.clip.frames,
            confidence=person.clip.clip.estimate.confidence,
        )
        for person in people
    ]
    if len(footage) == 1:
        write_picture(path, draw_people(next(footage.pictures()), camera, estimator.body, drawn, 0))
        return
    write_video(
        path, footage.pictures(), camera, estimator.body, drawn, footage.rate_hz, len(footage),
        on_progress=lambda done, total: progress("overlay", done, total),
    )  # fmt: skip
