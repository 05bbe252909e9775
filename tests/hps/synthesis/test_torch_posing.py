"""People posed on the torch device: beside the virtual rig's clothes, and in front of a camera."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from body.bank import load_body_bank
from body.garments import tailor
from body.garments.contact import BodyTopology
from body.garments.costume import Costume
from body.loading import load_body_model
from body.motion.resample import resample
from body.motion.retarget import to_parameters
from body.motion.standing import standing_clip
from capture.virtual.subject import Subject
from hps.errors import HpsError
from hps.synthesis.torch_clouds.posing import PosablePerson, together


@pytest.mark.slow
@pytest.mark.parametrize("wardrobe", ["sport", "skirt"])
def test_clothes_are_near_those_of_the_virtual_rig(wardrobe) -> None:
    model = load_body_model()
    bank = load_body_bank(model)
    name = bank.names("train")[0]
    body = bank.model(name)
    costume = tailor(body, np.random.default_rng(0), wardrobe)
    person = PosablePerson.of(costume, body)
    motion = to_parameters(resample(standing_clip("stand"), 10.0, 0.1), body, np.zeros(0))[slice(0, 1)]
    there = Subject.wearing(model, motion, costume, rest_vertices=bank.rest_vertices(name), name=name)
    rotations = np.concatenate([motion.global_orient[:, None], motion.body_pose.reshape(-1, 23, 3)], 1)
    posed = person.surfaces(torch.tensor(rotations).float(), torch.tensor(motion.transl).float())[0]
    away = 1e3 * np.linalg.norm(posed.vertices.numpy() - there.surface[0], axis=1)
    skin, cloth = away[: body.vertex_count], away[body.vertex_count :]
    # measured: skin 0.0 and 9.6, cloth 1.0 and 8.6 (sport), 2.0 and 22.6 (a skirt: it does not widen)
    assert np.median(skin) < 0.1
    assert np.quantile(skin, 0.99) < 15
    assert np.median(cloth) < 4
    assert np.quantile(cloth, 0.99) < 35
    assert len(posed.faces) == len(posed.reflectance) == len(posed.part)
    assert int(posed.part.min()) >= 1
    both = together([posed, posed])
    assert both.people == 2
    assert torch.equal(both.vertices[both.faces[len(posed.faces) :]], posed.vertices[posed.faces])
    assert int(both.owner.sum()) == len(posed.faces)


def test_painted_clothes_are_refused() -> None:
    costume = Costume(
        faces=np.zeros((1, 3), np.int32),
        uv=np.zeros((3, 2)),
        uv_faces=np.zeros((1, 3), np.int32),
        texture=np.zeros((1, 1, 3), np.uint8),
        infrared=np.ones(1, np.float32),
        description={},
        topology=BodyTopology.of(np.zeros((1, 3), np.int32), 1),
    )
    with pytest.raises(HpsError, match="no cloth to pose"):
        PosablePerson.of(costume, load_body_model())
