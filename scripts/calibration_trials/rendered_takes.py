"""Takes of the virtual rig as `humanrig calibrate` found their boards in rendered images, with the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.boards.take_files import read_take
from calibration.calibration_files import further
from calibration_trials.corner_takes import CornerTake
from capture.session import Session
from geometry.camera_files.cameras_json import read_camera_file
from humanrig.calibrating.factory import factory_rig

DISTANCES_M = (1.5, 2.0, 2.5)


def rendered_take(folder: Path) -> CornerTake:
    """What a calibrated session was calibrated from."""
    session = Session.open(folder)
    take = read_take(folder / "rig_calibration" / "views.npz")
    truth = read_camera_file(folder / "truth" / "cameras.json").cameras
    factory = factory_rig(session, frozenset(truth))
    return CornerTake(take=take, truth=dict(truth), factory=dict(factory.cameras), pairs=factory.pairs)


def placed_errors_mm(folder: Path) -> dict[str, float]:
    """Of each depth camera: how far along its axis a point at 2 m lies from where it is, its place and its correction
    erring together, after the alignment of the colour cameras' centres."""
    solved = read_camera_file(folder / "rig_calibration" / "cameras.json").cameras
    truth = read_camera_file(folder / "truth" / "cameras.json").cameras
    colors = [name for name in truth if name.endswith("/color") and name in solved]
    a, b = (np.array([cameras[name].center for name in colors]) for cameras in (solved, truth))
    turn = Rotation.align_vectors(b - b.mean(0), a - a.mean(0))[0].as_matrix()
    errors = {}
    for name, left in depth_errors_mm(folder).items():
        off = turn @ (solved[name].center - a.mean(0)) - (truth[name].center - b.mean(0))
        errors[name] = float(left[0, DISTANCES_M.index(2.0)] + 1e3 * off @ truth[name].T_world_camera[:3, 2])
    return errors


def depth_errors_mm(folder: Path) -> dict[str, np.ndarray]:
    """Of each depth camera, at DISTANCES_M: what is left of its bias and scale after its correction, and before it."""
    path = folder / "rig_calibration" / "cameras.json"
    corrections = further(read_camera_file(path), str(path)).depth_corrections
    devices = json.loads((folder / "truth" / "scene.json").read_text("utf-8"))["devices"]
    left = {}
    z = np.array(DISTANCES_M)
    for name, correction in corrections.items():
        own = devices[name.partition("/")[0]]["depth"]
        measured = z + own["bias_m"] + own["scale"] * z
        left[name] = 1e3 * np.stack([correction.corrected(measured) - z, measured - z])
    return left
