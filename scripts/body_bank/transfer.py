"""Subjects on the open body's surface: the same faces, the T-pose, left and right as they are."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float
from open_body.anny_source import PEOPLE_PER_BATCH, AnnySource
from open_body.build import YOUNG_ADULT
from open_body.population import joints_from_skin, to_t_pose
from open_body.skin_surface import Surface, decimate, outer_skin

from body.model import BodyModel
from body_bank.drawing import Subjects


def lopsided_surface(source: AnnySource, model: BodyModel) -> tuple[Float[np.ndarray, "24 skin"], Surface]:
    """The A-pose joint regressor, and the open body's surface without its mirror: left and right stay as drawn.

    Stops when the surface does not come out with the model's faces: then the model was made on another machine.
    """
    skin_joints = joints_from_skin(source)
    skin = outer_skin(source)
    surface = decimate(skin, to_t_pose(source.rest(YOUNG_ADULT), source, skin_joints, skin).skins[0])
    if not np.array_equal(surface.faces, model.faces):
        raise SystemExit("the surface differs from the open body's; run scripts/build_open_body.py on this machine")
    return skin_joints, dataclasses.replace(surface, mirror=None)


def rest_skins(
    source: AnnySource,
    subjects: Subjects,
    model: BodyModel,
    skin_joints: Float[np.ndarray, "24 skin"],
    surface: Surface,
) -> Float[np.ndarray, "subjects vertices 3"]:
    """T-pose vertices in metres, each subject's pelvis (by the model's own joint regressor) where the model has it."""
    skins = np.empty((len(subjects.age_years), model.vertex_count, 3))
    for start in range(0, len(skins), PEOPLE_PER_BATCH):
        part = slice(start, start + PEOPLE_PER_BATCH)
        phenotypes = {k: torch.as_tensor(v[part]).float() for k, v in subjects.phenotypes.items()}
        people = source.rest(phenotypes, torch.as_tensor(subjects.local_changes[part]).float())
        skins[part] = to_t_pose(people, source, skin_joints, surface).skins
    pelvis = model.rest_joints()[0]
    return skins + np.stack([pelvis - (model.J_regressor @ skin)[0] for skin in skins])[:, None]
