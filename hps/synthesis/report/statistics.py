"""What was sampled: distributions of people, poses and views, shares of kinds, and counts of flags."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.motion.mean_body import mean_body
from body.motion.skeleton import joint_transforms
from hps.synthesis.quality.flag_words import ACTOR_FLAGS, PICTURE_FLAGS, flag_name
from hps.synthesis.report.label_rows import read_labels
from hps.synthesis.report.quantities import distribution
from hps.synthesis.scenes.files import FOLDER, read_tables
from hps.synthesis.scenes.rows import SPLITS
from hps.synthesis.scenes.table import SceneTable

ADULT_YEARS: Final = 18.0
"""Body mass index says something of adults only."""
COLUMNS: Final = (
    "split", "scene", "frame", "camera", "actor", "body_pose", "global_orient_world", "joints_world", "T_world_camera",
    "box_whole", "pixels_visible", "occluded", "truncated", "coco_visible", "label_gap_mm", "actor_flags",
    "picture_flags",
)  # fmt: skip
Values = dict[str, np.ndarray]


def statistics(folder: Path) -> dict[str, Any]:
    """What the tables and the finished labels of a data set hold, fit for JSON.

    `distributions` by quantity (quantities.py), `shares` (sex, clothes, recipes, …: numbers by name), `splits`, and
    `flags` (numbers of labels by flag). Without finished labels, only what the tables tell. Raises HpsError for tables
    or labels that cannot be read.
    """
    table = read_tables(folder / FOLDER)
    labels = read_labels(folder, COLUMNS)
    values = {**of_people(table), **of_cameras(table)}
    found: dict[str, Any] = {"splits": _splits(table, labels), "shares": shares(table), "flags": {}}
    if labels:
        values |= {**of_poses(labels), **of_views(labels), **of_pictures(labels)}
        if "actor_flags" in labels:
            found["flags"] = flag_counts(labels)
    found["distributions"] = {name: distribution(name, v) for name, v in values.items()}
    return found


def write_statistics(path: Path, found: dict[str, Any]) -> None:
    """Writes the statistics as JSON."""
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def of_people(table: SceneTable) -> Values:
    """Age (NaN where a body has none), height, weight and, of adults, body mass index."""
    age = np.array([p.age_years if p.age_years > 0 else np.nan for p in table.people])
    height, mass = np.array([p.height_m for p in table.people]), np.array([p.mass_kg for p in table.people])
    bmi = mass / height**2
    return {"age_years": age, "height_m": height, "mass_kg": mass, "bmi": bmi[~(age < ADULT_YEARS)]}


def of_cameras(table: SceneTable) -> Values:
    """Height above the floor and horizontal field of view, of a camera's whole width."""
    fov = [2 * np.degrees(np.arctan(0.5 * c.width / c.fx)) for c in table.cameras]
    return {"camera_height_m": np.array([c.z_m for c in table.cameras]), "hfov_deg": np.array(fov)}


def shares(table: SceneTable) -> dict[str, dict[str, int]]:
    """How many there are of each kind, the most frequent first."""
    return {
        "sex": _counts(p.sex or "of the model" for p in table.people),
        "wardrobe": _counts(p.wardrobe or "drawn by sex" for p in table.people),
        "scene": _counts(s.kind for s in table.scenes),
        "motion": _counts(clip for a in table.actors for clip in a.motion.split("+")),
        "recipe": _counts(a.recipe for a in table.actors),
        "thing": _counts(t.kind for t in table.things),
        "sensor": _counts(c.sensor for c in table.cameras),
    }


def of_poses(labels: Values) -> Values:
    """How far poses are from the data's mean pose and from the T-pose, and the trunk from upright; each once.

    Distance: mean over SMPL's 24 joints, of the poses on the mean body with the pelvis unturned at the origin, so that
    neither size nor heading counts; millimetres.
    """
    once = _first_of(labels, ("scene", "frame", "actor"))
    pose = labels["body_pose"][once].astype(np.float64).reshape(-1, 23, 3)
    rest = mean_body().rest_joints()
    joints = joint_transforms(np.concatenate([np.zeros((len(pose), 1, 3)), pose], 1), rest)[1]
    trunk = labels["joints_world"][once].reshape(-1, 24, 3)
    up = trunk[:, 12] - trunk[:, 0]
    lean = np.degrees(np.arccos(np.clip(up[:, 2] / np.linalg.norm(up, axis=-1), -1, 1)))
    return {
        "pose_from_mean_mm": _apart_mm(joints, joints.mean(0)),
        "pose_from_rest_mm": _apart_mm(joints, rest - rest[0]),
        "lean_deg": lean,
    }


def _apart_mm(joints: Float[np.ndarray, "poses 24 3"], other: Float[np.ndarray, "24 3"]) -> Float[np.ndarray, "poses"]:
    return 1e3 * np.linalg.norm(joints - other, axis=-1).mean(-1)


def of_views(labels: Values) -> Values:
    """From where each label's body is seen.

    azimuth: the camera's direction seen from the pelvis, 0 in front of the person, 90 on the left. elevation: above the
    pelvis' horizontal. distance: camera to pelvis.
    """
    pelvis = labels["joints_world"].reshape(-1, 24, 3)[:, 0].astype(np.float64)
    towards = labels["T_world_camera"].reshape(-1, 4, 4)[:, :3, 3] - pelvis
    turn = Rotation.from_rotvec(labels["global_orient_world"].astype(np.float64))
    front = turn.apply([0.0, 0.0, 1.0])
    azimuth = np.arctan2(towards[:, 1], towards[:, 0]) - np.arctan2(front[:, 1], front[:, 0])
    distance = np.linalg.norm(towards, axis=-1)
    return {
        "azimuth_deg": np.degrees((azimuth + np.pi) % (2 * np.pi) - np.pi),
        "elevation_deg": np.degrees(np.arcsin(towards[:, 2] / distance)),
        "distance_m": distance,
    }


def of_pictures(labels: Values) -> Values:
    """How people are seen in pictures; what rows of clouds lack is left out."""
    found: Values = {}
    if "label_gap_mm" in labels:
        found["label_gap_mm"] = labels["label_gap_mm"]
    if "pixels_visible" not in labels:
        return found
    seen = labels["pixels_visible"] > 0
    size = labels["box_whole"][:, 2:].max(1)
    pictures = np.stack([labels[name].astype(str) for name in ("scene", "frame", "camera")])
    _, which = np.unique(pictures, axis=1, return_inverse=True)
    return {
        **found,
        "size_px": np.where(seen, size, np.nan),
        "occluded": 100 * labels["occluded"],
        "truncated": 100 * labels["truncated"],
        "keypoints_seen": np.where(seen, (labels["coco_visible"] == 2).sum(1), np.nan),
        "people_seen": np.bincount(which, seen).astype(np.float64),
    }


def flag_counts(labels: Values) -> dict[str, dict[str, Any]]:
    """Of each flag: what it says, how many labels have it, and their share. `none`: labels without any.

    Rows of clouds have no flags of pictures; these are left out.
    """
    rows = len(labels["scene"])
    names: Counter[str] = Counter()
    clean = np.ones(rows, bool)
    for column in ("actor_flags", "picture_flags"):
        for row, texts in enumerate(labels.get(column, ())):
            names.update({flag_name(text) for text in texts})
            clean[row] &= not len(texts)
    every = {**ACTOR_FLAGS, **PICTURE_FLAGS} if "picture_flags" in labels else ACTOR_FLAGS
    found = {name: {"says": says, "labels": names[name]} for name, says in every.items()}
    found["none"] = {"says": "nothing is wrong", "labels": int(clean.sum())}
    return {name: {**told, "share": round(told["labels"] / max(rows, 1), 4)} for name, told in found.items()}


def _splits(table: SceneTable, labels: Values) -> dict[str, dict[str, int]]:
    people = Counter(p.split for p in table.people)
    scenes = Counter(s.split for s in table.scenes)
    rows: Counter[str] = Counter(labels["split"].tolist() if labels else ())
    return {
        split: {"people": people[split], "scenes": scenes[split], "labels": rows[split]}
        for split in SPLITS
        if people[split] or scenes[split]
    }


def _first_of(labels: Values, names: tuple[str, ...]) -> np.ndarray:
    key = np.stack([labels[name].astype(str) for name in names])
    return np.sort(np.unique(key, axis=1, return_index=True)[1])


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
