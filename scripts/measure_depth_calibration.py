"""Measures depth correction and the geometric stage on simulated takes, against what was really there.

    humanrig simulate B --scenario board --cameras 6 --rate 3 --seconds 30 --seed 3
    humanrig simulate P --cameras 10 --rate 1 --seconds 10 --seed 6
    humanrig reconstruct B --only sync; humanrig reconstruct B --only calibrate      (the same for P)
    python scripts/measure_depth_calibration.py --boards B --people P

The board's true places are used, so that the figures are those of this part alone.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.depth.estimate import estimate_depth_corrections
from calibration.depth_correction import DepthCorrection
from calibration.geometric.depth_clouds import depth_clouds
from calibration.geometric.refine import refine_by_geometry
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration, device_of
from capture.board import Board
from capture.session import Session
from geometry.camera import Camera
from geometry.rigid import from_rotvec, inverse, rigid, rotation_angle

CORRECTION_SIGMA_M = 0.3e-3
"""What is left of a device's bias after its correction."""
GOOD_M, GOOD_RAD = 0.5e-3, np.deg2rad(0.03)
"""Of a good board calibration, root mean square over the three axes."""


def main() -> None:
    """Prints millimetres and degrees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=Path)
    parser.add_argument("--people", type=Path, help="or boxes")
    chosen = parser.parse_args()
    if chosen.boards:
        _depth(chosen.boards)
    if chosen.people:
        _geometry(chosen.people)


def _depth(folder: Path) -> None:
    session, truth = Session.open(folder), _sensors(folder)
    T = np.load(folder / "truth" / "things" / "thing00_pose.npy")
    scene = json.loads((folder / "truth" / "scene.json").read_text())["things"]["thing00"]
    names = ("kind", "columns", "rows", "square_m", "marker_m", "dictionary")
    board = Board(**{name: scene[name] for name in names if name in scene})
    rig = RigCalibration(cameras=session.cameras(), source="truth")
    found = estimate_depth_corrections(session, board, dict(enumerate(T)), rig)
    print("depth camera      boards  range m     true mm at 2 m  left mm at 1.5  2.0  2.5 m  stated σ mm  ink mm")
    for name, estimate in found.estimates.items():
        bias, scale = truth[name]
        z = np.array([1.5, 2.0, 2.5])
        left = 1e3 * (estimate.correction.corrected(z * (1 + scale) + bias) - z)
        near, far = estimate.range_m
        print(
            f"{name}  {estimate.boards:6d}  {near:.1f} … {far:.1f}  {1e3 * (bias + 2 * scale):+14.2f}  "
            f"{left[0]:+14.2f} {left[1]:+5.2f} {left[2]:+5.2f}    {1e3 * estimate.correction.sigma_m:11.2f}  "
            f"{1e3 * estimate.ink_m:+.2f}"
        )
    for name, reason in found.unsolved.items():
        print(f"{name}: {reason}")


def _geometry(folder: Path) -> None:
    session, truth, rng = Session.open(folder), _sensors(folder), np.random.default_rng(9)
    corrections = {
        name: DepthCorrection(bias_m=b + rng.normal(0, CORRECTION_SIGMA_M), scale=s, sigma_m=CORRECTION_SIGMA_M)
        for name, (b, s) in truth.items()
    }
    true = RigCalibration(cameras=session.cameras(), source="truth", depth_corrections=corrections)
    clouds = depth_clouds(session, true)
    for label, start in (
        ("every device off by 1° and 10 mm", _off(true, 0.01, np.deg2rad(1.0), exact=True)),
        ("a good board calibration", _with_covariance(_off(true, GOOD_M, GOOD_RAD, exact=False))),
    ):
        result = refine_by_geometry(clouds, start)
        print(label)
        for kind in ("depth", "color"):
            before, after = _errors(start, true, kind), _errors(result.calibration, true, kind)
            print(f"  {kind}: {_told(before)}  ->  {_told(after)}")
        covariance = result.calibration.covariance
        assert covariance is not None
        stated = np.mean([[covariance.center_sigma_m(n), covariance.rotation_sigma_rad(n)] for n in clouds], 0)
        print(f"  stated σ of a depth camera: {1e3 * stated[0]:.2f} mm, {np.rad2deg(stated[1]):.3f}°")
        print(f"  disagreement, σ: {', '.join(f'{d.excess:.1f}' for d in result.disagreement.values())}")


def _sensors(folder: Path) -> dict[str, tuple[float, float]]:
    devices = json.loads((folder / "truth" / "scene.json").read_text())["devices"]
    return {f"{name}/depth": (d["depth"]["bias_m"], d["depth"]["scale"]) for name, d in devices.items()}


def _off(rig: RigCalibration, center_m: float, rotation_rad: float, *, exact: bool) -> RigCalibration:
    """Each device off by exactly as much, or each camera at random."""
    rng = np.random.default_rng(1)
    cameras: dict[str, Camera] = {}
    motions: dict[str, np.ndarray] = {}
    for name, camera in rig.cameras.items():
        if exact and device_of(name) in motions:
            cameras[name] = camera.at(motions[device_of(name)] @ camera.T_world_camera)
            continue
        w, c = rng.normal(size=3), rng.normal(size=3)
        w, c = (w / np.linalg.norm(w), c / np.linalg.norm(c)) if exact else (w / np.sqrt(3), c / np.sqrt(3))
        T = camera.T_world_camera @ from_rotvec(rotation_rad * w, np.zeros(3))
        T[:3, 3] += center_m * c
        cameras[name], motions[device_of(name)] = camera.at(T), T @ inverse(camera.T_world_camera)
    return replace(rig, cameras=cameras)


def _with_covariance(rig: RigCalibration) -> RigCalibration:
    diagonal = np.tile([GOOD_RAD**2 / 3] * 3 + [GOOD_M**2 / 3] * 3, len(rig.cameras))
    covariance = PoseCovariance(cameras=tuple(rig.cameras), matrix=np.diag(diagonal), gauge="aligned")
    return replace(rig, covariance=covariance)


def _errors(found: RigCalibration, true: RigCalibration, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Millimetres and degrees after the rigid alignment of the centres, without scale."""
    names = [name for name in true.cameras if name.endswith(kind)]
    a = np.stack([found.cameras[n].center for n in names])
    b = np.stack([true.cameras[n].center for n in names])
    U, _, Vt = np.linalg.svd((a - a.mean(0)).T @ (b - b.mean(0)))
    R = Vt.T @ np.diag([1, 1, np.linalg.det(Vt.T @ U.T)]) @ U.T
    T = rigid(R, b.mean(0) - R @ a.mean(0))
    moved = [T @ found.cameras[n].T_world_camera for n in names]
    turned = np.array([rotation_angle(inverse(true.cameras[n].T_world_camera) @ m) for n, m in zip(names, moved)])
    return 1e3 * np.linalg.norm(np.stack([m[:3, 3] for m in moved]) - b, axis=1), np.rad2deg(turned)


def _told(errors: tuple[np.ndarray, np.ndarray]) -> str:
    mm, degrees = errors
    return f"{mm.mean():.2f} mm (max {mm.max():.2f}), {degrees.mean():.3f}° (max {degrees.max():.3f})"


if __name__ == "__main__":
    main()
