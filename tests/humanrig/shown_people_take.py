"""A tiny take with two people: the second was seen at the second instant only, and her fit says how sure it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_take import INSTANTS, build_take
from judged_take import sound_figures, write_stage

from capture.session import Session
from humanrig.pipeline import load_stage
from humanrig.trust.evidence import JUDGED
from registration.fit.parts import PART_NAMES
from registration.keypoints.sets import BLAZEPOSE_NAMES

SHARED = ("betas", "child", "model", "model_sha256", "landmark_names")
"""Arrays of a body that are of no instant."""
STREAMS = ("kinect_000/color", "kinect_001/color")


def shown_take(folder: Path) -> Session:
    """The take up to bodies, without manifests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        session = build_take(folder)
    with np.load(session.path("body", "person00.npz")) as data:
        arrays: dict[str, Any] = dict(data)
    none: dict[str, Any] = {
        "flags": np.array(["", ""]),
        "keypoint_px": np.array([3.0, 4.0]),
        "surface_mm": np.array([2.0, np.nan]),
        "landmark_names": np.array(BLAZEPOSE_NAMES),
        "landmarks": np.zeros((2, 33, 3)),
    }
    np.savez(session.path("body", "person00.npz"), **arrays, **none)
    late: dict[str, Any] = {n: v[1:] if n not in SHARED else v for n, v in {**arrays, **none}.items()}
    late["flags"], late["transl"] = np.array(["left arm: no points and no keypoints"]), late["transl"] + [0.4, 0.4, 0]
    parts: dict[str, Any] = {
        "part_names": np.array(PART_NAMES), "part_residual_mm": np.full((1, 10), 5.0),
        "part_coverage": np.r_[np.full(9, 0.8), np.nan][None], "joint_sigma": np.full((1, 24), 0.0042),
    }  # fmt: skip
    np.savez(session.path("body", "person01.npz"), **late, **parts)
    session.path("keypoints").mkdir()
    rng = np.random.default_rng(0)
    np.savez(
        session.path("keypoints", "person00.npz"),
        names=np.array(BLAZEPOSE_NAMES), streams=np.array(STREAMS), instants=np.array(INSTANTS),
        q=rng.uniform(5, 40, (2, 2, 33, 2)), used=np.ones((2, 2, 33), bool), p_world=np.zeros((2, 33, 3)),
        confidence=np.full((2, 2, 33), 0.9), reprojection_px=rng.uniform(1, 2, (2, 2, 33)),
    )  # fmt: skip
    shutil.copy(session.path("keypoints", "person00.npz"), session.path("keypoints", "person01.npz"))
    return session


def finish(session: Session) -> None:
    """Manifests with sound figures for every stage."""
    figures = sound_figures(session)
    for name in JUDGED:
        session.path(load_stage(name).folder).mkdir(exist_ok=True)
        read = {need: "" for need in load_stage(name).needs}
        write_stage(session, name, figures[name], inputs=read)
