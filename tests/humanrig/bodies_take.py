"""A take up to its keypoints and clouds, without a recording: true bodies, their joints in pictures, points on skin."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from body.joints import JOINT_NAMES
from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.frame_sets import Instant, write_instants
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.cloud import PointCloud, concatenate
from geometry.rigid import look_at
from registration.clouds.files import cloud_path, write_cloud, write_cloud_cameras
from registration.keypoints.sets import BLAZEPOSE_NAMES, smpl_joints, smpl_vertices
from registration.keypoints.track import KeypointTrack, write_track

INSTANTS = (7, 8, 9)
POINTS = 2500
NOISE_M = 0.001
KEYPOINT_M = 0.005


def person(number: int) -> BodyParameters:
    """Somebody of the take, a metre from the next, arms down and moving a little."""
    rng = np.random.default_rng(20 + number)
    pose = np.zeros((len(INSTANTS), 23, 3))
    pose[:, 15, 2], pose[:, 16, 2] = -1.0, 1.0
    pose[:, 17, 1] = -0.4 - 0.1 * np.arange(len(INSTANTS))
    pose += 0.03 * rng.standard_normal((23, 3))
    return BodyParameters(
        betas=np.r_[0.8 * rng.standard_normal(4), np.zeros(12)],
        global_orient=np.tile([np.pi / 2, 0.0, 0.0], (len(INSTANTS), 1)),
        body_pose=pose.reshape(len(INSTANTS), 69),
        transl=np.tile([float(number), 0.0, 1.0], (len(INSTANTS), 1)) + 0.01 * np.arange(len(INSTANTS))[:, None],
    )


def cameras(count: int = 4) -> dict[str, Camera]:
    """Colour cameras around the people."""
    K = np.array([[600.0, 0, 639.5], [0, 600.0, 359.5], [0, 0, 1]])
    found = {}
    for n in range(count):
        eye = np.array([0.5 + 3 * np.cos(2 * np.pi * n / count), 3 * np.sin(2 * np.pi * n / count), 1.3])
        name = f"kinect_{n:03d}/color"
        found[name] = Camera(
            name=name, K=K, width=1280, height=720, T_world_camera=look_at(eye, np.array([0.5, 0, 1.0]))
        )
    return found


def build(folder: Path, people: int = 1) -> Session:
    """The session with sync, calibration, keypoints and clouds."""
    rig = cameras()
    depth = [name.replace("color", "depth") for name in rig]
    streams = [
        StreamInfo(name=n, kind=n.split("/")[1], file="recording/rig.mcap", topic=f"/{n}", encoding="jpeg", frames=3)  # type: ignore[arg-type]
        for n in (*rig, *depth)
    ]
    session = Session.create(folder, streams=streams, origin="test")
    index = {name: 0 for name in (*rig, *depth)}
    write_instants(
        session.path("sync", "frames.parquet"),
        [
            Instant(instant=i, time_us=33_333 * n, index=index, offset_us=dict.fromkeys(index, 0))
            for n, i in enumerate(INSTANTS)
        ],
    )
    session.path("calibration").mkdir()
    placed = {n: c.at(np.asarray(c.T_world_camera)) for n, c in rig.items()}
    placed |= {d: Camera(name=d, K=c.K, width=1280, height=720, T_world_camera=c.T_world_camera)
               for d, c in zip(depth, rig.values(), strict=True)}  # fmt: skip
    write_cameras(session.path("calibration", "cameras.json"), placed, source="the test")
    write_results(session.folder, people)
    return session


def write_results(folder: Path, people: int) -> None:
    """keypoints/ and clouds/ of the first so many people."""
    (folder / "clouds").mkdir(parents=True, exist_ok=True)
    clouds: list[list[PointCloud]] = [[] for _ in INSTANTS]
    for number in range(people):
        write_track(_track(number), folder / "keypoints" / f"person{number:02d}.npz")
        for t, cloud in enumerate(_clouds(number)):
            clouds[t].append(cloud)
    for instant, some in zip(INSTANTS, clouds, strict=True):
        write_cloud(cloud_path(folder / "clouds", instant), concatenate(some))
    write_cloud_cameras(folder / "clouds", [f"kinect_{n:03d}/depth" for n in range(4)])


def _track(number: int) -> KeypointTrack:
    rng, model, rig = np.random.default_rng(number), load_body_model(), cameras()
    posed = model.pose(person(number))
    p = np.full((len(INSTANTS), len(BLAZEPOSE_NAMES), 3), np.nan)
    for pairs, points in (
        (smpl_joints(BLAZEPOSE_NAMES, JOINT_NAMES), posed.joints),
        (smpl_vertices(BLAZEPOSE_NAMES, model.keypoint_vertices), posed.vertices),
    ):
        p[:, pairs[:, 0]] = points[:, pairs[:, 1]]
    p += KEYPOINT_M * rng.standard_normal(p.shape)
    q = np.stack([camera.project(p) for camera in rig.values()], 1)
    return KeypointTrack(
        names=list(BLAZEPOSE_NAMES),
        streams=list(rig),
        instants=np.array(INSTANTS, np.int64),
        q=q,
        confidence=np.where(np.isfinite(q[..., 0]), 0.9, np.nan),
        p_world=p,
        covariance=np.broadcast_to(KEYPOINT_M**2 * np.eye(3), (*p.shape[:2], 3, 3)).copy(),
        sigma=np.full(p.shape[:2], KEYPOINT_M),
        used=np.isfinite(q[..., 0]),
        reprojection_px=np.zeros(q.shape[:3]),
    )


def _clouds(number: int) -> list[PointCloud]:
    rng, model = np.random.default_rng(100 + number), load_body_model()
    found = []
    for t, vertices in enumerate(model.pose(person(number)).vertices):
        corners = vertices[model.faces]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(cross, axis=1)
        face = rng.choice(len(area), POINTS, p=area / area.sum())
        normals = cross[face] / area[face, None]
        points = np.einsum("nc,nci->ni", rng.dirichlet(np.ones(3), POINTS), corners[face])
        found.append(
            PointCloud(
                points=points + NOISE_M * rng.standard_normal((POINTS, 1)) * normals,
                normals=normals,
                colors=np.zeros((POINTS, 3), np.uint8),
                camera=rng.integers(0, 4, POINTS).astype(np.uint8),
                sigma=np.full(POINTS, NOISE_M),
                time_us=np.full(POINTS, 33_333 * t, np.int64),
                person=np.full(POINTS, number, np.uint8),
            )
        )
    return found
