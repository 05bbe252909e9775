"""A ring of cameras and walking stick people whose keypoints are known, for the tests of the keypoint chain."""

import numpy as np

from geometry.camera import Camera
from geometry.rigid import look_at
from registration.keypoints.observations import Observations
from registration.keypoints.projection import project_all
from registration.keypoints.sets import BLAZEPOSE

LENS = np.array([-0.05, 0.14, 0.0006, -0.0007, 0.01, 0.0, 0.0, 0.0])


def ring(count=4, radius=3.0, distortion=LENS, width=1280, height=720):
    """Cameras on a circle of 3 m around the origin at different heights, all looking at (0, 0, 1)."""
    K = np.array([[620.0, 0, 639.2], [0, 618.0, 361.7], [0, 0, 1]])
    angles = 2 * np.pi * np.arange(count) / count + 0.3
    eyes = [np.array([radius * np.cos(a), radius * np.sin(a), 1.0 + 0.4 * (i % 3)]) for i, a in enumerate(angles)]
    return [
        Camera(
            name=f"cam{i:02d}/color",
            K=K,
            width=width,
            height=height,
            distortion=distortion,
            T_world_camera=look_at(eye, np.array([0.0, 0, 1])),
        )
        for i, eye in enumerate(eyes)
    ]


def stick_person(center=(0.0, 0.0), heading=0.0):
    """BlazePose's 33 keypoints of a standing adult, metres, z up; `heading` turns the person about z."""
    side = {"left": 1.0, "right": -1.0, "": 0.0}
    places = {  # name → forward, sideways (left positive), up
        "nose": (0.12, 0.0, 1.62),
        "eye_inner": (0.1, 0.02, 1.66),
        "eye": (0.1, 0.035, 1.66),
        "eye_outer": (0.09, 0.05, 1.66),
        "ear": (0.0, 0.08, 1.64),
        "mouth": (0.1, 0.025, 1.57),
        "shoulder": (0.0, 0.19, 1.42),
        "elbow": (0.05, 0.32, 1.15),
        "wrist": (0.2, 0.33, 0.95),
        "pinky": (0.24, 0.36, 0.9),
        "index": (0.26, 0.33, 0.89),
        "thumb": (0.24, 0.3, 0.92),
        "hip": (0.0, 0.12, 0.93),
        "knee": (0.05, 0.13, 0.5),
        "ankle": (0.0, 0.14, 0.08),
        "heel": (-0.05, 0.14, 0.03),
        "foot_index": (0.16, 0.16, 0.02),
    }
    p = np.empty((33, 3))
    for i, name in enumerate(BLAZEPOSE.names):
        word = "left" if "left" in name else "right" if "right" in name else ""
        stem = name.replace("left_", "").replace("right_", "").replace("_left", "").replace("_right", "")
        forward, sideways, up = places[stem]
        p[i] = forward, sideways * (side[word] if word else 1.0), up
    c, s = np.cos(heading), np.sin(heading)
    return p @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + [*center, 0.0]


def walk(instants, start, velocity, heading=0.0, rate_hz=30.0):
    """(instants, 33, 3): the stick person carried along a straight line while the arms and legs swing."""
    t = np.arange(instants) / rate_hz
    base = stick_person(heading=heading)
    p = np.repeat(base[None], instants, 0)
    c, s = np.cos(heading), np.sin(heading)
    for i, name in enumerate(BLAZEPOSE.names):
        swing = 0.15 * np.sin(2 * np.pi * t) * (1 if "left" in name else -1 if "right" in name else 0)
        p[:, i, :2] += swing[:, None] * np.array([c, s]) * (base[i, 2] < 1.2)
    p[..., :2] += np.asarray(start) + np.asarray(velocity) * t[:, None, None]
    return p


def observe(cameras, people, rng, sigma=2.0):
    """What the cameras see of `people` (list of (instants, 33, 3)), in a random order in each image."""
    T, P = len(people[0]), len(people)
    q = np.stack([np.moveaxis(project_all(cameras, p), 2, 1) for p in people], 2)
    q = q + rng.normal(0, sigma, q.shape)
    order = np.argsort(rng.random((T, len(cameras), P)), 2)
    q = np.take_along_axis(q, order[..., None, None], 2)
    seen = Observations(
        streams=[camera.name for camera in cameras],
        q=q,
        visibility=np.full(q.shape[:-1], 1.0),
        sigma_px=np.full(q.shape[:-1], sigma),
    )
    return seen, order
