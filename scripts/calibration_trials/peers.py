"""The colour cameras of a take through other people's programs, from the same corners.

OpenCV calibrates the lenses itself. aniposelib (f and k1) and caliscope (f, k1, k2) begin with the factory's; they
cannot hold a rational lens, so that they get corners from which the factory's distortion has been taken off.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from calibration_trials.corner_takes import CornerTake
from geometry.camera import Camera
from geometry.rigid import inverse, rigid


def solve_opencv(given: CornerTake) -> dict[str, Camera]:
    """cv2.calibrateMultiview with its defaults: lenses (five coefficients) camera by camera, then poses.

    Only views with every corner: with partly seen boards it ends metres away (OpenCV 5.0.0.93).
    """
    names, corners = given.color, given.take.board.corners.astype(np.float32)
    whole = [view for view in given.take.views if view.camera in names and len(view.ids) == len(corners)]
    instants = sorted({view.instant for view in whole})
    q = np.zeros((len(names), len(instants), len(corners), 2), np.float32)
    seen = np.zeros(q.shape[:2], np.uint8)
    for view in whole:
        at = names.index(view.camera), instants.index(view.instant)
        q[at], seen[at] = view.q, 1
    sizes = [(given.factory[name].width, given.factory[name].height) for name in names]
    models = np.full((len(names), 1), cv2.CALIB_MODEL_PINHOLE, np.uint8)
    flags = np.zeros((len(names), 1), np.int32)
    views = [list(own) for own in q]
    _, Ks, distortions, turns, ts = cv2.calibrateMultiview(
        [corners] * len(instants), views, sizes, seen, models, None, None, None, None, flagsForIntrinsics=flags
    )
    poses = [(cv2.Rodrigues(turn)[0], t.ravel()) for turn, t in zip(turns, ts)]
    return _cameras(given, poses, Ks, [np.append(d.ravel()[:5], np.zeros(3)) for d in distortions])


def solve_aniposelib(given: CornerTake) -> dict[str, Camera]:
    """CameraGroup.calibrate_rows with its defaults, but for the lens that it begins with."""
    from aniposelib.boards import CharucoBoard
    from aniposelib.cameras import Camera as AniposeCamera
    from aniposelib.cameras import CameraGroup

    board = given.take.board
    charuco = CharucoBoard(board.columns, board.rows, board.square_m, board.marker_m, 4, 50)
    group = CameraGroup(
        [
            AniposeCamera(matrix=c.K, dist=np.zeros(5), size=(c.width, c.height), name=name)
            for name, c in ((name, given.factory[name]) for name in given.color)
        ]
    )
    rows = [
        [
            {
                "framenum": (0, view.instant),
                "corners": _pinhole(given.factory[name], view.q).reshape(-1, 1, 2),
                "ids": view.ids.reshape(-1, 1),
            }
            for view in given.take.of_camera(name)
        ]
        for name in given.color
    ]
    np.random.seed(0)  # it draws from the global generator # noqa: NPY002
    with contextlib.redirect_stdout(io.StringIO()):
        for own in rows:
            charuco.fill_points_rows(own)
        group.calibrate_rows(rows, charuco, init_intrinsics=False, verbose=False)
    poses = [(cv2.Rodrigues(c.get_rotation())[0], c.get_translation()) for c in group.cameras]
    return _cameras(given, poses, [c.get_camera_matrix() for c in group.cameras], None)


def solve_caliscope(given: CornerTake) -> dict[str, Camera]:
    """caliscope's one-call pipeline with its defaults."""
    import pandas
    from caliscope.cameras.camera_array import CameraArray, CameraData
    from caliscope.core.calibrate_extrinsics import calibrate_extrinsics
    from caliscope.core.constraints import ConstraintSet
    from caliscope.core.point_data import ImagePoints

    board, columns = given.take.board, []
    for camera, name in enumerate(given.color):
        for view in given.take.of_camera(name):
            q, p, count = _pinhole(given.factory[name], view.q), board.corners[view.ids], len(view.ids)
            one = np.column_stack([np.full((count, 3), [view.instant, camera, 0]), view.ids, q, p])
            columns.append(one[np.isfinite(q).all(1)])
    titles = ["sync_index", "cam_id", "object_id", "keypoint_id", "img_loc_x", "img_loc_y"]
    table = pandas.DataFrame(np.concatenate(columns), columns=[*titles, "obj_loc_x", "obj_loc_y", "obj_loc_z"])
    cameras = {
        n: CameraData(cam_id=n, size=(c.width, c.height), matrix=c.K.copy(), distortions=np.zeros(5))
        for n, c in enumerate(given.factory[name] for name in given.color)
    }
    truss = ConstraintSet._truss_distance_constraints(board.corners, board.square_m, 0.002)
    constraints = ConstraintSet(distances=truss, static_object_ids=frozenset())
    with contextlib.redirect_stdout(io.StringIO()):
        run = calibrate_extrinsics(ImagePoints(table), CameraArray(cameras), constraints)
    solved = [run.capture_volume.camera_array.cameras[n] for n in range(len(given.color))]
    return _cameras(given, [(c.rotation, np.ravel(c.translation)) for c in solved], [c.matrix for c in solved], None)


PEERS: dict[str, Callable[[CornerTake], dict[str, Camera]]] = {
    "cv2.calibrateMultiview": solve_opencv,
    "aniposelib": solve_aniposelib,
    "caliscope": solve_caliscope,
}


def _pinhole(camera: Camera, q: np.ndarray) -> np.ndarray:
    """Pixels without the factory's distortion."""
    return camera.normalize(q) @ camera.K[:2, :2].T + camera.K[:2, 2]


def _cameras(given: CornerTake, poses, Ks, distortions) -> dict[str, Camera]:
    """Cameras of (R, t) of T_camera_world."""
    solved = {}
    for n, name in enumerate(given.color):
        own = given.factory[name].distortion if distortions is None else distortions[n]
        lens = replace(given.factory[name], K=np.asarray(Ks[n], np.float64), distortion=np.asarray(own, np.float64))
        solved[name] = lens.at(inverse(rigid(*poses[n])))
    return solved
