from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from body.garments.wardrobe import SHOE_COLOURS, Fabric, choose_attire
from body.loading import load_body_model
from body.outfit import CLOTH_COLOURS, TROUSER_COLOURS
from capture.virtual.room import HALF_WIDTH_M
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.cameras import FROM_PEOPLE_M, check_distances, draw_cameras, share_in_view
from hps.synthesis.sampling.casting import cast_scenes, kind_of
from hps.synthesis.sampling.clothes import attire_of, draw_clothes, fabrics_of, split_of_fabric
from hps.synthesis.sampling.people import draw_people, people_of_splits, subjects_of
from hps.synthesis.sampling.seeds import SEEDS_OF_SPLIT, split_of_seed
from hps.synthesis.scenes.rows import SPLITS

CONFIG = SynthesisConfig(people=20, appearances=6, shares=(0.9, 0.05, 0.05), seed=35)
"""Of this seed, looks of the small splits' own fabrics are found after few draws: others take ten times as long."""


@pytest.fixture(scope="module")
def people():
    return draw_people(CONFIG, load_body_model())


def test_people_are_of_their_split_and_nobody_comes_twice(people):
    assert Counter(row.split for row in people) == {"train": 18, "validation": 1, "test": 1}
    assert len({row.subject for row in people}) == len(people)
    for row in people:
        assert set(fabrics_of(attire_of(row)).values()) == {row.split}
        assert split_of_seed(row.attire_seed) == split_of_seed(row.body_seed) == row.split


def test_ages_and_sexes_are_spread(people):
    train = [row for row in people if row.split == "train"]
    assert abs(sum(row.sex == "female" for row in train) - 9) <= 1
    assert abs(sum(row.age_years < 18 for row in train) - 0.2 * 18) <= 1
    adults = np.sort([row.age_years for row in train if row.age_years >= 18])
    assert np.diff(adults).max() < 20, "14 adults of 18 to 80 years, in gaps of 5 years on average"


def test_a_bank_that_is_used_up_begins_again():
    config = SynthesisConfig(people=1, children=0.0)
    drawn = list(itertools.islice(subjects_of(np.random.default_rng(0), config, load_body_model(), "validation"), 90))
    times = Counter(subject.name for subject in drawn if subject.sex == "female")
    assert set(times.values()) <= {2, 3}, "45 of 21 women: nobody a third time before all were there twice"
    assert len(times) == 21


@pytest.mark.parametrize(
    ("people", "expected"), [(1, (1, 0, 0)), (2, (2, 0, 0)), (10, (8, 1, 1)), (200, (160, 20, 20))]
)
def test_shares_lose_nobody(people, expected):
    assert tuple(people_of_splits(SynthesisConfig(people=people)).values()) == expected


def test_everybody_plays_as_often_as_wished(people):
    casts = cast_scenes(CONFIG, people)
    assert Counter(row.person for cast in casts for row in cast.people) == {row.person: 6 for row in people}
    assert [cast.number for cast in casts] == list(range(len(casts)))
    assert [cast.split for cast in casts] == sorted((cast.split for cast in casts), key=SPLITS.index)
    for cast in casts:
        assert len({row.person for row in cast.people}) == len(cast.people)
        assert {row.split for row in cast.people} == {cast.split}
    assert {kind_of(len(cast.people)) for cast in casts} == {"single", "group", "crowd"}


@pytest.mark.parametrize("palette", [CLOTH_COLOURS, TROUSER_COLOURS, SHOE_COLOURS])
def test_every_split_has_plain_shirts_trousers_and_shoes(palette):
    def plain(colour):
        return Fabric(pattern="plain", colour=colour, second_colour=colour, period_m=0.05, infrared=0.5)

    assert {split_of_fabric(plain(colour)) for colour in palette} == set(SPLITS)


def test_men_wear_no_skirts():
    rng = np.random.default_rng(2)
    assert not {"skirt", "dress"} & {draw_clothes(rng, "train", "male", 40.0)[0] for _ in range(8)}


def test_the_size_of_a_pattern_makes_no_other_fabric():
    fabric = next(w.fabric for w in attire_of_any().garments if w.fabric.pattern != "plain")
    swapped = replace(fabric, colour=fabric.second_colour, second_colour=fabric.colour, period_m=2 * fabric.period_m)
    assert split_of_fabric(swapped) == split_of_fabric(fabric)


def attire_of_any():
    return choose_attire(np.random.default_rng(6), "everyday")


def test_a_seed_of_no_split():
    with pytest.raises(HpsError, match="belongs to no split"):
        split_of_seed(3 * SEEDS_OF_SPLIT)


def standing(at: tuple[float, float]) -> np.ndarray:
    heights = np.linspace(0.05, 1.75, 60)
    return np.stack([np.full(60, at[0]), np.full(60, at[1]), heights], -1)[None]


def test_cameras_stand_free_inside_the_room_and_see_people():
    skin = [standing((0.0, 0.3)), standing((0.9, -0.2))]
    solid = [np.array([[1.5, 1.5, z] for z in np.linspace(0, 2, 30)])]
    wanted = SynthesisConfig(views=24)
    rows = draw_cameras(np.random.default_rng(3), wanted, "s000000", "test", skin, solid)
    assert rows == draw_cameras(np.random.default_rng(3), wanted, "s000000", "test", skin, solid)
    eyes = np.array([[row.x_m, row.y_m, row.z_m] for row in rows])
    middle = np.concatenate(skin, 1)[0].mean(0)
    assert np.abs(eyes[:, :2]).max() < HALF_WIDTH_M
    away = np.linalg.norm(eyes - middle, axis=1)
    assert away.min() >= 1.5 - 1e-9
    assert away.max() <= 3.3 + 1e-9
    for points in skin:
        assert np.linalg.norm(points[0][None] - eyes[:, None], axis=-1).min() >= FROM_PEOPLE_M
    azimuths = np.sort(np.arctan2(*(eyes - middle)[:, 1::-1].T))
    assert np.diff(azimuths).max() < 2 * 2 * np.pi / 24 + 1e-9, "one camera in each of 24 sectors"
    assert eyes[:, 2].min() < 0.8
    assert eyes[:, 2].max() > 2.0
    seen = np.array([share_in_view(row, skin) for row in rows])
    assert (seen.max(1) >= 0.6).mean() > 0.9
    assert {split_of_seed(row.unit_seed) for row in rows} == {"test"}
    fields = np.degrees(2 * np.arctan(wanted.width / 2 / np.array([row.fx for row in rows])))
    assert fields.min() >= 50 - 1e-9
    assert fields.max() <= 70 + 1e-9


def test_distances_that_no_room_has():
    with pytest.raises(HpsError, match=r"cameras at 5 to 8 m do not fit"):
        check_distances(SynthesisConfig(distance_m=(5.0, 8.0)))
    with pytest.raises(HpsError, match="the nearest first"):
        check_distances(SynthesisConfig(distance_m=(3.0, 2.0)))
    far = SynthesisConfig(distance_m=(5.0, 8.0), passes=("clouds",), cloud_surroundings="floor")
    check_distances(far)
    rows = draw_cameras(np.random.default_rng(0), far, "s000000", "train", [standing((0.0, 0.0))], [])
    assert max(np.hypot(row.x_m, row.y_m) for row in rows) > HALF_WIDTH_M
