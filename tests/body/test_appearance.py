"""Dressing a body: reproducible looks, clothes where they belong, and thickness within bounds."""

import dataclasses
import json

import numpy as np
import pytest

from body.appearance import choose_style, dress, paint
from body.appearance_atlas import atlas_of, surface_of
from body.appearance_garments import coverage, thickness
from body.appearance_paint import noise
from body.errors import BodyError
from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.outfit import Garment
from geometry.rasterizer import rasterize_uv

SIZE = 256  # a quarter of the default, for speed


@pytest.fixture(scope="module")
def model():
    return load_body_model()


def garment(cut, thickness_m=0.015, fabric="plain"):
    return Garment(
        cut=cut, fabric=fabric, colour=(0.8, 0.1, 0.1), second_colour=(0.1, 0.1, 0.8), thickness_m=thickness_m
    )


def test_the_same_seed_gives_the_same_person_and_another_seed_another(model):
    first, again, other = (dress(model, np.random.default_rng(s), "casual", SIZE) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.texture, again.texture)
    np.testing.assert_array_equal(first.offsets, again.offsets)
    assert first.description == again.description
    assert (first.texture != other.texture).mean() > 0.1


@pytest.mark.parametrize(("kind", "low", "high"), [("minimal", 0.0005, 0.003), ("casual", 0.006, 0.020)])
def test_thickness_is_within_the_bounds_of_its_kind(model, kind, low, high):
    for seed in range(4):
        outfit = dress(model, np.random.default_rng(seed), kind, SIZE)
        assert outfit.offsets.shape == (model.vertex_count,)
        assert outfit.offsets.min() == 0
        assert low < outfit.offsets.max() <= high
        json.dumps(outfit.description)


def test_hands_and_head_are_bare_and_soles_stay_on_the_floor(model):
    bare = model.weights[:, [JOINT_INDEX[n] for n in ("head", "left_hand", "right_hand")]].max(1) > 0.95
    lowest = model.v_template[:, 1] < model.v_template[:, 1].min() + 0.01
    for seed in range(4):
        offsets = dress(model, np.random.default_rng(seed), "casual", SIZE).offsets
        assert np.abs(offsets[bare]).max() == 0
        assert offsets[lowest].max() < 1e-4  # a tenth of a millimetre


def test_a_shirt_covers_the_chest_and_not_the_face(model):
    style = choose_style(np.random.default_rng(0), "casual")
    red = paint(model, type(style)(**_fields(style) | {"garments": (garment("t-shirt"),)}), SIZE)
    atlas = atlas_of(model, SIZE)
    p, colour = atlas.surface.points, red.texture[atlas.covered].astype(float)
    is_red = colour[:, 0] > 2.5 * colour[:, 1]
    chest = (np.abs(p[:, 0]) < 0.1) & (np.abs(p[:, 1] - surface_of(model).joint("spine2")[1]) < 0.08)
    head = atlas.surface.weights[:, JOINT_INDEX["head"]] > 0.9
    assert is_red[chest].all()
    assert is_red[head].mean() < 0.05  # lips are red


def _fields(value):
    return {name: getattr(value, name) for name in value.__slots__}


def test_longer_cuts_cover_what_shorter_ones_cover(model):
    on = surface_of(model)
    covered = [coverage(cut, on) > 0 for cut in ("shorts", "trousers")]
    assert (covered[0] <= covered[1]).all()
    assert covered[0].sum() < covered[1].sum()
    sleeves = [np.abs(on.points[coverage(cut, on) > 0, 0]).max() for cut in ("tank", "t-shirt", "long sleeves")]
    assert sleeves == sorted(sleeves)


def test_clothes_are_symmetric_and_thin_out_at_hems(model):
    on = surface_of(model)
    offsets = thickness(garment("trousers"), on, model.faces)
    # the template mirrors to 0.7 mm, which moves a hem's ramp (35 mm for 15 mm of cloth) by less than 1 mm
    np.testing.assert_allclose(offsets, offsets[model.mirror], atol=1e-3)
    edge = coverage("trousers", on)
    near_hem, inside = (edge > 0) & (edge < 0.01), (edge > 0.06) & (np.abs(on.points[:, 0]) > 0.08)
    assert offsets[near_hem].mean() < 0.6 * offsets[inside].mean()
    neighbours = np.abs(np.diff(offsets[model.faces], axis=1)).max()
    assert neighbours < 0.012  # no step as high as the cloth is thick; edges can be as long as the hem (35 mm)


@pytest.mark.parametrize("fabric", ["stripes", "checks", "print"])
def test_patterned_fabric_shows_both_colours(model, fabric):
    style = choose_style(np.random.default_rng(0), "casual")
    outfit = paint(model, type(style)(**_fields(style) | {"garments": (garment("t-shirt", fabric=fabric),)}), SIZE)
    red, blue = outfit.texture[..., 0].astype(int), outfit.texture[..., 2].astype(int)
    assert (red > 2 * blue).mean() > 0.01
    assert (blue > 2 * red).mean() > 0.01


@pytest.mark.slow
def test_eyes_are_darker_and_whiter_than_the_skin_around(model):
    style = choose_style(np.random.default_rng(3), "minimal")
    atlas = atlas_of(model, 1024)
    light = paint(model, style).texture[atlas.covered].astype(float).mean(1)
    eye = np.linalg.norm(atlas.surface.points - surface_of(model).landmarks["leye"], axis=1) < 0.012
    cheek = np.linalg.norm(atlas.surface.points - surface_of(model).landmarks["leye"] + [0, 0.03, 0], axis=1) < 0.008
    assert light[eye].min() < 0.5 * np.median(light[cheek])
    assert light[eye].max() > 1.05 * np.median(light[cheek])


def test_noise_is_smooth_bounded_and_the_same_at_the_same_place():
    points = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    here, near = (noise(p, 0.05, np.random.default_rng(1)) for p in (points, points + 1e-5))
    assert np.abs(here).max() <= 1
    assert here.std() > 0.2
    np.testing.assert_allclose(here, near, atol=3e-3)  # slope at most 2 * 3 axes / 0.05 m


def test_a_model_without_uvs_cannot_be_dressed(model):
    with pytest.raises(BodyError, match="no texture coordinates"):
        dress(dataclasses.replace(model, uv=None, uv_faces=None), np.random.default_rng(0), "casual", SIZE)
    with pytest.raises(BodyError, match="keypoint vertices"):
        dress(dataclasses.replace(model, keypoint_vertices={}), np.random.default_rng(0), "casual", SIZE)


def test_each_texel_belongs_to_one_face_of_the_open_body(model):
    corners = model.uv[model.uv_faces].astype(float)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    assert area[area < 0].sum() > -1e-4  # a few folded slivers
    covered = rasterize_uv(model.uv, model.uv_faces, 1024).covered.mean()
    assert covered == pytest.approx(area.sum(), rel=0.005)  # overlapping charts would cover less than their area
    edges3d = np.linalg.norm(np.diff(model.v_template[model.faces], axis=1), axis=-1)
    stretch = np.linalg.norm(np.diff(corners, axis=1), axis=-1) / edges3d
    assert stretch.max() < 6 * np.median(stretch)  # a face across a seam is stretched hundredfold
