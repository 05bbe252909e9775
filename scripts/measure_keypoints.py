"""How far triangulated keypoints are from the true points of the body, and whether their covariances say so.

Usage: python scripts/measure_keypoints.py SESSION ... [--cameras 4]
The sessions are simulated and have keypoints. A detector's idea of a joint is another than the body's: the mean offset
over the other sessions, in the axes of the body part and mirrored for the right side, is taken out first ("offset of
others"), or the person's own mean ("own offset").
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from body.joints import JOINT_INDEX, JOINT_NAMES, PARENTS, without_side
from body.loading import load_body_model
from body.skinning import Skinning
from capture.session import Session
from capture.virtual.true_frames import true_instants
from capture.virtual.truth import Truth
from geometry.rigid import transform
from humanrig.evaluation.world import true_world
from registration.keypoints.sets import SMPL_JOINT_OF_KEYPOINT, SMPL_VERTEX_OF_KEYPOINT
from registration.keypoints.track import KeypointTrack, read_track

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


@dataclass(frozen=True)
class Errors:
    """Of one session: triangulated less true, in the axes of the body part that carries the point, metres."""

    session: str
    names: list[str]
    e: np.ndarray
    """(instants, keypoints, 3)"""
    covariance: np.ndarray
    """(instants, keypoints, 3, 3), in the same axes."""
    track: KeypointTrack


def main(sessions: tyro.conf.Positional[tuple[Path, ...]], person: str = "person00") -> None:
    """Prints three Markdown tables: by session, by keypoint, and what the covariances cover."""
    found = [errors_of(session, person) for session in sessions]
    print("| take | limb joints: as found | offset of others out | own offset out | z² | reprojection px |")
    print("|---|---|---|---|---|---|")
    rows = [(one, offsets([other for other in found if other is not one] or [one])) for one in found]
    for one, common in rows:
        limbs = [k for k, name in enumerate(one.names) if without_side(name) in LIMBS]
        raw = norm_mm(one.e[:, limbs])
        less = norm_mm(without(one, common)[:, limbs])
        own = without_own(one)
        z2 = squared_z(own, one.covariance)[:, limbs]
        error_px = np.nanmedian(one.track.reprojection_px[one.track.used])
        means = " | ".join(f"{np.nanmean(mm):.1f}" for mm in (raw, less, norm_mm(own[:, limbs])))
        print(f"| {one.session} | {means} | {np.nanmean(z2):.2f} | {error_px:.2f} |")
    print("\n| keypoint | offset, mm (left, part's axes) | as found | offset of others out | own out | p95 | z² |")
    print("|---|---|---|---|---|---|---|")
    everything = offsets(found)
    for kind in dict.fromkeys(without_side(name) for name in found[0].names):
        at = [k for k, name in enumerate(found[0].names) if without_side(name) == kind]
        raw = np.concatenate([norm_mm(one.e[:, at]).ravel() for one in found])
        less = np.concatenate([norm_mm(without(one, common)[:, at]).ravel() for one, common in rows])
        own = [without_own(one)[:, at] for one in found]
        own_mm = np.concatenate([norm_mm(e).ravel() for e in own])
        z2 = np.concatenate([squared_z(e, one.covariance[:, at]).ravel() for e, one in zip(own, found)])
        offset = " ".join(f"{1000 * x:.0f}" for x in everything[kind])
        print(
            f"| {kind} | {offset} | {np.nanmean(raw):.1f} | {np.nanmean(less):.1f} | {np.nanmean(own_mm):.1f} | "
            f"{np.nanquantile(less, 0.95):.1f} | {np.nanmean(z2):.2f} |"
        )
    print("\n| interval | nominal | covered (own offset out) | covered (offset of others out) |\n|---|---|---|---|")
    own_z = np.concatenate([axis_z(without_own(one), one.covariance).ravel() for one in found])
    less_z = np.concatenate([axis_z(without(one, common), one.covariance).ravel() for one, common in rows])
    for nominal, z in ((50, 0.6745), (68, 0.9945), (90, 1.6449), (95, 1.96)):
        shares = [100 * np.mean(np.abs(some[np.isfinite(some)]) < z) for some in (own_z, less_z)]
        print(f"| per axis | {nominal} % | {shares[0]:.0f} % | {shares[1]:.0f} % |")


def errors_of(folder: Path, person: str = "person00", track: KeypointTrack | None = None) -> Errors:
    """The errors of a simulated session's keypoints. Raises CaptureError for a session without a truth."""
    session = Session.open(folder)
    truth = Truth.open(session)
    track = track or read_track(session.path("keypoints", f"{person}.npz"))
    world = true_world(truth.cameras(), session.cameras())
    rows = true_instants(session)[track.instants]
    at = [k for k, name in enumerate(track.names) if name in SMPL_JOINT_OF_KEYPOINT or name in SMPL_VERTEX_OF_KEYPOINT]
    names = [track.names[k] for k in at]
    p_true, R = true_points(truth, names, rows, person)
    e = np.einsum("tkji,tkj->tki", R, transform(world.T_truth_world, track.p_world[:, at]) - p_true)
    turn = np.einsum("tkji,jl->tkil", R, world.T_truth_world[:3, :3])
    covariance = turn @ track.covariance[:, at] @ np.swapaxes(turn, -1, -2)
    return Errors(session=folder.name, names=names, e=e, covariance=covariance, track=track)


def true_points(
    truth: Truth, names: list[str], rows: np.ndarray, person: str = "person00"
) -> tuple[np.ndarray, np.ndarray]:
    """(instants, keypoints, 3) where the body has them, and the rotations of the parts that carry them."""
    model = load_body_model()
    parameters = truth.parameters(person)[rows]
    rotations = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(len(rows), 24, 3)
    betas, transl = torch.from_numpy(parameters.betas), torch.from_numpy(parameters.transl)
    posed = Skinning(model, torch.float64).transforms(betas, torch.from_numpy(rotations), transl, parameters.child)
    R_joint = posed.Ts_world_rest[:, :, :3, :3].numpy()
    vertices, joints = truth.bodies(rows, person), truth.joints(person)[rows]
    p, R = [], []
    for name in names:
        if name in SMPL_JOINT_OF_KEYPOINT:
            joint = JOINT_INDEX[SMPL_JOINT_OF_KEYPOINT[name]]
            p.append(joints[:, joint])
            R.append(R_joint[:, PARENTS[joint] if JOINT_NAMES[joint].endswith(("hip", "shoulder")) else joint])
        else:
            vertex = model.keypoint_vertices[SMPL_VERTEX_OF_KEYPOINT[name]]
            p.append(vertices[:, vertex])
            R.append(R_joint[:, int(model.weights[vertex].argmax())])
    return np.stack(p, 1), np.stack(R, 1)


def offsets(found: list[Errors]) -> dict[str, np.ndarray]:
    """Median error of each kind of keypoint, of the left side: x is turned for the right."""
    out = {}
    for kind in dict.fromkeys(without_side(name) for name in found[0].names):
        some = [
            one.e[:, k] * side(name) for one in found for k, name in enumerate(one.names) if without_side(name) == kind
        ]
        out[kind] = np.nanmedian(np.concatenate(some), axis=0)
    return out


def without(one: Errors, common: dict[str, np.ndarray]) -> np.ndarray:
    """The errors after the common offsets."""
    return one.e - np.stack([common[without_side(name)] * side(name) for name in one.names])


def without_own(one: Errors) -> np.ndarray:
    """The errors after each keypoint's own mean."""
    return one.e - np.nanmean(one.e, axis=0)


def squared_z(e: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Squared error over the covariance, divided by its three dimensions."""
    known = np.asarray(np.isfinite(covariance).all((-2, -1)) & np.isfinite(e).all(-1))
    safe = np.where(known[..., None, None], covariance, np.eye(3))
    return np.where(known, np.einsum("...i,...ij,...j->...", e, np.linalg.inv(safe), e) / 3, np.nan)


def axis_z(e: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Error over standard deviation, by axis."""
    return e / np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))


def norm_mm(e: np.ndarray) -> np.ndarray:
    """Lengths in millimetres."""
    return 1000 * np.linalg.norm(e, axis=-1)


def side(name: str) -> np.ndarray:
    """What turns a point of this side into one of the left."""
    return np.array([-1.0, 1, 1]) if name.startswith("right_") else np.ones(3)


if __name__ == "__main__":
    tyro.cli(main)
