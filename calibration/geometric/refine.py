"""Checks a rig by the surfaces that its depth cameras see together, and refines it by as much as they know better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from calibration.errors import CalibrationError
from calibration.geometric.alignment import Alignment, align
from calibration.geometric.fusion import fuse, moved_by, prior_covariance, tangent, without_motion
from calibration.geometric.judging import Judged, judge, told
from calibration.geometric.result import GeometricResult
from calibration.geometric.surfaces import surfaces_of
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration, device_of
from geometry.camera import Camera
from geometry.cloud import PointCloud
from geometry.rigid import inverse

DEPTH_SIGMA_M = 4e-3
"""How far a device's distances may be off where nobody measured it: 2 to 4 mm between units of the Azure Kinect."""
CORRECTED_SIGMA_M = 1e-3
"""The least that is assumed after correction: what the light of neighbouring surfaces adds differs from a board to a
body."""


def refine_by_geometry(
    clouds: Mapping[str, Sequence[PointCloud]], calibration: RigCalibration, rng: np.random.Generator | None = None
) -> GeometricResult:
    """The calibration and the surfaces' own alignment, each weighted by how sure it is.

    clouds: by depth camera one for each instant (the same instants for all; empty where a camera saw nothing), in the
    camera's own frame, of things inside the rig: stacked boxes, or people.

    A calibration with a covariance that is better than the surfaces stays as it is, up to what they add. One without a
    covariance is only the start of the alignment. A camera whose given place contradicts the surfaces (it was moved,
    or badly tied) is named, and placed by the surfaces. Cameras without depth move with their covariance, or else with
    the depth camera of their device.

    Raises CalibrationError for clouds of unknown cameras, and when no two depth cameras see the same surface.
    """
    if unknown := sorted(set(clouds) - set(calibration.cameras)):
        raise CalibrationError(f"clouds of {', '.join(unknown)}, which the calibration does not have; calibrate them")
    if len({len(seen) for seen in clouds.values()}) > 1:
        raise CalibrationError("the cameras' clouds are of different numbers of instants; give an empty cloud for each")
    given = {name: calibration.cameras[name] for name in sorted(clouds)}
    sigma = {name: _depth_sigma(calibration, name) for name in given}
    surfaces = surfaces_of({name: clouds[name] for name in given})
    alignment = align(surfaces, {name: camera.T_world_camera for name, camera in given.items()}, sigma, rng)
    tied = {name for pair in alignment.matches for name in pair}
    unsolved = {
        name: "sees no surface that another depth camera sees too: let the person or the boxes stand where both see"
        for name in given
        if name not in tied
    }
    judged = judge(alignment, given, calibration.covariance, tied, _middle(clouds, calibration))
    refined = _refined(alignment, calibration, judged, tied)
    verdicts = told(judged, alignment, unsolved, calibration.covariance is not None)
    return GeometricResult(
        calibration=replace(refined, verdicts=(*calibration.verdicts, *verdicts)),
        alignment=alignment,
        disagreement=judged.disagreement,
        unsolved=unsolved,
        verdicts=verdicts,
    )


def _depth_sigma(calibration: RigCalibration, name: str) -> float:
    correction = calibration.depth_corrections.get(name)
    if correction is None or not np.isfinite(correction.sigma_m):
        return DEPTH_SIGMA_M
    return max(correction.sigma_m, CORRECTED_SIGMA_M)


def _middle(clouds: Mapping[str, Sequence[PointCloud]], calibration: RigCalibration) -> dict[str, float]:
    """By camera the median distance of what it saw, metres."""
    return {
        name: float(np.median(np.concatenate([np.array([2.0]), *(cloud.points[:, 2] for cloud in seen)])))
        for name, seen in clouds.items()
    }


def _refined(alignment: Alignment, calibration: RigCalibration, judged: Judged, tied: set[str]) -> RigCalibration:
    """All cameras that have a covariance, or depth, together; the others with their device, and so the cameras of a
    device whose place was given up."""
    covariance = calibration.covariance
    doubted = {device_of(name) for name in judged.given_up}
    joint: list[Camera] = [
        camera
        for name, camera in sorted(calibration.cameras.items())
        if name in tied or (covariance is not None and name in covariance.cameras and device_of(name) not in doubted)
    ]
    P = prior_covariance(joint, covariance, judged.given_up)
    order = [camera.name for camera in joint]
    seen = np.concatenate([6 * order.index(name) + np.arange(6) for name in alignment.cameras if name in tied])
    rows = np.concatenate([6 * k + np.arange(6) for k, name in enumerate(alignment.cameras) if name in tied])
    names = [name for name in alignment.cameras if name in tied]
    measured = np.concatenate(
        [tangent(calibration.cameras[n].T_world_camera, alignment.T_world_camera[n]) for n in names]
    )
    fused = fuse(P, seen, alignment.information[np.ix_(rows, rows)], measured)
    trusted = {name: name not in judged.given_up for name in order}
    if sum(trusted.values()) < 3:
        trusted = dict.fromkeys(order, True)
    six, matrix = without_motion(fused.six, joint, fused.matrix, trusted)
    places = {c.name: moved_by(c.T_world_camera, six[6 * k : 6 * k + 6]) for k, c in enumerate(joint)}
    cameras, notes = {}, dict(calibration.notes)
    for name, camera in calibration.cameras.items():
        sibling = next((n for n in names if device_of(n) == device_of(name)), None)
        if name in places:
            cameras[name] = camera.at(places[name])
        elif sibling is not None:
            T_sibling_camera = inverse(calibration.cameras[sibling].T_world_camera) @ camera.T_world_camera
            cameras[name] = camera.at(places[sibling] @ T_sibling_camera)
        else:
            cameras[name] = camera
            continue
        notes[name] = "; ".join(filter(None, [notes.get(name), "refined by common surfaces"]))
    return replace(
        calibration,
        cameras=cameras,
        notes=notes,
        covariance=PoseCovariance(cameras=tuple(order), matrix=matrix, gauge="aligned"),
    )
