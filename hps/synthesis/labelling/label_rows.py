"""Rows of the labels' table: who somebody is, the body in the world, and the same in a camera's frame."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from geometry.rigid import inverse, transform
from hps.synthesis.labelling.actor_labels import ActorLabels, seen_from
from hps.synthesis.staging.staged import StagedScene

Columns = dict[str, Any]


def key_columns(staged: StagedScene, key: str, frame: int, camera: int) -> Columns:
    """KEY_FIELDS of a sample."""
    row = staged.spec.row
    return {"key": key, "split": row.split, "scene": row.scene, "frame": frame, "camera": camera}


def person_columns(staged: StagedScene, actor: int, frame: int, labels: ActorLabels) -> Columns:
    """PERSON_FIELDS of one actor at one instant; `labels` are the actor's (label_actor)."""
    person, row = staged.spec.people[actor], staged.spec.actors[actor]
    body = labels.parameters
    return {
        "actor": actor,
        "person": person.person,
        "subject": person.subject,
        "sex": person.sex,
        "age_years": person.age_years,
        "height_m": person.height_m,
        "mass_kg": person.mass_kg,
        "wardrobe": person.wardrobe,
        "motion": row.motion,
        "exact": staged.exact[actor],
        "label_gap_mm": float(labels.gap_mm[frame]),
        "betas": flat(body.betas),
        "child": float(body.child),
        "body_pose": flat(body.body_pose[frame]),
        "global_orient_world": flat(body.global_orient[frame]),
        "transl_world": flat(body.transl[frame]),
        "joints_world": flat(labels.joints[frame]),
        "coco_world": flat(labels.coco[frame]),
    }


def camera_columns(labels: ActorLabels, frame: int, T_world_camera: Float[np.ndarray, "4 4"]) -> Columns:
    """CAMERA_FIELDS of the same. The identity stands for the world as a frame, as of clouds of several cameras."""
    T_world_camera = np.ascontiguousarray(T_world_camera, np.float64)
    T_camera_world, body = _seen_at_all_frames(labels, T_world_camera.tobytes())
    return {
        "global_orient_camera": flat(body.global_orient[frame]),
        "transl_camera": flat(body.transl[frame]),
        "joints_camera": flat(transform(T_camera_world, labels.joints[frame])),
        "coco_camera": flat(transform(T_camera_world, labels.coco[frame])),
        "T_world_camera": flat(T_world_camera),
    }


@lru_cache(maxsize=512)
def _seen_at_all_frames(labels: ActorLabels, T_world_camera: bytes) -> tuple[np.ndarray, BodyParameters]:
    """T_camera_world, and the body from there: SciPy turns all frames in the time of one (0.5 ms)."""
    T_camera_world = inverse(np.frombuffer(T_world_camera).reshape(4, 4))
    return T_camera_world, seen_from(labels.parameters, labels.p_pelvis, T_camera_world)


def flat(values: np.ndarray) -> list[Any]:
    """Numbers row by row, as pyarrow takes them."""
    return np.asarray(values).ravel().tolist()
