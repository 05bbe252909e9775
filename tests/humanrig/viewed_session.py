"""A session of three instants with results of every stage that a viewer shows, written by hand: a body that walks."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from small_rig import PERIOD_US, small_session

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.frame_sets import Instant, write_instants
from capture.session import Session
from texture.files.mesh_sequence import Segment, write_index, write_segment

INSTANTS = 3
OUT_M = 0.010
"""The points of the cloud are so far outside the body."""
JOINT_SIGMA_M = 0.006
KEYPOINTS = 5
ALL = ("sync", "calibration", "clouds", "keypoints", "body", "mesh", "texture", "truth")


def viewed_session(folder: Path, *, results: tuple[str, ...] = ALL, aside_m: float = 0.0) -> Session:
    """`results` are the folders that there are; the body stands `aside_m` further along x than the truth's.

    A copy of one that is built once for all tests.
    """
    whole, lacking = _built(aside_m), set(ALL) - set(results)
    shutil.copytree(
        whole, folder, dirs_exist_ok=True, ignore=lambda place, names: lacking if Path(place) == whole else ()
    )
    return Session.open(folder)


@cache
def _built(aside_m: float) -> Path:
    parent = Path(tempfile.mkdtemp(prefix="viewed-session-"))
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    session = Session.open(small_session(parent / "take", frames=INSTANTS))
    _sync(session)
    session.path("calibration").mkdir()
    shutil.copy(session.path("recording", "cameras.json"), session.path("calibration", "cameras.json"))
    model = load_body_model()
    fitted, true = walking(aside_m), walking(0.0)
    posed = model.pose(fitted)
    _clouds(session, posed.vertices, model.faces)
    p = posed.joints[:, :KEYPOINTS].copy()
    p[1, 0] = np.nan
    _save(session, "keypoints", instants=np.arange(INSTANTS), p_world=p, sigma=np.full(p.shape[:2], 0.004))
    _save(session, "body", **_arrays(fitted, model, posed.joints), joint_sigma=np.full((INSTANTS, 24), JOINT_SIGMA_M))
    _mesh(session, posed.vertices, model)
    for name in ("segment_000", "000001"):
        path = session.path("texture", "person00", f"{name}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(np.full((64, 64, 3), 90 if name == "000001" else 200, np.uint8)))
    _save(session, "truth/body", **_arrays(true, model, model.pose(true).joints))
    session.path("truth", "scene.json").write_text(json.dumps({"frames": INSTANTS, "things": {}}))
    shutil.copy(session.path("recording", "cameras.json"), session.path("truth", "cameras.json"))
    return session.folder


def walking(aside_m: float) -> BodyParameters:
    """Upright, 10 cm further at every instant."""
    transl = np.array([[aside_m, 0.1 * k, 0.95] for k in range(INSTANTS)])
    return BodyParameters(
        betas=np.zeros(10),
        global_orient=np.tile([np.pi / 2, 0.0, 0.0], (INSTANTS, 1)),
        body_pose=np.zeros((INSTANTS, 69)),
        transl=transl,
    )


def _arrays(parameters: BodyParameters, model, joints: np.ndarray) -> dict[str, Any]:
    return {
        "format": np.array(2),
        "betas": parameters.betas,
        "child": np.zeros(()),
        "global_orient": parameters.global_orient,
        "body_pose": parameters.body_pose,
        "transl": parameters.transl,
        "joints": joints,
        "instants": np.arange(INSTANTS),
        "time_us": np.arange(INSTANTS) * PERIOD_US,
        "keypoint_px": np.full(INSTANTS, 2.0),
        "surface_mm": np.full(INSTANTS, np.nan),
        "flags": np.array(["", "<b>few</b> cameras", ""]),
        "model": np.array(model.name),
        "model_sha256": np.array(model.sha256),
    }


def _save(session: Session, folder: str, **arrays: Any) -> None:
    path = session.path(folder, "person00.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def _sync(session: Session) -> None:
    streams = [name for name in session.streams if not name.endswith("imu")]
    session.path("sync").mkdir()
    instants = [
        Instant(
            instant=k,
            time_us=k * PERIOD_US,
            index={name: -1 if (k, name) == (2, "kinect_001/color") else k for name in streams},
            offset_us=dict.fromkeys(streams, 0),
        )
        for k in range(INSTANTS)
    ]
    write_instants(session.path("sync", "frames.parquet"), instants)


def _clouds(session: Session, vertices: np.ndarray, faces: np.ndarray) -> None:
    session.path("clouds").mkdir()
    for k, surface in enumerate(vertices):
        a, b, c = (surface[faces[:, i]] for i in range(3))
        normals = np.cross(b - a, c - a)
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        count = len(faces)
        np.savez(
            session.path("clouds", f"{k:06d}.npz"),
            points=((a + b + c) / 3 + OUT_M * normals).astype(np.float32),
            normals=normals.astype(np.float32),
            colors=np.full((count, 3), 77, np.uint8),
            camera=(np.arange(count) % 2).astype(np.uint8),
            sigma=np.full(count, 0.002, np.float32),
            person=np.zeros(count, np.uint8),
        )


def _mesh(session: Session, vertices: np.ndarray, model) -> None:
    folder = session.path("mesh")
    uv = np.random.default_rng(0).uniform(size=(len(model.faces), 2))
    uv_faces = np.tile(np.arange(len(model.faces))[:, None], (1, 3))
    segment = Segment(
        instants=np.arange(2), vertices=vertices[:2].astype(np.float32), faces=model.faces, uv=uv, uv_faces=uv_faces
    )
    write_segment(folder, "person00", 0, segment)
    write_index(folder, "person00", [(0, 0, ""), (1, 0, "")])
