"""Writes a session in the layouts of others: small recordings with which the importers are tested."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import av
import cv2
import h5py
import numpy as np
import simplejpeg
from scipy.spatial.transform import Rotation

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


def write_rgbd(session: Session, folder: Path, form: str = "by camera", scale: int = 1) -> list[str]:
    """Numbered depth and colour images; `form` is `by camera`, `by kind` or `videos`. Depth times `scale`."""
    names = kinects(session)
    for device in names:
        colors = []
        for index in range(session.stream(f"{device}/depth").frames):
            by_kind = form == "by kind"
            depth_place = folder / "depth" / device if by_kind else folder / device / "depth"
            depth = depth_mm(session, f"{device}/depth", index) * np.uint16(scale)
            write_png(depth_place / f"{index:06d}.png", depth)
            colors.append(session.frame(f"{device}/color", index).payload)
            if form != "videos":
                (path := folder / "color" / device if by_kind else folder / device / "color").mkdir(
                    parents=True, exist_ok=True
                )
                (path / f"frame_{index:06d}.jpg").write_bytes(raw(session, f"{device}/color", index))
        if form == "videos":
            write_video(folder / device / "color.mp4", colors)
    return names


def write_open3d(path: Path, cameras) -> None:
    """A PinholeCameraTrajectory by Open3D itself."""
    import open3d as o3d

    trajectory = o3d.camera.PinholeCameraTrajectory()
    listed = []
    for camera in cameras:
        entry = o3d.camera.PinholeCameraParameters()
        K = camera.K
        lens = (K[0, 0], K[1, 1], K[0, 2], K[1, 2])
        entry.intrinsic = o3d.camera.PinholeCameraIntrinsic(camera.width, camera.height, *lens)
        entry.extrinsic = camera.T_camera_world
        listed.append(entry)
    trajectory.parameters = listed
    assert o3d.io.write_pinhole_camera_trajectory(str(path), trajectory)


def write_colmap(folder: Path, cameras: dict, binary: bool = False) -> None:
    """A model with a FULL_OPENCV camera and one image for each of `cameras` (by image name); no points."""
    folder.mkdir(parents=True, exist_ok=True)
    lenses, images = [], []
    for n, (name, camera) in enumerate(cameras.items(), 1):
        K, d = camera.K, camera.distortion
        parameters = [K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5, *d]
        T = camera.T_camera_world
        x, y, z, w = Rotation.from_matrix(T[:3, :3]).as_quat()
        lenses.append((n, camera.width, camera.height, parameters))
        images.append((n, (w, x, y, z, *T[:3, 3]), name))
    if binary:
        data = struct.pack("<Q", len(lenses))
        for n, width, height, p in lenses:
            data += struct.pack("<iiQQ12d", n, 6, width, height, *p)
        (folder / "cameras.bin").write_bytes(data)
        data = struct.pack("<Q", len(images))
        for n, pose, name in images:
            data += struct.pack("<I7di", n, *pose, n) + name.encode() + b"\0" + struct.pack("<Q", 1)
            data += struct.pack("<ddq", 1.0, 2.0, -1)
        (folder / "images.bin").write_bytes(data)
        return
    lines = [f"{n} FULL_OPENCV {w} {h} {' '.join(map(repr, map(float, p)))}" for n, w, h, p in lenses]
    (folder / "cameras.txt").write_text("# Camera list\n" + "\n".join(lines) + "\n")
    lines = [f"{n} {' '.join(map(repr, map(float, pose)))} {n} {name}\n" for n, pose, name in images]
    (folder / "images.txt").write_text("# Image list\n" + "\n".join(lines))


def write_dna(session: Session, folder: Path, invert: bool = False) -> Path:
    """DNA-Rendering: images in one file, Kinects in another, cameras in a third."""
    folder.mkdir(parents=True, exist_ok=True)
    main, annots, kinect = (folder / f"0007_01{part}.smc" for part in ("", "_annots", "_kinect"))
    cameras = placed_cameras(session)
    with h5py.File(main, "w") as file, h5py.File(annots, "w") as notes, h5py.File(kinect, "w") as depths:
        for name in ("actor_id", "performance_id", "age", "gender", "height", "weight"):
            file.attrs[name] = {"actor_id": "0007", "performance_id": "01", "gender": "female"}.get(name, 30)
        for n, device in enumerate(kinects(session)):
            for kind in ("color", "depth"):
                camera = cameras[f"{device}/{kind}"]
                T = camera.T_camera_world if invert else camera.T_world_camera
                target, group = (notes, "Camera_Parameter") if kind == "color" else (depths, "Calibration/Kinect")
                place = f"{group}/{n:02d}"
                target[f"{place}/D"], target[f"{place}/K"], target[f"{place}/RT"] = camera.distortion[:5], camera.K, T
                target[f"{place}/Color_Calibration"] = np.eye(3)
            for index in range(session.stream(f"{device}/depth").frames):
                jpeg = np.frombuffer(raw(session, f"{device}/color", index), np.uint8)
                file[f"Camera_5mp/{n}/color/{index}"] = jpeg
                depth = depth_mm(session, f"{device}/depth", index)
                depths[f"Kinect/{n}/depth/{index}"] = depth
                mask = cv2.imencode(".png", (depth > 2000).astype(np.uint8) * 255)[1]
                notes[f"Mask/{n}/mask/{index}"] = mask
        notes["SMPLx/transl"] = np.ones((2, 3))
    return main
