"""HuMMan: the folder layout of the HuMMan-Recon release v1.0, whose world is the first colour camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from geometry.mesh import TriangleMesh
from geometry.mesh_files import write_material, write_obj
from geometry.rigid import transform
from humanrig.errors import HumanrigError
from humanrig.export.humman_body import TenBetas, humman_body
from humanrig.export.humman_rig import HummanRig, about_missing, write_images
from humanrig.export.person import body_rows, mesh_instants, textured_meshes
from humanrig.results import Results

SIZES = {"betas": 10, "body_pose": 69, "global_orient": 3, "transl": 3}
"""Numbers of each parameter."""


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes images, masks, cameras.json, smpl_params/ and textured_meshes/; returns lines for source.txt.

    Raises HumanrigError when no device has colour and depth, when a stage has not run, and when ten betas cannot hold
    the body's shape.
    """
    rig = HummanRig(results)
    frames = list(textured_meshes(results))
    rows = body_rows(results, mesh_instants(results))
    body = humman_body(results.model, results.parameters[rows], rig.T_first_world)
    rig.write_cameras(folder / "cameras.json")
    write_parameters(folder / "smpl_params", results.body["instants"][rows].tolist(), body.parameters)
    wanted = set(mesh_instants(results))
    numbered = [(i.instant, i) for i in results.session.instants() if i.instant in wanted]
    devices, missing = len(rig.rgbd.devices), []
    total = devices * 3 + len(frames)
    for n in range(devices):
        for kind, image in (
            ("color", partial(rig.color, n)),
            ("depth", partial(rig.depth, n)),
            ("mask", partial(rig.mask, rig.rgbd.color(n))),
        ):
            missing += write_images(folder / f"kinect_{kind}" / f"kinect_{n:03d}", numbered, image, folder)
            on_progress(3 * n + ("color", "depth", "mask").index(kind) + 1, total)
    (folder / "textured_meshes").mkdir()
    for done, (instant, mesh, picture) in enumerate(frames, 1):
        moved = replace(mesh, vertices=transform(rig.T_first_world, mesh.vertices.astype(np.float64)))
        _write_mesh(folder / "textured_meshes" / f"{instant:06d}.obj", moved, picture)
        on_progress(3 * devices + done, total)
    return [
        "layout of HuMMan-Recon v1.0",
        *rig.about(),
        "kinect_mask: 255 on the person, in the colour camera's pixels",
        about_shape("smpl_params", body),
        *about_missing(missing),
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


def _write_mesh(path: Path, mesh: TriangleMesh, picture: Path) -> None:
    image = cv2.imdecode(np.frombuffer(picture.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise HumanrigError(f"{picture} is damaged; run the stage texture again")
    material = path.with_suffix(".mtl")
    write_material(material, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), f"{path.stem}_0.png")
    write_obj(path, replace(mesh, vertices=mesh.vertices.astype(np.float32)), material=material.name)


def about_shape(name: str, body: TenBetas, frames: str = "") -> str:
    """A line for source.txt about the parameters; `frames`: the first axis of their arrays, such as `n, `."""
    of_one = "" if frames else ","
    shapes = ((name, f"({frames}{size}{of_one})") for name, size in SIZES.items())
    return (
        f"{name}: {', '.join(f'{key} {shape}' for key, shape in shapes)} of the body model named above, not of SMPL "
        f"unless that is SMPL; ten betas hold the fitted shape to {body.mean_mm:.2f} mm in the mean"
    )
