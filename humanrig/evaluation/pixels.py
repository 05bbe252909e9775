"""Errors in the pictures: the fitted body, and the triangulated points, against the detections of each camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_NAMES
from calibration.rig import device_of
from geometry.camera import Camera
from humanrig import manifest
from humanrig.errors import HumanrigError
from humanrig.evaluation.summary import summary
from humanrig.results import Results
from registration.keypoints.detections import detections_of
from registration.keypoints.sets import BLAZEPOSE, smpl_joints

CONFIDENT = 0.5
"""Detections below this visibility are the detector's guess at a hidden joint; they are no measurement."""
FEW_JOINTS = 4
"""A person of whom fewer joints are seen is not compared with the body."""
TURN_RAD = np.pi / 2
"""A pelvis that turns further than this from one instant to the next was flipped."""
SAME_MOMENT_US = 4000
"""A picture further from its instant shows another moment: 4 ms of a hand at 2 m/s are 8 mm."""
SWAP_RATIO = 0.8
"""Exchanged labels must fit the body this much better to count as a flip."""


def pixel_errors(results: Results) -> dict[str, Any]:
    """The keys `reprojection_px` … `flips` of docs/evaluation.md."""
    keypoints, cameras = results.keypoints, results.session.cameras()
    used = [c for c, s in enumerate(keypoints["streams"].tolist()) if device_of(s) not in _without(results)]
    streams = [str(keypoints["streams"][c]) for c in used]
    if lost := [stream for stream in streams if stream not in cameras]:
        raise HumanrigError(
            f"the keypoints are of {lost[0]}, which the calibration does not hold; "
            f"run: humanrig reconstruct {results.session.folder} --from keypoints"
        )
    rows = np.isin(keypoints["instants"], results.body["instants"])
    names = keypoints["names"].tolist()
    pairs = smpl_joints(names, JOINT_NAMES)
    limbs = _limbs(results, [names[i] for i in pairs[:, 0]])
    confident = keypoints["confidence"][rows][:, used] >= CONFIDENT
    q = np.where(confident[..., None], keypoints["q"][rows][:, used], np.nan)

    def errors(p_world: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.stack([distances(cameras[s], p_world, q[:, c, index]) for c, s in enumerate(streams)], 1)

    body_px = errors(limbs, pairs[:, 0])
    return {
        "reprojection_px": summary(body_px, "median", "p95", "mean"),
        "reprojection_px_by_camera": {
            device_of(s): summary(body_px[:, c], "median")["median"] for c, s in enumerate(streams)
        },
        "joints_px": summary(errors(results.body["joints"][:, pairs[:, 1]], pairs[:, 0]), "median", "p95"),
        "detector_px": summary(errors(keypoints["p_world"][rows][:, pairs[:, 0]], pairs[:, 0]), "median", "p95"),
        "held_out_px": _held_out(results, limbs, pairs[:, 0]),
        "flips": _flips(results, body_px, errors(limbs, BLAZEPOSE.mirror[pairs[:, 0]])),
    }


def _limbs(results: Results, names: list[str]) -> np.ndarray:
    """(frames, 12, 3) the body's landmarks of these names. Raises HumanrigError for a fit without landmarks."""
    if "landmarks" not in results.body:
        raise HumanrigError(f"{results.session.folder} was fitted by an older humanrig; run its stage register again")
    known = results.body["landmark_names"].tolist()
    return results.body["landmarks"][:, [known.index(name) for name in names]]


def distances(
    camera: Camera, p_world: Float[np.ndarray, "frames joints 3"], q: Float[np.ndarray, "frames joints 2"]
) -> Float[np.ndarray, "frames joints"]:
    """Distance in pixels of projected points from detections; NaN where either is missing."""
    return np.linalg.norm(camera.project(p_world.astype(np.float64)) - q, axis=-1)


def _without(results: Results) -> set[str]:
    """Devices that neither the keypoints, nor the clouds, nor the fit used."""
    done = [manifest.read(results.session.path(folder)) for folder in ("keypoints", "clouds", "body")]
    return set.intersection(*(set(m.without) if m else set() for m in done))


def _held_out(results: Results, limbs: np.ndarray, index_of: np.ndarray) -> dict[str, dict[str, float | None]]:
    """Errors in the cameras that no estimate used: the person nearest to the projected body in each picture.

    Only in pictures taken at the instant: those of a device on a clock of its own show another moment.
    """
    session, errors = results.session, {}
    cameras = session.cameras()
    paired = {stream for instant in session.instants() for stream in instant.index}
    streams = [
        s for s in session.of_kind("color") if device_of(s) in _without(results) and s in paired and s in cameras
    ]
    if not streams:
        return errors
    from humanrig.stages.keypoints import make_detector

    detector = make_detector()
    by_number = {i.instant: i for i in session.instants()}
    for stream in streams:
        chosen = [(row, by_number[i]) for row, i in enumerate(results.instants) if by_number[i].has(stream)]
        kept = [(row, i.index[stream]) for row, i in chosen if abs(i.offset_us[stream]) <= SAME_MOMENT_US]
        if chosen and not kept:
            continue
        found = detections_of(session, stream, detector, [index for _, index in kept])
        shown = limbs[[row for row, _ in kept]]
        q = np.where(found.visibility[..., None] >= CONFIDENT, found.q, np.nan)[:, :, index_of]
        if q.shape[1] == 0:
            errors[device_of(stream)] = {"median": None, "p95": None}
            continue
        people = np.stack([distances(cameras[stream], shown, q[:, p]) for p in range(q.shape[1])], 1)
        errors[device_of(stream)] = summary(_nearest(people), "median", "p95")
    return errors


def _nearest(errors: Float[np.ndarray, "frames people joints"]) -> Float[np.ndarray, "frames joints"]:
    """The errors of the person with the smallest median, in each frame."""
    seen = np.isfinite(errors)
    ordered = np.sort(np.where(seen, errors, np.inf), axis=-1)
    middle = np.maximum(seen.sum(-1, keepdims=True) - 1, 0) // 2
    median = np.where(seen.sum(-1) >= FEW_JOINTS, np.take_along_axis(ordered, middle, -1)[..., 0], np.inf)
    return errors[np.arange(len(errors)), median.argmin(-1)]


def _flips(results: Results, plain: np.ndarray, swapped: np.ndarray) -> int:
    """Instants with exchanged sides, or where the pelvis jumps around (see docs/evaluation.md)."""
    from scipy.spatial.transform import Rotation

    with np.errstate(all="ignore"):
        swaps = np.nanmean(swapped, axis=(1, 2)) < SWAP_RATIO * np.nanmean(plain, axis=(1, 2))
    orient = Rotation.from_rotvec(results.parameters.global_orient)
    turns = np.zeros(len(orient), bool)
    turns[1:] = (orient[:-1].inv() * orient[1:]).magnitude() > TURN_RAD
    return int((swaps | turns).sum())
