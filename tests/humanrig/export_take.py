"""A tiny reconstructed take for the export tests: two devices with colour and depth, two instants, random numbers."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture import depth_codec
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import from_rotvec, look_at
from texture.files.mesh_sequence import Segment, write_index, write_segment
from texture.surfaces.binding import bind

INSTANTS = (4, 5)
COLOR, DEPTH = (64, 48), (48, 40)
DISTORTION = np.array([0.6, -0.1, 0.004, -0.003, 0.02, 0.05, -0.05, 0.01])
"""Larger than a real sensor's: two pixels halfway to the corner of these small images."""
KINECTS = ("kinect_000", "kinect_001")


def build_take(folder: Path, devices: tuple[str, ...] = KINECTS, depth: bool = True) -> Session:
    """The session on disk, with the outputs that exports read: a copy of one that is built once for all tests."""
    shutil.copytree(_built(devices, depth), folder)
    return Session.open(folder)


@cache
def _built(devices: tuple[str, ...], depth: bool) -> Path:
    parent = Path(tempfile.mkdtemp(prefix="export-take-"))
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    folder = parent / "take"
    rng = np.random.default_rng(3)
    kinds = ("color", "depth") if depth else ("color",)
    streams = [
        StreamInfo(
            name=f"{device}/{kind}", kind=kind, file="recording/rig.mcap", topic=f"/{device}/{kind}",
            encoding="jpeg" if kind == "color" else "dzp", frames=2, rate_hz=30.0,
            width=(COLOR if kind == "color" else DEPTH)[0], height=(COLOR if kind == "color" else DEPTH)[1],
        )
        for device in devices for kind in kinds
    ]  # fmt: skip
    cameras = _cameras(devices, kinds)
    session = Session.create(folder, streams=streams, origin="test", id="take", subject="p000001", action="turn")
    with McapWriter(session.path("recording", "rig.mcap")) as writer:
        for stream in streams:
            assert stream.topic
            writer.add_stream(stream.topic, stream.encoding)
            for index in range(2):
                data = _payload(cameras[stream.name], stream.encoding, rng)
                writer.write(stream.topic, data, device_us=index * 33333, host_us=index * 33333)
    write_cameras(session.path("calibration", "cameras.json"), cameras, source="the test")
    names = [stream.name for stream in streams]
    write_instants(
        session.path("sync", "frames.parquet"),
        [
            Instant(instant=i, time_us=n * 33333, index=dict.fromkeys(names, n), offset_us={})
            for n, i in enumerate(INSTANTS)
        ],
    )
    for stream in streams:
        for instant in INSTANTS:
            path = session.path("masks", stream.name, f"{instant:06d}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), rng.integers(0, 2, (stream.height, stream.width), np.uint8) * 255)
    write_person(session, rng)
    if depth:
        _write_clouds(session, rng)
    return folder


def color_at(xy: np.ndarray) -> np.ndarray:
    """What every colour camera sees along the ray (x, y, 1): smooth, so that interpolation is exact enough."""
    x, y = np.nan_to_num(xy[..., 0]), np.nan_to_num(xy[..., 1])
    return np.stack([128 + 180 * x, 128 + 180 * y, 128 + 90 * x - 90 * y], -1)


def depth_at(xy: np.ndarray) -> np.ndarray:
    """What every depth camera sees: a tilted plane, metres."""
    return 2 + 0.3 * np.nan_to_num(xy[..., 0])


def pixel_rays(camera: Camera, distorted: bool) -> np.ndarray:
    """(x, y) on the plane z = 1 of each pixel, through the lens or as a pinhole."""
    q = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1).astype(np.float64)
    return camera.normalize(q) if distorted else (q - camera.K[:2, 2]) / camera.K[[0, 1], [0, 1]]


def _cameras(devices: tuple[str, ...], kinds: tuple[str, ...]) -> dict[str, Camera]:
    found = {}
    for n, device in enumerate(devices):
        T = look_at(np.array([2.5 * np.cos(2.1 * n + 0.3), 2.5 * np.sin(2.1 * n + 0.3), 1.4]), np.array([0, 0, 0.9]))
        for kind in kinds:
            width, height = COLOR if kind == "color" else DEPTH
            f = 0.9 * width
            found[f"{device}/{kind}"] = Camera(
                name=f"{device}/{kind}", K=np.array([[f, 0, width / 2 - 1], [0, f, height / 2 + 1], [0, 0, 1]]),
                width=width, height=height, distortion=DISTORTION, metric_radius=1.7,
                T_world_camera=T if kind == "color" else T @ from_rotvec(np.array([0.1, 0, 0]), np.array([0.03, 0, 0])),
            )  # fmt: skip
    return found


def _payload(camera: Camera, encoding: str, rng: np.random.Generator) -> bytes:
    rays = pixel_rays(camera, distorted=True)
    if encoding == "jpeg":
        return simplejpeg.encode_jpeg(np.rint(color_at(rays)).astype(np.uint8), quality=100, colorsubsampling="444")
    return depth_codec.encode(np.rint(1000 * depth_at(rays)).astype(np.uint16))


def parameters() -> BodyParameters:
    """The body of the take."""
    rng = np.random.default_rng(11)
    return BodyParameters(
        betas=np.r_[rng.normal(size=10), 0.3 * rng.normal(size=6)],
        global_orient=np.array([np.pi / 2, 0, 0]) + rng.normal(0, 0.2, (2, 3)),
        body_pose=rng.normal(0, 0.1, (2, 69)),
        transl=rng.normal(0, 0.2, (2, 3)) + [0, 0, 0.9],
    )


def write_person(session: Session, rng: np.random.Generator, at: tuple[int, int] = INSTANTS) -> None:
    """Body, meshes and textures of `parameters` at two instants."""
    model, body = load_body_model(), parameters()
    posed = model.pose(body)
    for name in ("body", "mesh", "texture/person00"):
        session.path(name).mkdir(parents=True)
    np.savez(
        session.path("body", "person00.npz"),
        betas=body.betas, child=body.child, global_orient=body.global_orient, body_pose=body.body_pose,
        transl=body.transl, joints=posed.joints, instants=np.array(at), time_us=np.array([1000, 34333]),
        model=model.name, model_sha256=model.sha256,
    )  # fmt: skip
    segment = Segment(
        instants=np.array(at),
        vertices=posed.vertices.astype(np.float32),
        faces=model.faces,
        uv=model.uv,
        uv_faces=model.uv_faces,
        binding=bind(model.shaped(body.betas, body.child), model.weights),
    )
    write_segment(session.path("mesh"), "person00", 0, segment)
    write_index(session.path("mesh"), "person00", [(instant, 0, "") for instant in at])
    for name in ("person00/segment_000", *(f"person00/{i:06d}" for i in at)):
        picture = rng.integers(0, 256, (32, 32, 3), np.uint8)
        session.path("texture", f"{name}.jpg").write_bytes(simplejpeg.encode_jpeg(picture))


def _write_clouds(session: Session, rng: np.random.Generator) -> None:
    session.path("clouds").mkdir()
    for instant in INSTANTS:
        normals = rng.normal(size=(50, 3))
        np.savez(
            session.path("clouds", f"{instant:06d}.npz"),
            points=rng.normal(size=(50, 3)).astype(np.float32),
            normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
            colors=rng.integers(0, 256, (50, 3), np.uint8),
            camera=rng.integers(0, 2, 50).astype(np.uint8),
            sigma=rng.uniform(0.001, 0.01, 50).astype(np.float32),
            time_us=rng.integers(0, 1 << 40, 50),
        )
