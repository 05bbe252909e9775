"""A small table of AGORA, worked out in Unreal's own axes, and written by any pandas: python agora_tables.py FILE.pkl

Two pictures: one whose camera the name says (cam01), one whose camera the table says. The files in data/ were written
by the pandas that their names say.
"""

import sys

import numpy as np

PICTURES = (
    ("ag_trainset_archviz_5_10_cam01_00001.png", (400.0, 225.0, 265.0), -135.0, 30.0, 18.0, 0.0),
    ("ag_trainset_construction_5_15_00002.png", (50.0, -600.0, 150.0), 35.0, 0.0, 28.0, -170.0),
)
"""Name, camera in cm, yaw and pitch down in degrees, focal length in mm, and what the floor adds in cm."""
PEOPLE = (
    ((100.0, -60.0, 0.0, 20.0), (-150.0, 80.0, 2.0, -100.0)),
    ((400.0, -380.0, 170.0, 75.0),),
)
"""X, Y, Z in centimetres and Yaw in degrees."""


def joints_of_fit(picture: int, person: int) -> np.ndarray:
    """(24, 3): in the frame of the fit, metres, y up."""
    return np.random.RandomState(10 * picture + person).uniform(-0.8, 0.8, (24, 3))


def unreal(picture: int, person: int) -> np.ndarray:
    """The joints in the scene: metres, x forward, y right, z up.

    The scan that a fit belongs to stands turned: at yaw 90 the fit's x is the scene's right.
    """
    x, y, z = joints_of_fit(picture, person).T
    *place, yaw = PEOPLE[picture][person]
    turn = np.radians(yaw - 90)
    forward, right = -z, x
    return np.stack([
        forward * np.cos(turn) - right * np.sin(turn), forward * np.sin(turn) + right * np.cos(turn), y
    ], 1) + np.array(place) / 100  # fmt: skip


def seen(picture: int, person: int) -> np.ndarray:
    """The joints in the camera's frame (OpenCV), by the camera's three directions in the scene."""
    _, position, yaw, pitch, _, raised = PICTURES[picture]
    a, b = np.radians(yaw), np.radians(pitch)
    forward = np.array([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), -np.sin(b)])
    right = np.array([-np.sin(a), np.cos(a), 0])
    down = np.array([-np.cos(a) * np.sin(b), -np.sin(a) * np.sin(b), -np.cos(b)])
    camera = np.array(position) / 100 - np.array([0, 0, raised]) / 100
    return (unreal(picture, person) - camera) @ np.stack([right, down, forward], 1)


def pixels(picture: int, person: int) -> np.ndarray:
    """Of a picture of 3840 x 2160 behind a sensor of 36 x 20.25 mm."""
    p = seen(picture, person)
    focal = PICTURES[picture][4] / 36 * 3840
    return focal * p[:, :2] / p[:, 2:] + np.array([1920, 1080])


def columns() -> dict:
    """The table."""
    people = [range(len(group)) for group in PEOPLE]
    lists = {
        name: [[PEOPLE[i][n][k] for n in group] for i, group in enumerate(people)]
        for k, name in enumerate(("X", "Y", "Z", "Yaw"))
    }
    lists.update(
        imgPath=[p[0] for p in PICTURES],
        camX=[0.0, 50.0], camY=[0.0, -600.0], camZ=[0.0, 150.0], camYaw=[0.0, 35.0],
        gender=[["male", "female"], ["female"]], kid=[[False, True], [False]], age=[["31-50", "0-5"], ["18-30"]],
        ethnicity=[["white", "asian"], ["black"]], occlusion=[[12.5, 95.0], [0.0]], isValid=[[True, True], [False]],
        gt_path_smpl=[["smpl/a_0_0.obj", "smpl/a_0_1.obj"], ["smpl/b_0_0.obj"]],
        gt_path_smplx=[["smplx/a_0_0.obj", "smplx/a_0_1.obj"], ["smplx/b_0_0.obj"]],
        gt_joints_2d=[[pixels(i, n) for n in group] for i, group in enumerate(people)],
        gt_joints_3d=[[seen(i, n) for n in group] for i, group in enumerate(people)],
        gt_verts=[[seen(i, n)[:5].astype(np.float32) for n in group] for i, group in enumerate(people)],
    )  # fmt: skip
    return lists


if __name__ == "__main__":
    import pandas  # type: ignore[import-not-found]

    pandas.DataFrame(columns()).to_pickle(sys.argv[1], protocol=int(sys.argv[2]))
