"""HuMMan: the folder layout of the HuMMan-Recon release v1.0, whose world is the first colour camera."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from geometry.mesh_files import write_material, write_obj
from geometry.rigid import transform
from humanrig.errors import HumanrigError
from humanrig.export.humman_body import TenBetas, humman_body
from humanrig.export.humman_rig import HummanRig, about_missing, write_images
from humanrig.export.person import body_rows, mesh_at, mesh_instants
from humanrig.export.surface_pictures import SurfacePictures
from humanrig.results import Results

SIZES = {"betas": 10, "body_pose": 69, "global_orient": 3, "transl": 3}
"""Numbers of each parameter."""


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes images, masks, cameras.json, smpl_params/ and textured_meshes/; returns lines for source.txt.

    Raises HumanrigError when no device has colour and depth, when a stage has not run, and when ten betas cannot hold
    the body's shape.
    """
    rig = HummanRig(results)
    instants, pictures = mesh_instants(results), SurfacePictures(results)
    worn = {instant: pictures.of_instant(instant) for instant in instants}
    rows = body_rows(results, instants)
    body = humman_body(results.model, results.parameters[rows], rig.T_first_world)
    rig.write_cameras(folder / "cameras.json")
    write_parameters(folder / "smpl_params", results.body["instants"][rows].tolist(), body.parameters)
    numbered = [(i.instant, i) for i in results.session.instants() if i.instant in worn]
    devices, missing = len(rig.rgbd.devices), []
    total = devices * 3 + len(instants)
    for n in range(devices):
        for kind, image in (
            ("color", partial(rig.color, n)),
            ("depth", partial(rig.depth, n)),
            ("mask", partial(rig.mask, rig.rgbd.color(n))),
        ):
            missing += write_images(folder / f"kinect_{kind}" / f"kinect_{n:03d}", numbered, image, folder)
            on_progress(3 * n + ("color", "depth", "mask").index(kind) + 1, total)
    rig.require_images()
    (folder / "textured_meshes").mkdir()
    materials = _Materials()
    for done, (instant, picture) in enumerate(worn.items(), 1):
        mesh = mesh_at(results, instant)
        vertices = transform(rig.T_first_world, mesh.vertices.astype(np.float64)).astype(np.float32)
        path = folder / "textured_meshes" / f"{instant:06d}.obj"
        if picture is not None:
            materials.write(path.with_suffix(".mtl"), picture)
        write_obj(path, replace(mesh, vertices=vertices), material=None if picture is None else f"{path.stem}.mtl")
        on_progress(3 * devices + done, total)
    return [
        "layout of HuMMan-Recon v1.0",
        *rig.about(),
        "kinect_mask: 255 on the person, in the colour camera's pixels",
        *([f"left out, the layout has no place for phones: {', '.join(rig.rgbd.phones)}"] if rig.rgbd.phones else []),
        about_shape("smpl_params", body),
        *pictures.about([f"{instant:06d}" for instant, picture in worn.items() if picture is None]),
        *about_missing(missing, rig.damaged),
    ]


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


class _Materials:
    """STEM.mtl and STEM_0.png of each mesh; a picture that many meshes wear is decoded and packed once."""

    def __init__(self) -> None:
        self._last: tuple[Path, Path] | None = None

    def write(self, material: Path, picture: Path) -> None:
        """Writes both. Raises HumanrigError when the picture is damaged."""
        image = f"{material.stem}_0.png"
        if self._last is not None and self._last[0] == picture:
            before = self._last[1]
            shutil.copyfile(before.with_name(f"{before.stem}_0.png"), material.with_name(image))
            material.write_text(before.read_text("utf-8").replace(f"{before.stem}_0.png", image), "utf-8")
            return
        bgr = cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_COLOR)
        if bgr is None:
            raise HumanrigError(f"{picture} is damaged; run the stage texture again")
        write_material(material, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), image)
        self._last = picture, material


def about_shape(name: str, body: TenBetas, frames: str = "") -> str:
    """A line for source.txt about the parameters; `frames`: the first axis of their arrays, such as `n, `."""
    of_one = "" if frames else ","
    shapes = ((name, f"({frames}{size}{of_one})") for name, size in SIZES.items())
    return (
        f"{name}: {', '.join(f'{key} {shape}' for key, shape in shapes)} of the body model named above, not of SMPL "
        f"unless that is SMPL; ten betas hold the fitted shape to {body.mean_mm:.2f} mm in the mean"
    )
