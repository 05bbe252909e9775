"""The open body from Anny, step by step; the arrays have SMPL's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from body.joints import JOINT_COUNT, PARENTS
from open_body.anny_source import AnnySource, People
from open_body.correctives import Student, Teacher, learn_correctives
from open_body.keypoint_vertices import keypoint_vertices
from open_body.population import (
    ADULT_AGES,
    CHILD_AGES,
    FLIP,
    PELVIS,
    YOUNG_CHILD_AGES,
    draw,
    joints_from_skin,
    surface_weights,
    to_t_pose,
)
from open_body.regressor import fit_regressor, mirror_regressor
from open_body.shape_space import ShapeSpace, principal_shapes
from open_body.skin_surface import Surface, decimate, outer_skin
from open_body.training_poses import clip_poses, drawn_poses

ADULTS = 1200
CHILDREN = 200
REGRESSOR_PEOPLE = 250
REGRESSOR_CHILDREN = 100
DRAWN_POSES = 600
CLIP_POSES = 600
YOUNG_ADULT = {"age": torch.tensor([0.67])}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OpenBody:
    """Everything that the file and the report need."""

    source: AnnySource
    surface: Surface
    skin_joints: Float[np.ndarray, "24 skin"]
    weights: Float[np.ndarray, "vertices 24"]
    shape: ShapeSpace
    child_direction: Float[np.ndarray, "vertices 3"]
    regressor: Float[np.ndarray, "24 vertices"]
    posedirs: Float[np.ndarray, "vertices 3 207"]
    keypoints: dict[str, int]

    def arrays(self) -> dict[str, np.ndarray]:
        """The file's content; lengths are rounded to 1e-6 m (1e-7 for directions)."""
        parents = np.where(np.array(PARENTS) < 0, 2**32 - 1, np.array(PARENTS))
        assert self.surface.mirror is not None
        return {
            "v_template": np.round(self.shape.mean, 6).astype(np.float32),
            "shapedirs": np.round(self.shape.directions, 7).astype(np.float32),
            "child_direction": np.round(self.child_direction, 6).astype(np.float32),
            "posedirs": np.where(np.abs(self.posedirs) < 1e-4, 0, self.posedirs).astype(np.float16),
            "J_regressor": self.regressor.astype(np.float32),
            "weights": self.weights.astype(np.float32),
            "kintree_table": np.stack([parents, np.arange(JOINT_COUNT)]).astype(np.int64),
            "f": self.surface.faces.astype(np.uint32),
            "uv": np.round(self.surface.uv, 6).astype(np.float32),
            "ft": self.surface.uv_faces.astype(np.uint32),
            "mirror": self.surface.mirror.astype(np.int64),
            "beta_std": self.shape.deviations,
            "beta_ev": self.shape.explained,
            "vertex_id_names": np.array(list(self.keypoints)),
            "vertex_id_values": np.array(list(self.keypoints.values()), np.int64),
        }


def build_open_body(source: AnnySource, clips: Mapping[str, Path]) -> OpenBody:
    """The body, the same on every run: all randomness is seeded and everything runs on one thread."""
    skin_joints = joints_from_skin(source)
    skin = outer_skin(source)
    average = to_t_pose(source.rest(YOUNG_ADULT), source, skin_joints, skin).skins[0]
    surface = decimate(skin, average)
    weights = surface_weights(source, surface)
    adults = draw(source, skin_joints, surface, ADULTS, ADULT_AGES, seed=0)
    shape = symmetric_shape(principal_shapes(adults.skins), surface)
    young = draw(source, skin_joints, surface, CHILDREN, YOUNG_CHILD_AGES, seed=1)
    children = draw(source, skin_joints, surface, REGRESSOR_CHILDREN, CHILD_AGES, seed=2)
    skins = np.concatenate([adults.skins[:REGRESSOR_PEOPLE], children.skins]).astype(np.float64)
    joints = np.concatenate([adults.joints[:REGRESSOR_PEOPLE], children.joints])
    assert surface.mirror is not None
    regressor = mirror_regressor(fit_regressor(skins, joints, weights), surface.mirror)
    child_direction = young.skins.mean(0, dtype=np.float64) - shape.mean
    teacher, student = mean_person(source, surface, skin_joints, regressor, weights)
    rng = np.random.default_rng(3)
    poses = np.concatenate([drawn_poses(DRAWN_POSES, rng), clip_poses(clips, False, CLIP_POSES, rng)])
    posedirs = learn_correctives(teacher, student, poses)
    return OpenBody(
        source=source,
        surface=surface,
        skin_joints=skin_joints,
        weights=weights,
        shape=shape,
        child_direction=(child_direction + FLIP * child_direction[surface.mirror]) / 2,
        regressor=regressor,
        posedirs=posedirs,
        keypoints=keypoint_vertices(source, surface, shape.mean),
    )


def mean_person(
    source: AnnySource,
    surface: Surface,
    skin_joints: Float[np.ndarray, "24 skin"],
    regressor: Float[np.ndarray, "24 vertices"],
    weights: Float[np.ndarray, "vertices 24"],
) -> tuple[Teacher, Student]:
    """The mean adult as Anny's A-pose skin and as the SMPL-format body."""
    people = [p.skins - (skin_joints @ p.skins)[:, :1] for p in source.people(REGRESSOR_PEOPLE, ADULT_AGES, seed=7)]
    return teacher_and_student(np.concatenate(people).mean(0), source, surface, skin_joints, regressor, weights)


def teacher_and_student(
    skin: Float[np.ndarray, "skin 3"],
    source: AnnySource,
    surface: Surface,
    skin_joints: Float[np.ndarray, "24 skin"],
    regressor: Float[np.ndarray, "24 vertices"],
    weights: Float[np.ndarray, "vertices 24"],
) -> tuple[Teacher, Student]:
    """One A-pose skin seen both ways."""
    joints = skin_joints @ skin
    rest = to_t_pose(People(skins=skin[None], joints=joints[None]), source, skin_joints, surface).skins[0]
    teacher = Teacher(source=source, surface=surface, skin=skin, joints=joints)
    return teacher, Student(rest=rest, joints=regressor @ rest, weights=weights)


def symmetric_shape(shape: ShapeSpace, surface: Surface) -> ShapeSpace:
    """The same without the rounding noise that makes left and right differ."""
    assert surface.mirror is not None
    mean, directions = shape.mean - PELVIS, shape.directions
    return ShapeSpace(
        mean=(mean + FLIP * mean[surface.mirror]) / 2 + PELVIS,
        directions=(directions + FLIP[:, None] * directions[surface.mirror]) / 2,
        deviations=shape.deviations,
        explained=shape.explained,
    )
