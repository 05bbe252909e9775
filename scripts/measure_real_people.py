"""What `humanrig estimate rgb` finds of real people, against what more cameras see of them; tables for the docs.

    python scripts/measure_real_people.py four SESSION      a registered session of `humanrig sample person`
    python scripts/measure_real_people.py walk VIDEO --fov 22.33 --frames 50:130

`four`: each camera by itself against the fit of all cameras at the same instants, and against their triangulated
keypoints, with BlazePose's own world landmarks beside it. `walk`: how people of a video move.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from capture.session import Session
from geometry.rigid import rotate
from hps.metrics.acceleration import jitter_10m_s3
from hps.metrics.alignment import procrustes
from hps.points.fitting.state import BodyStates
from hps.rgb.estimator import FoundBodies, RgbEstimator
from hps.rgb.from_detector import keypoint_batch
from hps.rgb.judging.signs import keypoint_positions
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.loading import load
from hps.rgb.on_floor import on_floor
from humanrig.commands.reconstruct import parse_frames
from humanrig.estimating.rgb.detecting import make_detector
from humanrig.estimating.rgb.estimating import see_people
from humanrig.estimating.rgb.footage import Footage, open_footage
from humanrig.estimating.rgb.lens import lens_from_people, lens_that_is_known
from humanrig.wheel_assets import blazepose_weights
from registration.body_track import read_body_track
from registration.keypoints.blazepose_landmarks import INPUT, OUTPUTS
from registration.keypoints.blazepose_network import Network
from registration.keypoints.detections import StreamDetections
from registration.keypoints.sets import BLAZEPOSE, SMPL_JOINT_OF_KEYPOINT
from registration.keypoints.track import read_track

TWELVE = [name for name in BLAZEPOSE.names if name in SMPL_JOINT_OF_KEYPOINT]
HIPS = [TWELVE.index("left_hip"), TWELVE.index("right_hip")]
FEET = ("left_heel", "left_foot_index", "right_heel", "right_foot_index")
STANDS_M_S = 0.3
"""A foot point slower than this in the picture stands, as of foot sliding's 10 mm a frame at 30 Hz."""


def nothing(*_: Any) -> None:
    """No progress."""


def mm(values: np.ndarray) -> str:
    """Mean of metres."""
    return f"{1000 * float(np.nanmean(values)):6.0f}"


def rooted(p: np.ndarray, root: list[int]) -> np.ndarray:
    """About the middle of some joints."""
    return p - p[:, root].mean(1, keepdims=True)


def errors(estimate: np.ndarray, truth: np.ndarray, root: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Of each frame, about the root and after the best similarity, metres."""
    about = np.linalg.norm(rooted(estimate, root) - rooted(truth, root), axis=-1).mean(1)
    pa = np.linalg.norm(procrustes(estimate, truth) - truth, axis=-1).mean(1)
    return about, pa


def twelve_of(estimator: RgbEstimator, found: FoundBodies) -> np.ndarray:
    """The detector's keypoints on the bodies, frame by frame."""
    bodies = found.bodies
    coefficients = np.concatenate([bodies.betas, bodies.child[:, None]], 1)
    states = BodyStates(rotations=bodies.rotations, transl=bodies.transl, coefficients=coefficients)
    return keypoint_positions(estimator.fit_body, states)[:, [LIFTED.index(name) for name in TWELVE]]


def world_landmarks(footage: Footage, detections: StreamDetections, slots: dict[int, int]) -> np.ndarray:
    """(frames, 12, 3) of BlazePose itself, turned upright as MediaPipe turns them; NaN where nobody was seen."""
    network = Network(blazepose_weights()[1], (INPUT, INPUT, 3), {**OUTPUTS, "world": (117,)})
    import cv2

    place = [BLAZEPOSE.index(name) for name in TWELVE]
    out = np.full((len(footage), len(TWELVE), 3), np.nan)
    for row, image in enumerate(footage.pictures()):
        if row not in slots:
            continue
        A = detections.A_image_crop[row, slots[row]]
        crop = cv2.warpAffine(image, A, (INPUT, INPUT), flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP)
        p = network.run(crop.astype(np.float32) / 255)["world"].astype(np.float64).reshape(39, 3)[place]
        turn = A[:, :2] / np.sqrt(abs(np.linalg.det(A[:, :2])))
        out[row] = np.concatenate([p[:, :2] @ turn.T, p[:, 2:]], 1)
    return out


def four(folder: Path) -> None:
    """A row for each camera."""
    session = Session.open(folder)
    fit = read_body_track(session.path("body", "person00.npz"))
    points = read_track(session.path("keypoints", "person00.npz"))
    row_of = {int(instant): n for n, instant in enumerate(fit.instants)}
    point_row = {int(instant): n for n, instant in enumerate(points.instants)}
    estimator, detector = load(), make_detector(None)
    print(
        "camera     frames | SMPL joints against the fit: rooted   PA  (one by one: rooted   PA) | root | 12 keypoints"
    )
    print("against triangulation: rooted PA, by BlazePose's own world landmarks: rooted PA, the lifter alone | height")
    for stream in session.of_kind("color"):
        name = stream.rpartition("/")[0]
        (footage,) = open_footage(folder, views=(name,))
        seen = see_people(footage, detector, None, nothing)
        lens, _ = lens_that_is_known(footage, None, None)
        assert lens is not None
        camera = lens.camera
        one = max(seen.people, key=lambda person: _near(person, seen.detections, camera, fit, footage, row_of))
        at = one.rows, one.slots
        d = seen.detections
        batch = keypoint_batch(
            lens.camera, d.q[at], d.visibility[at], d.pixel_size[at].astype(float), BLAZEPOSE.names, focal_known=True
        )
        T = lens.camera.T_world_camera
        time_s = footage.time_us * 1e-6
        smooth = estimator.clip(batch, one.rows, time_s, T_world_camera=T)
        own = smooth.found
        instants = footage.frames
        rows = np.array([n for n, row in enumerate(smooth.clip.frames) if int(instants[row]) in row_of])
        truth = fit.joints[[row_of[int(instants[smooth.clip.frames[n]])] for n in rows]]
        about, pa = errors(smooth.clip.estimate.joints[rows], truth, [0])
        root = np.linalg.norm(smooth.clip.estimate.joints[rows, 0] - truth[:, 0], axis=-1)
        both = np.array([n for n, row in enumerate(one.rows) if int(instants[row]) in row_of])
        truth_one = fit.joints[[row_of[int(instants[one.rows[n]])] for n in both]]
        about_one, pa_one = errors(own.bodies.joints[both], truth_one, [0])
        names = [points.names.index(name) for name in TWELVE]
        p = points.p_world[[point_row[int(instants[row])] for row in one.rows]][:, names]
        good = np.isfinite(p).all((1, 2))
        mine = errors(twelve_of(estimator, own)[good], p[good], HIPS)
        world = world_landmarks(footage, d, dict(zip(one.rows.tolist(), one.slots.tolist())))[one.rows]
        theirs = errors(rotate(T, world)[good], p[good], HIPS)
        lifted = _lifted(estimator, batch)
        alone = errors(rotate(T, lifted)[both], truth_one, [0])
        rest = estimator.body.shaped(smooth.clip.estimate.parameters.betas, smooth.clip.estimate.parameters.child)
        print(
            f"{name} {len(rows):4d} | {mm(about)} {mm(pa)} ({mm(about_one)} {mm(pa_one)}) | {mm(root)} | "
            f"{mm(mine[0])} {mm(mine[1])}; {mm(theirs[0])} {mm(theirs[1])}; {mm(alone[0])} {mm(alone[1])} | "
            f"{np.ptp(rest[:, 1]):.2f} m, confidence {np.median(own.confidence):.2f}, "
            f"{np.nanmedian(smooth.keypoint_px):.1f} px",
            flush=True,
        )
        unknown = lens_from_people(_without_camera(footage), seen, estimator, "")
        print(f"           focal length if it were not known: {unknown.view.told()} (true {lens.view.focal_px:.0f})")


def _lifted(estimator: RgbEstimator, batch: KeypointBatch) -> np.ndarray:
    return estimator.lifter(batch).relative.numpy().astype(np.float64)[:, :24]


def _without_camera(footage: Footage) -> Footage:
    from dataclasses import replace

    return replace(footage, camera=None)


def _near(person: Any, d: StreamDetections, camera: Any, fit: Any, footage: Footage, row_of: dict[int, int]) -> float:
    """How well somebody's keypoints lie on the person of the fit."""
    close = []
    for row, slot in zip(person.rows, person.slots):
        n = row_of.get(int(footage.frames[row]))
        if n is not None:
            q = camera.project(fit.joints[n])
            close.append(np.linalg.norm(d.q[row, slot].mean(0) - q.mean(0)))
    return len(close) / (20 + float(np.median(close))) if close else 0.0


def walk(video: Path, fov: float | None, frames: str | None) -> None:
    """A row for each person, frame by frame and smooth."""
    (footage,) = open_footage(video, frames=parse_frames(frames))
    estimator, detector = load(), make_detector(None)
    seen = see_people(footage, detector, None, nothing)
    lens, note = lens_that_is_known(footage, fov, None)
    lens = lens or lens_from_people(footage, seen, estimator, note)
    print(lens.sentence)
    place = [BLAZEPOSE.index(name) for name in FEET]
    own = [LIFTED.index(name) for name in FEET]
    for number, one in enumerate(seen.people):
        at = one.rows, one.slots
        d = seen.detections
        batch = keypoint_batch(
            lens.camera, d.q[at], d.visibility[at], d.pixel_size[at].astype(float), BLAZEPOSE.names, focal_known=True
        )
        for how in ("single", "smooth", "floor"):
            found = estimator.clip(batch, one.rows, footage.time_us * 1e-6, smooth=how != "single")
            if how == "floor":
                found, standing = on_floor(estimator.fit_body, found, footage.time_us * 1e-6)
                print(f"floor {standing.offset_m:.2f} m below the camera; lowest point over it when standing "
                      f"{1000 * np.abs(standing.height_m[standing.stands]).mean():.0f} mm")  # fmt: skip
            clip = found.clip
            estimate = clip.estimate
            turns = estimate.parameters
            states = BodyStates(
                rotations=_rotations(turns),
                transl=turns.transl,
                coefficients=np.tile(np.append(turns.betas, turns.child), (len(turns), 1)),
            )
            feet = keypoint_positions(estimator.fit_body, states)[:, own]
            seen_rows = np.isin(clip.frames, one.rows)
            q = np.full((len(clip.frames), 4, 2), np.nan)
            q[seen_rows] = d.q[at][:, place][np.isin(one.rows, clip.frames)]
            metres = np.linalg.norm(np.diff(q, axis=0), axis=-1) * feet[1:, :, 2] / lens.camera.K[0, 0]
            still = metres * footage.rate_hz < STANDS_M_S
            slide = 1000 * np.linalg.norm(np.diff(feet, axis=0), axis=-1)[still]
            low = feet[..., 1].max(1)
            line = np.polyval(np.polyfit(clip.frames, low, 1), clip.frames)
            whole = np.array_equal(np.diff(clip.frames), np.ones(len(clip.frames) - 1))
            jitter = jitter_10m_s3(estimate.joints, footage.rate_hz).mean() if whole else float("nan")
            speed = np.linalg.norm(estimate.joints[-1, 0] - estimate.joints[0, 0]) / np.ptp(
                footage.time_us[clip.frames]
            )
            rest = estimator.body.shaped(turns.betas, turns.child)
            print(
                f"person{number:02d} {how}: {len(clip.frames)} frames, "
                f"{np.ptp(rest[:, 1]):.2f} m tall, {feet[..., 2].mean():.1f} m away, {1e6 * speed:.2f} m/s; jitter "
                f"{jitter:.1f} x 10 m/s³; standing feet slide {slide.mean():.1f} mm a frame ({still.mean():.0%} "
                f"stand); "
                f"lowest foot {1000 * (low - line).std():.0f} mm about a line"
            )


def _rotations(parameters: Any) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    turns = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(-1, 3)
    return Rotation.from_rotvec(turns).as_matrix().reshape(-1, 24, 3, 3)


def main() -> None:
    """Runs what the words say."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    of = kinds.add_parser("four")
    of.add_argument("session", type=Path)
    of = kinds.add_parser("walk")
    of.add_argument("video", type=Path)
    of.add_argument("--fov", type=float)
    of.add_argument("--frames", metavar="A:B")
    words = parser.parse_args()
    if words.kind == "four":
        four(words.session)
    else:
        walk(words.video, words.fov, words.frames)


if __name__ == "__main__":
    main()
