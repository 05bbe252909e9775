"""Writes what was really there in a simulated take: `truth/` of a session, all but the images."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure
from capture.virtual.kinect_rendering import KinectRenderer
from capture.virtual.rig import VirtualDevice
from capture.virtual.scene import Scene
from capture.virtual.subject import Subject
from geometry.camera_files.cameras_json import write_cameras
from geometry.rays import RayScene

DISTANCE_FRAMES = 5
"""The distance from the drawn surface to the skin is measured in this many frames, evenly spread."""


def write_truth(
    folder: Path,
    config: SimulationConfig,
    rig: tuple[VirtualDevice, ...],
    scene: Scene,
    time_us: Int64[np.ndarray, "frames"],
) -> None:
    """Writes bodies, surfaces, things, cameras and the configuration; raises OSError when the disk is full."""
    truth = folder / "truth"
    for part in ("body", "surface", "things"):
        (truth / part).mkdir(parents=True, exist_ok=True)
    people: dict[str, Any] = {}
    for number, person in enumerate(scene.people):
        name = f"person{number:02d}"
        _write_body(truth / "body" / f"{name}.npz", person, time_us)
        _write_figure(truth / "surface" / name, person.figure, person.surface)
        people[name] = {
            "subject": person.name,
            **person.about,
            "distance_to_skin_mm": distance_to_skin_mm(person),
            "outfit": person.description,
        }
    for number, thing in enumerate(scene.things):
        stem = truth / "things" / f"thing{number:02d}"
        _write_figure(stem, thing.figure, thing.vertices)
        if thing.T_world_thing is not None:
            np.save(stem.with_name(f"{stem.name}_pose.npy"), thing.T_world_thing)
    write_cameras(truth / "cameras.json", [c for d in rig for c in (d.color, d.depth)], source="virtual rig, as placed")
    description = {
        "clean_depth": "truth/depth/STREAM/NNNNNN.png, uint16 tenths of a millimetre, 0 beyond 6.5535 m",
        "config": asdict(config),
        "frames": scene.frames,
        "people": people,
        "things": {f"thing{n:02d}": {"name": t.name, **t.description} for n, t in enumerate(scene.things)},
        "devices": {device.name: KinectRenderer(config, device, n).truth() for n, device in enumerate(rig)},
    }
    (truth / "scene.json").write_text(json.dumps(description, indent=1), "utf-8")


def distance_to_skin_mm(person: Subject) -> dict[str, float]:
    """Mean, median, 95th percentile and maximum of the drawn vertices' distances from the naked body, millimetres."""
    frames = np.unique(np.linspace(0, len(person.parameters) - 1, DISTANCE_FRAMES).round().astype(int))
    faces = person.body_faces
    distances = [RayScene(person.vertices[k], faces).closest(person.surface[k]).distance for k in frames]
    values = 1e3 * np.concatenate(distances)
    figures = {
        "mean": values.mean(),
        "median": np.median(values),
        "p95": np.percentile(values, 95),
        "max": values.max(),
    }
    return {name: round(float(value), 2) for name, value in figures.items()}


def _write_body(path: Path, person: Subject, time_us: np.ndarray) -> None:
    parameters = person.parameters
    arrays: dict[str, Any] = dict(
        betas=parameters.betas,
        child=parameters.child,
        global_orient=parameters.global_orient,
        body_pose=parameters.body_pose,
        transl=parameters.transl,
        joints=person.joints,
        instants=np.arange(len(parameters)),
        time_us=time_us,
        model=person.model,
        model_sha256=person.model_sha256,
        subject=person.name,
    )
    if person.rest_vertices is not None:
        arrays["rest_vertices"] = np.asarray(person.rest_vertices, np.float32)
        arrays["skinning"] = "dual quaternions"
    np.savez_compressed(path, **arrays)


def _write_figure(stem: Path, figure: Figure, vertices: np.ndarray) -> None:
    np.savez_compressed(
        stem.with_suffix(".npz"), faces=figure.faces, uv=figure.uv, uv_faces=figure.uv_faces, texture=figure.texture
    )
    np.save(stem.with_suffix(".npy"), np.asarray(vertices, np.float32))
