from __future__ import annotations

import functools
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.spatial import KDTree

from body.bank import load_body_bank
from body.loading import load_body_model
from body.motion.library import MotionLibrary
from body.motion.resample import resample
from body.motion.self_penetration import PenetrationCheck
from body.motion.standing import STANDING, standing_clip
from capture.virtual.people import Body
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.disjoint import disjoint
from hps.synthesis.sampling.modify import modify_scenes, skin_of
from hps.synthesis.sampling.motions import draw_motion
from hps.synthesis.sampling.places import find_places
from hps.synthesis.sampling.sample_scenes import NOTES, forget_sampling, sample_scenes
from hps.synthesis.scenes.check import check
from hps.synthesis.scenes.table import TABLES
from hps.synthesis.staging.stage import body_of

pytestmark = pytest.mark.slow
CONFIG = SynthesisConfig(
    people=4, appearances=1, frames=2, views=2, shares=(0.5, 0.25, 0.25), bodies="model", groups=1.0, crowds=0.0
)


class Standing(MotionLibrary):
    """Somebody stands: nothing is fetched or mixed."""

    def draw(self, rng, split, seconds, rate_hz, recipe=None, within_m=None):
        clip = resample(standing_clip(str(rng.choice(sorted(STANDING)))), rate_hz, seconds)
        return replace(clip, description={"recipe": "clip", "parts": [{"clip": f"{split}_{clip.name}"}]})


def standing_library() -> MotionLibrary:
    return Standing(entries={})


def _no_library() -> MotionLibrary:
    raise AssertionError


def killed_after(number: int):
    def on_progress(done: int, total: int) -> None:
        if done == number:
            raise KeyboardInterrupt

    return on_progress


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    bodies = tmp_path_factory.mktemp("sampled")
    return sample_scenes(CONFIG, standing_library, bodies), bodies


def test_a_sampled_table_makes_sense_and_splits_share_nothing(sampled):
    table, bodies = sampled
    check(table, bodies)
    assert disjoint(table) == {"subjects": 0, "motions": 0, "fabrics": 0, "rooms": 0, "rigs": 0}
    assert {row.split for row in table.scenes} == {"train", "validation", "test"}
    assert all(row.motion.startswith(row_split(table, row.scene)) for row in table.actors)


def row_split(table, scene: str) -> str:
    return next(row.split for row in table.scenes if row.scene == scene)


def test_an_interrupted_run_goes_on_to_the_same_table(sampled, tmp_path):
    table, bodies = sampled
    with pytest.raises(KeyboardInterrupt):
        sample_scenes(CONFIG, standing_library, tmp_path, on_progress=killed_after(2))
    kept = (tmp_path / "s000000.npz").stat().st_mtime_ns
    broken = tmp_path / "s000001.npz"
    broken.write_bytes(broken.read_bytes()[:-200])
    told = []
    again = sample_scenes(CONFIG, standing_library, tmp_path, on_progress=lambda done, total: told.append(done))
    assert again.digest == table.digest
    assert told[0] == 2, "one scene was kept, the damaged one drawn again"
    assert (tmp_path / "s000000.npz").stat().st_mtime_ns == kept
    for name in table.names:
        assert (tmp_path / f"{name}.npz").read_bytes() == (bodies / f"{name}.npz").read_bytes()
    forget_sampling(tmp_path)
    assert not (tmp_path / NOTES).exists()


def test_another_seed_keeps_nothing(sampled, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        sample_scenes(CONFIG, standing_library, tmp_path, on_progress=killed_after(1))
    told = []
    other = sample_scenes(
        replace(CONFIG, seed=1), standing_library, tmp_path, on_progress=lambda done, total: told.append(done)
    )
    assert told[0] == 1
    assert other.digest != sampled[0].digest


def test_people_and_furniture_do_not_touch(sampled):
    table, bodies = sampled
    group = next(spec for spec in table if len(spec.actors) > 1)
    first, second = (points.reshape(-1, 3) for points in skin_of(group, bodies, load_body_model())[:2])
    assert KDTree(first).query(second)[0].min() > 0.1, "one vertex in fifty, so the skins are at least 50 mm apart"


@pytest.mark.parametrize(
    ("what", "columns"),
    [
        (("clothing",), {("people", "wardrobe"), ("people", "attire_seed")}),
        (("cameras",), {("scenes", "rig"), *(("cameras", f.name) for f in fields(TABLES["cameras"]))}),
    ],
)
def test_a_modified_table_changes_only_what_was_asked_for(sampled, what, columns):
    table, bodies = sampled
    stored = {path.name: path.read_bytes() for path in bodies.glob("*.npz")}
    new = modify_scenes(table, what, 7, config=CONFIG, bodies=bodies)
    assert modify_scenes(table, what, 7, config=CONFIG, bodies=bodies).digest == new.digest
    assert modify_scenes(table, what, 8, config=CONFIG, bodies=bodies).digest != new.digest
    changed = set()
    for name in TABLES:
        old_rows, new_rows = getattr(table, name), getattr(new, name)
        assert len(old_rows) == len(new_rows)
        for old, row in zip(old_rows, new_rows):
            changed |= {(name, f.name) for f in fields(old) if getattr(old, f.name) != getattr(row, f.name)}
    assert changed
    assert changed <= columns
    assert {path.name: path.read_bytes() for path in bodies.glob("*.npz")} == stored
    check(new, bodies)
    assert not any(disjoint(new).values())


def test_wishes_for_a_modification_that_are_none(sampled):
    table, _ = sampled
    with pytest.raises(HpsError, match="'nothing' cannot be changed; choose cameras, clothing or both"):
        modify_scenes(table, [], 0)
    with pytest.raises(HpsError, match="need the data set's configuration"):
        modify_scenes(table, ["cameras"], 0)


def test_furniture_that_finds_no_room_is_left_out(sampled):
    from dataclasses import replace as other

    from capture.virtual.furniture import piece

    table, _ = sampled
    model = load_body_model()
    body = body_of(table.people[0], model)
    clip = standing_library().draw(np.random.default_rng(0), "train", 0.1, 10.0)
    from capture.virtual.people import put_in_ring

    motion = put_in_ring(clip, body.model, np.zeros(0))[slice(0, 1)]
    sofa = piece("sofa", np.random.default_rng(0))
    huge = other(sofa, vertices=np.asarray(sofa.vertices) * 4)
    places = find_places(np.random.default_rng(0), [body], [motion], [sofa, huge])
    assert len(places.people) == 1
    assert len(places.furniture) == len(places.solid) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_other_processes_draw_the_same(sampled, tmp_path, workers):
    table, _ = sampled
    assert sample_scenes(CONFIG, functools.partial(standing_library), tmp_path, workers=workers).digest == table.digest
    again = sample_scenes(CONFIG, _no_library, tmp_path, workers=workers)
    assert again.digest == table.digest, "all is kept: nothing is drawn, no process started"


class ArmsDown(MotionLibrary):
    """The hands hang beside the thighs of a mean body."""

    def draw(self, rng, split, seconds, rate_hz, recipe=None, within_m=None):
        clip = resample(standing_clip("stand"), rate_hz, seconds)
        return replace(clip, description={"recipe": "clip", "clip": "stand"})


def test_limbs_stay_out_of_a_body_that_is_wider_than_the_mean_one():
    model = load_body_model()
    bank, library = load_body_bank(model), ArmsDown(entries={})
    heaviest = max(bank.names("train"), key=lambda name: bank.subject(name).mass_kg)
    body = Body(model=bank.model(heaviest), betas=np.zeros(0))
    check = PenetrationCheck(body.model)
    given = library.draw(np.random.default_rng(0), "train", 0.1, CONFIG.rate_hz).rotations
    assert check.depth(given).max() > 0.01, "the library's motion, which is clear of the mean body"
    motion = draw_motion(np.random.default_rng(0), CONFIG, library, "train", "single", body).parameters
    made = np.concatenate([motion.global_orient, motion.body_pose], 1).reshape(-1, 24, 3)
    assert check.depth(made).max() == 0.0
