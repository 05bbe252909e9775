"""HuMMan: the folder layout of the HuMMan-Recon release v1.0, whose world is the first colour camera.

Layout and units after the release's own description (github.com/caizhongang/humman_toolbox). Its cameras.json has no
place for lens distortion, so all images are written undistorted, to a pinhole with the camera's own K.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from calibration.rig import device_of
from capture.frame_sets import Instant
from geometry.depth import encode_depth_mm
from geometry.mesh import TriangleMesh
from geometry.mesh_files import write_material, write_obj
from geometry.rigid import transform
from humanrig.errors import HumanrigError
from humanrig.export.humman_body import TenBetas, humman_body
from humanrig.export.person import body_rows, mesh_instants, textured_meshes
from humanrig.export.pinhole import PinholeImages
from humanrig.results import Results
from registration.masks.files import mask_path, read_mask


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes images, masks, cameras.json, smpl_params/ and textured_meshes/; returns lines for source.txt.

    Raises HumanrigError when no device has colour and depth, when a stage has not run, and when ten betas cannot hold
    the body's shape.
    """
    rig = _Rig(results)
    frames = list(textured_meshes(results))
    rows = body_rows(results, mesh_instants(results))
    body = humman_body(results.model, results.parameters[rows], rig.T_first_world)
    rig.write_cameras(folder / "cameras.json")
    write_parameters(folder / "smpl_params", results.body["instants"][rows].tolist(), body.parameters)
    total = len(frames) * (len(rig.devices) + 1)
    missing = []
    for n, device in enumerate(rig.devices):
        done = n * len(frames)
        missing += rig.write_images(folder, n, device, lambda i, done=done: on_progress(done + i, total))
    (folder / "textured_meshes").mkdir()
    for done, (instant, mesh, picture) in enumerate(frames, 1):
        moved = replace(mesh, vertices=transform(rig.T_first_world, mesh.vertices.astype(np.float64)))
        _write_mesh(folder / "textured_meshes" / f"{instant:06d}.obj", moved, picture)
        on_progress(len(rig.devices) * len(frames) + done, total)
    return [*rig.about(), _about_shape(body), *_about_missing(missing)]


class _Rig:
    """The devices with colour and depth, numbered as HuMMan numbers them, and their images."""

    def __init__(self, results: Results) -> None:
        session = results.session
        self.session, self.cameras, self.number = session, session.cameras(), results.number
        both = [device_of(s) for s in session.of_kind("color") if s in self.cameras]
        self.devices = sorted(d for d in both if f"{d}/depth" in session.streams and f"{d}/depth" in self.cameras)
        if not self.devices:
            raise HumanrigError(
                f"{session.folder}: HuMMan's layout needs devices with colour and depth, this session has none; "
                "use the formats glb, obj, ply or amass"
            )
        self.left_out = sorted({stream.device for stream in session.info.streams} - set(self.devices))
        wanted = set(mesh_instants(results))
        self.instants: list[Instant] = [i for i in session.instants() if i.instant in wanted]
        self.T_first_world = self.cameras[f"{self.devices[0]}/color"].T_camera_world

    def write_cameras(self, path: Path) -> None:
        """World to camera: x_camera = R x_world + T, metres."""
        content = {}
        for n, device in enumerate(self.devices):
            for kind in ("color", "depth"):
                camera = self.cameras[f"{device}/{kind}"]
                T = camera.T_camera_world @ np.linalg.inv(self.T_first_world)
                content[f"kinect_{kind}_{n:03d}"] = {
                    "K": camera.K.tolist(),
                    "R": T[:3, :3].tolist(),
                    "T": T[:3, 3].tolist(),
                }
        path.write_text(json.dumps(content, indent=1), "utf-8")

    def write_images(self, folder: Path, n: int, device: str, on_done: Callable[[int], None]) -> list[str]:
        """Colour, depth and mask of each instant; returns the files that are missing because there was no frame."""
        color, depth = f"{device}/color", f"{device}/depth"
        pinhole = {stream: PinholeImages(self.cameras[stream]) for stream in (color, depth)}
        places = {kind: folder / f"kinect_{kind}" / f"kinect_{n:03d}" for kind in ("color", "depth", "mask")}
        for place in places.values():
            place.mkdir(parents=True)
        missing = []
        for done, instant in enumerate(self.instants, 1):
            images = {}
            if instant.has(color):
                rgb = self.session.frame(color, instant.index[color]).payload
                images["color"] = cv2.cvtColor(pinhole[color].color(rgb), cv2.COLOR_RGB2BGR)
            if instant.has(depth):
                depth_m = self.session.frame(depth, instant.index[depth]).payload
                images["depth"] = pinhole[depth].nearest(encode_depth_mm(depth_m))
            mask = self._mask(color, instant.instant)
            if mask is not None:
                images["mask"] = pinhole[color].nearest(mask)
            for kind, place in places.items():
                path = place / f"{instant.instant:06d}.png"
                if kind not in images:
                    missing.append(path.relative_to(folder).as_posix())
                elif not cv2.imwrite(str(path), images[kind]):
                    raise HumanrigError(f"{path} could not be written; is the disk full?")
            on_done(done)
        return missing

    def about(self) -> list[str]:
        """Lines for source.txt."""
        names = ", ".join(f"kinect_{n:03d} = {device}" for n, device in enumerate(self.devices))
        left_out = f"; left out, for want of colour or depth: {', '.join(self.left_out)}" if self.left_out else ""
        return [
            f"layout of HuMMan-Recon v1.0; {names}{left_out}",
            "world: the frame of kinect_color_000 (x right, y down, z forward), metres",
            "cameras.json: x_camera = R x_world + T, world to camera, metres; K in pixels, pixel centres at integers",
            "images are undistorted to a pinhole with the K of cameras.json; 0 where the lens did not see",
            "kinect_depth: uint16 millimetres along the optical axis, 0 for missing, in the depth camera's pixels; "
            "kinect_mask: 255 on the person, in the colour camera's pixels",
        ]

    def _mask(self, stream: str, instant: int) -> np.ndarray | None:
        folder = self.session.path("masks")
        if not folder.is_dir():
            raise HumanrigError(f"{folder} is missing; run: humanrig reconstruct {self.session.folder} --from masks")
        path = mask_path(folder, stream, instant)
        return 255 * read_mask(path, self.number).astype(np.uint8) if path.is_file() else None


def write_parameters(folder: Path, instants: list[int], parameters: BodyParameters) -> None:
    """One NNNNNN.npz for each instant, in a folder that is made where it is not there."""
    folder.mkdir(exist_ok=True)
    values: dict[str, Float[np.ndarray, "frames _"]] = {
        "body_pose": parameters.body_pose,
        "global_orient": parameters.global_orient,
        "transl": parameters.transl,
    }
    for row, instant in enumerate(instants):
        arrays = {name: value[row].astype(np.float32) for name, value in values.items()}
        np.savez(folder / f"{instant:06d}.npz", betas=parameters.betas.astype(np.float32), **arrays)


def _write_mesh(path: Path, mesh: TriangleMesh, picture: Path) -> None:
    image = cv2.imdecode(np.frombuffer(picture.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise HumanrigError(f"{picture} is damaged; run the stage texture again")
    material = path.with_suffix(".mtl")
    write_material(material, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), f"{path.stem}_0.png")
    write_obj(path, replace(mesh, vertices=mesh.vertices.astype(np.float32)), material=material.name)


def _about_shape(body: TenBetas) -> str:
    return (
        "smpl_params: betas (10,), body_pose (69,), global_orient (3,), transl (3,) of the body model named above, not "
        f"of SMPL unless that is SMPL; ten betas hold the fitted shape to {body.mean_mm:.2f} mm in the mean"
    )


def _about_missing(missing: list[str]) -> list[str]:
    return [f"not written, for want of a frame or mask: {' '.join(missing)}"] if missing else []
