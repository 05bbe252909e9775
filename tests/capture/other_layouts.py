"""Writes a session in the layouts of others: small recordings with which the importers are tested."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import h5py
import numpy as np
import simplejpeg

from capture import depth_codec
from capture.session import Session


def depth_mm(session: Session, stream: str, index: int) -> np.ndarray:
    """The recorded millimetres, exactly."""
    info = session.stream(stream)
    return depth_codec.decode(raw(session, stream, index), info.height, info.width)


def raw(session: Session, stream: str, index: int) -> bytes:
    """The recorded bytes."""
    info = session.stream(stream)
    return session.recording(info.file).read(info.topic, index).data


def kinects(session: Session) -> list[str]:
    """Devices with depth that are no phone."""
    return [s.split("/")[0] for s in session.of_kind("depth") if s.startswith("kinect")]


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def write_humman_cameras(path: Path, cameras, T_source_world=None, direction="world2cam") -> None:
    """World to camera unless told otherwise; `T_source_world` is the world of the file."""
    T_source_world = np.eye(4) if T_source_world is None else T_source_world
    content = {}
    for name, camera in cameras.items():
        device, kind = name.split("/")
        if device == "iphone" and kind == "depth":
            continue
        T = T_source_world @ camera.T_world_camera
        T = np.linalg.inv(T) if direction == "world2cam" else T
        key = "iphone" if device == "iphone" else device.replace("kinect_", f"kinect_{kind}_")
        content[key] = {"K": camera.K.tolist(), "R": T[:3, :3].tolist(), "T": T[:3, 3].tolist()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def first_camera_world(session: Session) -> np.ndarray:
    """T_source_world of HuMMan: the frame of the first Kinect's colour camera."""
    return session.recorded_camera_file().cameras[f"{kinects(session)[0]}/color"].T_camera_world


def placed_cameras(session: Session) -> dict:
    """Cameras of the Kinects."""
    cameras = session.recorded_camera_file().cameras
    return {name: cameras[name] for device in kinects(session) for name in (f"{device}/color", f"{device}/depth")}


def write_recon(session: Session, folder: Path, stride: int = 6, direction="world2cam") -> Path:
    """HuMMan-Recon: every sixth frame as PNG."""
    for device in kinects(session):
        for index in range(0, session.stream(f"{device}/depth").frames, stride):
            rgb = session.frame(f"{device}/color", index).payload
            write_png(folder / "kinect_color" / device / f"{index:06d}.png", rgb[..., ::-1])
            depth = depth_mm(session, f"{device}/depth", index)
            write_png(folder / "kinect_depth" / device / f"{index:06d}.png", depth)
            write_png(folder / "kinect_mask" / device / f"{index:06d}.png", np.zeros(rgb.shape[:2], np.uint8))
    (folder / "smpl_params").mkdir()
    np.savez(folder / "smpl_params" / "000000.npz", betas=np.zeros(10))
    write_humman_cameras(folder / "cameras.json", placed_cameras(session), first_camera_world(session), direction)
    return folder


def write_video(path: Path, frames, rate: int = 30) -> None:
    """H.264 of high quality."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = None
        for rgb in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"crf": "12", "preset": "ultrafast"})
                stream.width, stream.height, stream.pix_fmt = rgb.shape[1], rgb.shape[0], "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
        container.mux(stream.encode())


def write_point(session: Session, folder: Path, base: int = 0, shift: int = 0, scale: float = 0.5) -> Path:
    """HuMMan-Point: videos, depth files from `base` on, video frame n + shift showing what depth n saw; a background.

    Colour is made `scale` as large, to keep tests fast.
    """
    cameras = placed_cameras(session)
    for device in kinects(session):
        count = session.stream(f"{device}/depth").frames
        camera = cameras[f"{device}/color"]
        size = (round(camera.width * scale), round(camera.height * scale))
        cameras[f"{device}/color"] = camera.resized(*size)
        pictures = [
            cv2.resize(session.frame(f"{device}/color", min(max(n - shift, 0), count - 1)).payload, size)
            for n in range(count)
        ]
        write_video(folder / "kinect_color" / f"{device}.mp4", pictures)
        for index in range(count):
            depth = depth_mm(session, f"{device}/depth", index)
            write_png(folder / "kinect_depth" / device / f"{index + base:06d}.png", depth)
        stem = device.replace("kinect_", "kinect_color_")
        (folder / "background").mkdir(exist_ok=True)
        (folder / "background" / f"{stem}.jpg").write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pictures[0])))
        write_png(
            folder / "background" / f"{stem.replace('color', 'depth')}.png", depth_mm(session, f"{device}/depth", 0)
        )
    if "iphone_000/color" in session.streams:
        count = session.stream("iphone_000/depth").frames
        phone = session.recorded_camera_file().cameras["iphone_000/color"]
        size = (480, 360)
        pictures = [cv2.resize(session.frame("iphone_000/color", n).payload, size) for n in range(count)]
        write_video(folder / "iphone_color" / "iphone.mp4", pictures, 60)
        for n in range(count):
            write_png(folder / "iphone_depth" / "iphone" / f"{n:06d}.png", depth_mm(session, "iphone_000/depth", n))
        cameras["iphone/color"] = phone.resized(*size)
    np.savez(folder / "smpl_params.npz", betas=np.zeros((2, 10)))
    write_humman_cameras(folder / "cameras.json", cameras, first_camera_world(session))
    return folder


def k4a_vector(camera) -> np.ndarray:
    """cx cy fx fy k1..k6 codx cody p2 p1 metric_radius."""
    K, d = camera.K, camera.distortion
    radius = camera.metric_radius if np.isfinite(camera.metric_radius) else 0
    return np.array([K[0, 2], K[1, 2], K[0, 0], K[1, 1], d[0], d[1], *d[4:8], 0, 0, d[3], d[2], radius], np.float32)


def write_smc(session: Session, path: Path, raw_color: bool = False, phone: bool = False, invert=False) -> Path:
    """HuMMan's SMC; `raw_color` stores pixels instead of encoded bytes."""
    cameras, names = placed_cameras(session), kinects(session)
    T_source_world = first_camera_world(session)
    with h5py.File(path, "w") as file:
        file.attrs["actor_id"], file.attrs["action_id"] = 455, 986
        file.attrs["datetime_str"] = "2021-06-01-10-11-12"
        kinect = file.create_group("Kinect")
        kinect.attrs["num_frame"] = np.uint32(session.stream(f"{names[0]}/depth").frames)
        kinect.attrs["num_device"] = np.uint8(len(names))
        poses = {}
        for n, device in enumerate(names):
            for k, kind in enumerate(("color", "depth")):
                camera = cameras[f"{device}/{kind}"]
                T = T_source_world @ camera.T_world_camera
                T = np.linalg.inv(T) if invert else T
                poses[str(2 * n + k)] = {"R": T[:3, :3].ravel().tolist(), "T": T[:3, 3].tolist()}
                place = f"Kinect/{n}/Calibration/{kind.capitalize()}"
                file[f"{place}/Intrinsics"] = k4a_vector(camera)
                file[f"{place}/Resolution"] = np.array([camera.width, camera.height], np.uint16)
                file[f"{place}/MetricRadius"] = np.float32(k4a_vector(camera)[14])
            for index in range(session.stream(f"{device}/depth").frames):
                jpeg = np.frombuffer(raw(session, f"{device}/color", index), np.uint8)
                color = session.frame(f"{device}/color", index).payload if raw_color else jpeg
                file[f"Kinect/{n}/Color/{index}"] = color
                depth = depth_mm(session, f"{device}/depth", index)
                file[f"Kinect/{n}/Depth/{index}"] = depth
                file[f"Kinect/{n}/IR/{index}"] = depth // 2
                file[f"Kinect/{n}/Mask/{index}"] = (depth > 2000).astype(np.uint8)
            file[f"Kinect/{n}/Background/Color"] = np.frombuffer(raw(session, f"{device}/color", 0), np.uint8)
            file[f"Kinect/{n}/Background/Depth"] = depth_mm(session, f"{device}/depth", 0)
        if phone:
            _write_smc_phone(session, file, poses, T_source_world)
        file["Extrinsics"] = json.dumps(poses)
        file["SMPL/betas"], file["SMPL/transl"] = np.zeros((1, 10)), np.zeros((2, 3))
    return path


def _write_smc_phone(session, file, poses, T_source_world) -> None:
    camera = session.recorded_camera_file().cameras["iphone_000/color"]
    T = T_source_world @ camera.T_world_camera
    poses["iPhone"] = {"R": T[:3, :3].tolist(), "T": T[:3, 3].tolist()}
    count = 3
    file.create_group("iPhone").attrs["num_frame"] = np.int32(count)
    file["iPhone"].attrs["color_resolution"] = np.array([camera.width, camera.height], np.int32)
    for n in range(count):
        file[f"iPhone/0/Color/{n}"] = np.frombuffer(raw(session, "iphone_000/color", n), np.uint8)
        file[f"iPhone/0/Depth/{n}"] = depth_mm(session, "iphone_000/depth", n)
        file[f"iPhone/0/Confidence/{n}"] = np.full((192, 256), n, np.uint8)
        message = {"cameraIntrinsics": camera.K.T.tolist(), "timestamp": 100.0 + n / 60}
        file[f"iPhone/0/CameraInfo/{n}"] = json.dumps(message)
