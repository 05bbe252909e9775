"""People and things on the floor: nothing touches, all is inside, and what cannot be placed is said."""

import numpy as np
import pytest

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.errors import CaptureError
from capture.virtual.placement import CAMERA_MARGIN_M, Occupant, Spot, place

RING_M = 2.3


def _walker(name: str) -> Occupant:
    """A post of 1.7 m that glides 0.8 m to and fro."""
    heights = np.linspace(0, 1.7, 12)
    points = np.zeros((30, 12, 3))
    points[..., 0], points[..., 2] = np.linspace(-0.4, 0.4, 30)[:, None], heights
    return Occupant(name=name, points=points, radius_m=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_six_people_never_touch_and_stay_inside(seed):
    people = [_walker(f"person{n:02d}") for n in range(6)]
    spots = place(people, RING_M, np.random.default_rng(seed))
    moved = [spot.move(person.points) for spot, person in zip(spots, people)]
    assert max(np.linalg.norm(m[..., :2], axis=-1).max() for m in moved) <= RING_M - CAMERA_MARGIN_M - 0.2
    for one in range(6):
        for other in range(one):
            apart = np.linalg.norm(moved[one][:, :, None] - moved[other][:, None], axis=-1).min()
            assert apart > 0.37  # 0.4 m in the 24 frames that are looked at; 3 cm more can pass between two of them


def test_who_is_fixed_stays_and_others_keep_away():
    fixed = Occupant(name="person00", points=_walker("").points, radius_m=0.2, fixed=True)
    box = Occupant(name="box", points=np.zeros((1, 1, 3)), radius_m=0.3)
    spots = place([fixed, box], RING_M, np.random.default_rng(0))
    assert spots[0] == Spot()
    assert np.linalg.norm(np.subtract(spots[1].move(box.points), fixed.points), axis=-1).min() > 0.5


@pytest.mark.slow
def test_too_many_are_one_clear_sentence():
    crowd = [_walker(f"person{n:02d}") for n in range(40)]
    with pytest.raises(CaptureError, match=r"40 people and things do not fit.*a circle of 3.6 m.*ask for fewer"):
        place(crowd, RING_M, np.random.default_rng(0))


def test_a_moved_body_is_the_body_moved():
    model = load_body_model()
    rng = np.random.default_rng(0)
    parameters = BodyParameters(
        betas=rng.normal(size=16),
        global_orient=rng.normal(size=(3, 3)),
        body_pose=0.3 * rng.normal(size=(3, 69)),
        transl=rng.normal(size=(3, 3)),
    )
    spot = Spot(heading_rad=1.1, xy=(0.7, -0.4))
    there = spot.move_body(parameters, model.rest_joints(parameters.betas)[0])
    assert model.pose(there).vertices == pytest.approx(spot.move(model.pose(parameters).vertices), abs=1e-9)
