"""The person of a take stays inside the ring of cameras."""

from pathlib import Path

import numpy as np
import pytest

from body.loading import load_body_model
from body.motion.clip import MotionClip
from humanrig.errors import HumanrigError
from humanrig.people import MAX_REACH_M, put_in_ring
from humanrig.simulation import simulate_session


def _glide(length_m: float) -> MotionClip:
    """A standing figure that moves along the clip's forward axis."""
    positions = np.zeros((11, 3))
    positions[:, 2] = np.linspace(0, length_m, 11)
    return MotionClip(
        name="glide",
        rate_hz=10.0,
        rotations=np.zeros((11, 24, 3)),
        root_positions=positions,
        leg_length_m=0.8,
        root_to_hips=np.zeros(3),
    )


@pytest.mark.parametrize(("length_m", "stays"), [(0.8, False), (4.0, True)])
def test_a_long_way_is_gone_on_the_spot_and_a_short_one_is_gone(length_m, stays):
    model = load_body_model()
    parameters = put_in_ring(_glide(length_m), model, np.zeros(16))
    pelvis = model.pose(parameters).joints[:, 0, :2]
    assert np.linalg.norm(pelvis, axis=1).max() <= MAX_REACH_M
    assert (np.ptp(pelvis, axis=0).max() < 0.01) == stays


def test_a_wrong_option_or_an_existing_folder_is_one_sentence(tmp_path):
    with pytest.raises(HumanrigError, match="cameras = 11"):
        simulate_session(tmp_path / "take", cameras=11)
    with pytest.raises(HumanrigError, match="camera = 2"):
        simulate_session(tmp_path / "take", camera=2)
    with pytest.raises(HumanrigError, match="never overwrites"):
        simulate_session(tmp_path)
    assert not (tmp_path / "take").exists()


def test_an_unknown_clip_names_those_there_are(monkeypatch, tmp_path):
    monkeypatch.setattr("humanrig.simulation.deepmimic_clips", lambda: {"walk": Path("w.txt"), "kick": Path("k.txt")})
    with pytest.raises(
        HumanrigError, match=r"no clip 'wlak'; did you mean 'walk'\? the clips are: kick, walk; or random"
    ):
        simulate_session(tmp_path / "take", clip="wlak")
    assert not (tmp_path / "take").exists()
