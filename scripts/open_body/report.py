"""What the open body can do, measured on people and poses that it was not made from; the table of docs/body.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from body.model_arrays import model_from_arrays
from open_body.build import OpenBody, mean_person, teacher_and_student
from open_body.correctives import Student, Teacher
from open_body.population import ADULT_AGES, CHILD_AGES, draw
from open_body.shape_space import fit_shape
from open_body.training_poses import clip_poses

HELD_OUT_POSES = 120
OTHER_BODIES = (("adult A", ADULT_AGES, 201), ("adult B", ADULT_AGES, 203), ("child", CHILD_AGES, 204))


def report(made: OpenBody, clips: Mapping[str, Path]) -> list[tuple[str, str]]:
    """Rows of quantity and value."""
    return _mesh_rows(made) + _shape_rows(made) + _pose_rows(made, clips)


def _mesh_rows(made: OpenBody) -> list[tuple[str, str]]:
    model = model_from_arrays(made.arrays(), "open body")
    mesh = model.mesh(model.v_template)
    influences = (model.weights > 0).sum(1)
    return [
        ("vertices, faces, texture coordinates", f"{model.vertex_count}, {len(model.faces)}, {len(made.surface.uv)}"),
        ("watertight", "yes" if mesh.is_watertight() else "NO"),
        ("height, volume of the mean adult", f"{np.ptp(mesh.vertices[:, 1]):.3f} m, {mesh.volume() * 1e3:.1f} l"),
        ("height at child = 1", f"{np.ptp(model.shaped(child=1.0)[:, 1]):.3f} m"),
        ("joints for each vertex, mean and most", f"{influences.mean():.2f}, {influences.max()}"),
        ("vertices for each joint in the regressor", f"{np.diff(model.J_regressor.indptr).mean():.0f}"),
    ]


def _shape_rows(made: OpenBody) -> list[tuple[str, str]]:
    rows = []
    joint_rows = []
    groups = (
        ("adults, phenotypes only", ADULT_AGES, 100, 0.0),
        ("adults", ADULT_AGES, 100, None),
        ("children 3-12", CHILD_AGES, 101, None),
    )
    for name, ages, seed, spread in groups:
        options = {} if spread is None else {"local_change_std": spread}
        people = draw(made.source, made.skin_joints, made.surface, 200, ages, seed, **options)
        before = people.skins - made.shape.mean
        values = [f"from the mean {_rms_mm(before):.1f}"]
        for betas in (10, 16):
            directions = made.shape.directions[..., :betas]
            _, left = fit_shape(people.skins, made.shape.mean, directions)
            values.append(f"{betas} betas {_rms_mm(left):.2f} ({_explained(left, before):.1f} %)")
            with_child = np.concatenate([directions, made.child_direction[..., None]], 2)
            coefficients, left = fit_shape(people.skins, made.shape.mean, with_child)
            values.append(
                f"{betas} betas + child {_rms_mm(left):.2f} (betas to {np.abs(coefficients[:, :betas]).max():.1f})"
            )
        rows.append((f"shape, RMS in mm, 200 held-out {name}", "; ".join(values)))
        if spread is None:
            error = np.linalg.norm(made.regressor @ people.skins - people.joints, axis=-1) * 1e3
            joint_rows.append(
                (f"joint regressor, mm, 200 held-out {name}", f"mean {error.mean():.2f}, max {error.max():.1f}")
            )
    return rows + joint_rows


def _pose_rows(made: OpenBody, clips: Mapping[str, Path]) -> list[tuple[str, str]]:
    poses = clip_poses(clips, True, HELD_OUT_POSES, np.random.default_rng(0))
    parts = (made.source, made.surface, made.skin_joints, made.regressor, made.weights)
    people = [("mean adult", mean_person(*parts))]
    for name, ages, seed in OTHER_BODIES:
        skin = next(made.source.people(1, ages, seed)).skins[0]
        people.append((name, teacher_and_student(skin, *parts)))
    rows = []
    posedirs = made.arrays()["posedirs"].astype(np.float64)
    for name, (teacher, student) in people:
        without, corrected = (_pose_errors(teacher, student, poses, p) for p in (None, posedirs))
        rows.append(
            (
                f"skinning against dual quaternions, mm, held-out clips, {name}",
                f"plain {without}; with correctives {corrected}",
            )
        )
    return rows


def _pose_errors(teacher: Teacher, student: Student, poses: np.ndarray, posedirs: np.ndarray | None) -> str:
    error = np.linalg.norm(student.pose(poses, posedirs) - teacher.pose(poses), axis=-1) * 1e3
    return f"mean {error.mean():.2f}, RMS {np.sqrt((error**2).mean()):.2f}, p99 {np.quantile(error, 0.99):.1f}"


def _rms_mm(residual: Float[np.ndarray, "people vertices 3"]) -> float:
    return float(np.sqrt((residual**2).sum(-1).mean()) * 1e3)


def _explained(residual: np.ndarray, before: np.ndarray) -> float:
    """Percent of the variance about the mean."""
    return 100 * (1 - float((residual**2).sum() / (before**2).sum()))
