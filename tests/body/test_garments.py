"""Clothes as geometry: every wardrobe on grown-ups and children, off the skin, moving smoothly."""

import json
import pickle

import numpy as np
import pytest

from body.bank import load_body_bank
from body.garments import Costume, painted, tailor
from body.garments.wardrobe import WARDROBES, Wardrobe, choose_attire
from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.outfit import Outfit
from body.parameters import BodyParameters

SIZE = 256  # texture rows: a quarter of the default, for speed
UP = (0.0, 1.0, 0.0)  # the body's own frame
DOWN = {"left_shoulder": (0, 0, -1.15), "right_shoulder": (0, 0, 1.15)}
SEATED = {
    **DOWN,
    "left_hip": (-1.4, 0, 0.12),
    "right_hip": (-1.4, 0, -0.12),
    "left_knee": (1.45, 0, 0),
    "right_knee": (1.45, 0, 0),
}


@pytest.fixture(scope="module")
def bank():
    return load_body_bank(load_body_model())


@pytest.fixture(scope="module")
def costumes(bank):
    """One of each wardrobe; the dress on a child of seven years."""
    people: dict[Wardrobe, str] = {
        "sport": "b0072",
        "everyday": "b0009",
        "summer": "b0153",
        "skirt": "b0117",
        "dress": "b0315",
    }
    return {
        kind: (bank.model(name), tailor(bank.model(name), np.random.default_rng(3), kind, size=SIZE))
        for kind, name in people.items()
    }


def posed(model, *joints):
    pose = np.zeros((len(joints), 24, 3))
    for row, turns in zip(pose, joints):
        for name, turn in turns.items():
            row[JOINT_INDEX[name]] = turn
    return model.pose(
        BodyParameters(
            betas=np.zeros(0),
            global_orient=pose[:, 0],
            body_pose=pose[:, 1:].reshape(len(pose), -1),
            transl=np.zeros((len(pose), 3)),
        )
    )


def worn(model, costume, *joints):
    body = posed(model, *joints)
    return body, [costume.dress(v, T, UP) for v, T in zip(body.vertices, body.transforms)]


@pytest.mark.parametrize("kind", WARDROBES)
def test_clothes_are_5_to_60_mm_loose_and_outside_the_skin(costumes, kind):
    model, costume = costumes[kind]
    body, (standing,) = worn(model, costume, DOWN)
    distances = costume.clearances(body.vertices[0], standing)
    everything = np.concatenate(list(distances.values()))
    assert (everything < -0.001).mean() < 0.002
    cloth = np.concatenate([d for name, d in distances.items() if "shoe" not in name and name not in ("hair", "skirt")])
    if kind != "sport":  # tights may be the only other cloth
        assert 0.005 < np.median(cloth) < 0.030
    assert np.quantile(cloth, 0.99) < 0.065  # 60 mm, and 5 mm for folds


def test_the_drawn_surface_is_whole_and_light_enough(costumes):
    for _, costume in costumes.values():
        assert costume.faces.max() < costume.vertex_count
        assert costume.uv_faces.max() < len(costume.uv)
        assert 0 <= costume.uv.min() <= costume.uv.max() <= 1
        assert len(costume.infrared) == len(costume.faces) == len(costume.uv_faces) <= 56_000
        assert costume.texture.shape == (SIZE, 2 * SIZE, 3)
        json.dumps(costume.description)


def test_the_same_seed_gives_the_same_costume_and_a_pickle_keeps_it(bank, costumes):
    model, first = costumes["skirt"]
    again = pickle.loads(pickle.dumps(tailor(model, np.random.default_rng(3), "skirt", size=SIZE)))
    assert isinstance(again, Costume)
    np.testing.assert_array_equal(first.texture, again.texture)
    np.testing.assert_array_equal(worn(model, first, SEATED)[1][0], worn(model, again, SEATED)[1][0])


@pytest.mark.parametrize("kind", ["everyday", "dress"])
def test_clothes_move_smoothly_with_the_pose(costumes, kind):
    """Knee, hip and elbow turn by 90 degrees a second at 30 Hz: no vertex of cloth outruns the body by a jump."""
    model, costume = costumes[kind]
    angles = np.linspace(0.5, 0.5 + 6 * np.pi / 60, 7)
    poses = [
        {**DOWN, "left_hip": (-a, 0, 0), "left_knee": (a, 0, 0), "left_elbow": (0, -a, 0), "spine1": (0.3 * a, 0, 0)}
        for a in angles
    ]
    body, dressed = worn(model, costume, *poses)
    cloth = np.stack(dressed)[:, costume.body_vertex_count :]
    speed = np.linalg.norm(np.diff(cloth, axis=0), axis=-1)
    jerk = np.linalg.norm(cloth[2:] - 2 * cloth[1:-1] + cloth[:-2], axis=-1)
    fastest = np.linalg.norm(np.diff(body.vertices, axis=0), axis=-1).max()
    assert np.quantile(speed, 0.999) < 1.5 * fastest  # a fold adds half of the body's own speed at most
    assert np.quantile(jerk, 0.999) < 0.012  # metres a frame: the body's own is 0.004


def test_painted_clothes_move_along_the_normals(bank):
    model = bank.model("b0000")
    outfit = Outfit(texture=np.zeros((8, 8, 3), np.uint8), offsets=np.full(model.vertex_count, 0.01))
    body = posed(model, DOWN)
    dressed = painted(model, outfit).dress(body.vertices[0], body.transforms[0])
    np.testing.assert_allclose(np.linalg.norm(dressed - body.vertices[0], axis=1), 0.01, atol=1e-9)


def test_looks_follow_sex_and_age():
    looks = [choose_attire(np.random.default_rng(i), None, "male", 70.0) for i in range(40)]
    assert {look.wardrobe for look in looks} <= {"sport", "everyday", "summer"}
    assert {look.hair_style for look in looks} <= {"short", "full", "bald"}
    women = {choose_attire(np.random.default_rng(i), None, "female", 30.0).wardrobe for i in range(60)}
    assert women == set(WARDROBES)
