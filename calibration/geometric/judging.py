"""Which cameras contradict the surfaces more than chance allows, and the verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calibration.geometric.alignment import Alignment
from calibration.geometric.fusion import excess, fuse, prior_covariance, tangent, without_motion
from calibration.geometric.result import Disagreement
from calibration.pose_covariance import PoseCovariance
from calibration.rig import Verdict
from geometry.camera import Camera

CONTRADICTS = 4.0
"""Deviations from which on a given place is given up."""
CONTRADICTS_M = 5e-3
"""And how far apart the two put the body, at least: surfaces are never believed over a board below that."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Judged:
    """The comparison of the given rig with the surfaces' alignment."""

    disagreement: dict[str, Disagreement]
    given_up: tuple[str, ...]
    """Cameras whose given place is not believed."""


def judge(
    alignment: Alignment,
    given: Mapping[str, Camera],
    covariance: PoseCovariance | None,
    tied: set[str],
    distance_m: Mapping[str, float],
) -> Judged:
    """Compares every tied camera, giving up the worst one at a time until the rest agree."""
    names = [name for name in alignment.cameras if name in tied]
    cameras = [given[name] for name in names]
    rows = np.concatenate([6 * k + np.arange(6) for k, name in enumerate(alignment.cameras) if name in tied])
    information = alignment.information[np.ix_(rows, rows)]
    measured = np.concatenate([tangent(given[n].T_world_camera, alignment.T_world_camera[n]) for n in names])
    given_up: list[str] = []
    while True:
        found = _compare(cameras, information, measured, covariance, given_up, distance_m)
        worst = max((name for name in names if name not in given_up), key=lambda name: found[name].excess, default=None)
        if covariance is None or worst is None or worst not in covariance.cameras:
            break
        if found[worst].excess < CONTRADICTS or found[worst].body_m < CONTRADICTS_M:
            break
        given_up.append(worst)
    return Judged(disagreement=found, given_up=tuple(given_up))


def _compare(
    cameras: list[Camera],
    information: np.ndarray,
    measured: np.ndarray,
    covariance: PoseCovariance | None,
    given_up: list[str],
    distance_m: Mapping[str, float],
) -> dict[str, Disagreement]:
    """The surfaces' own places against the given ones, in the world in which the believed cameras agree best."""
    everywhere = np.arange(len(measured))
    alone = fuse(prior_covariance(cameras, None), everywhere, information, measured)
    expected = alone.matrix + prior_covariance(cameras, covariance)
    trusted = {camera.name: camera.name not in given_up for camera in cameras}
    if sum(trusted.values()) < 3:
        trusted = dict.fromkeys(trusted, True)
    six, matrix = without_motion(measured, cameras, expected, trusted)
    found = {}
    for k, camera in enumerate(cameras):
        own, own_covariance = six[6 * k : 6 * k + 6], matrix[6 * k : 6 * k + 6, 6 * k : 6 * k + 6]
        z = distance_m[camera.name]
        by_turn = -camera.T_world_camera[:3, :3] @ np.array([[0.0, -z, 0], [z, 0, 0], [0, 0, 0]])
        J = np.concatenate([by_turn, np.eye(3)], 1)
        found[camera.name] = Disagreement(
            center_m=float(np.linalg.norm(own[3:])),
            rotation_rad=float(np.linalg.norm(own[:3])),
            body_m=float(np.linalg.norm(J @ own)),
            body_sigma_m=float(np.sqrt(np.trace(J @ own_covariance @ J.T))),
            excess=excess(own, own_covariance),
            left=camera.name in given_up,
        )
    return found


def told(
    judged: Judged, alignment: Alignment, unsolved: Mapping[str, str], has_covariance: bool
) -> tuple[Verdict, ...]:
    """One verdict for each depth camera and one for the rig."""
    verdicts = []
    for name, found in judged.disagreement.items():
        text = f"surfaces place the body {found.body_m * 1000:.1f} mm from where the calibration does"
        if found.left:
            text += (
                f", {found.excess:.0f} σ more than both allow: it moved since, or was tied badly; placed by the "
                "surfaces, show the board again for better"
            )
        elif has_covariance:
            text += f" (±{found.body_sigma_m * 1000:.1f} mm expected)"
        verdicts.append(Verdict(subject=name, good=not found.left, text=text))
    verdicts += [Verdict(subject=name, good=False, text=reason) for name, reason in unsolved.items()]
    pairs = len(alignment.matches)
    text = f"{pairs} pairs of depth cameras share surfaces; their points lie {alignment.rms_m * 1000:.1f} mm apart"
    return (*verdicts, Verdict(subject="rig", good=not unsolved, text=text))
