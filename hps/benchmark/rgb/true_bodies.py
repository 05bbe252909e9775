"""The true skins and joints of the benchmark's people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int64

from body.bank import load_body_bank
from body.model import BodyModel
from body.skinning import Skinning
from hps.benchmark.rgb.lifting_scenes import LiftingScenes

AT_ONCE: Final = 250


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrueBodies:
    """Some people in their cameras' frames, metres."""

    rows: slice
    """Which of the scenes."""
    joints: Float[np.ndarray, "people 24 3"]
    vertices: Float[np.ndarray, "people vertices 3"]


def true_bodies(scenes: LiftingScenes, model: BodyModel) -> Iterator[TrueBodies]:
    """All of them, some at a time: the skins of 2,000 would take half a gigabyte.

    Raises BodyError when the body bank belongs to another model.
    """
    names, who = np.unique(scenes.subject, return_inverse=True)
    skinning = _skinning_of(model, names)
    rotations = scenes.rotations.float()
    for first in range(0, len(scenes), AT_ONCE):
        rows = slice(first, min(first + AT_ONCE, len(scenes)))
        one_hot = torch.nn.functional.one_hot(torch.tensor(who[rows]), len(names)).float()
        with torch.no_grad():
            vertices, joints = skinning.pose(one_hot, rotations[rows])
        shift = (scenes.pelvis[rows] - joints[:, 0].numpy())[:, None]
        yield TrueBodies(rows=rows, joints=joints.numpy() + shift, vertices=vertices.numpy() + shift)


def _skinning_of(model: BodyModel, subjects: Int64[np.ndarray, "subjects"]) -> Skinning:
    """A body model whose betas choose among people of the bank."""
    bank = load_body_bank(model)
    rests = np.stack([bank.rest_vertices(bank.subjects[number].name) for number in subjects], -1)
    people = replace(
        model,
        name="people of the bank",
        v_template=np.zeros_like(model.v_template),
        shapedirs=rests,
        child_direction=None,
        sha256="",
    )
    return Skinning(people)
