"""A simulated take of a swinging thing, seen by Kinects and a RealSense unit: clocks and content find the truth."""

import numpy as np
import pytest

from capture.sync.content.check import content_offsets
from capture.synchronisation import session_frame_sets
from capture.virtual.baked_room import BakedRoom
from capture.virtual.clock_trials import matching_errors
from capture.virtual.clocks import ClockEffects
from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure
from capture.virtual.moving_patches import MovingPatches
from capture.virtual.other_rendering import OtherRenderer
from capture.virtual.scene import Thing
from capture.virtual.simulate import simulate

SECONDS = 6.0
CONFIG = SimulationConfig(
    cameras=3,
    scenario="empty",
    seconds=SECONDS,
    realsense=1,
    background_frames=0,
    noise=False,
    seed=8,
    clocks=ClockEffects(drop_rate=0.02),
)


def _pendulum() -> Thing:
    """A tetrahedron that swings to and fro, in bursts."""
    corners = np.array([[0, 0, 1.6], [0.4, 0, 0], [-0.3, 0.4, 0], [-0.3, -0.4, 0]])
    moving = MovingPatches.of(11, SECONDS)
    steps = 400 + np.rint(np.arange(int(30 * SECONDS)) / 30 / 0.005).astype(int)
    swing = np.stack([0.5 * np.sin(moving.phase[steps]), 0.4 * np.cos(1.3 * moving.phase[steps]), 0 * steps], 1)
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32)
    figure = Figure(
        faces=faces,
        uv=np.array([[0, 0], [1, 0], [1, 1]], np.float32),
        uv_faces=np.tile(np.arange(3, dtype=np.int32), (4, 1)),
        texture=np.full((8, 8, 3), (40, 160, 60), np.uint8),
    )
    return Thing(name="pendulum", figure=figure, vertices=(corners + swing[:, None]).astype(np.float32))


@pytest.mark.slow
def test_clocks_and_content_agree_with_the_truth(tmp_path, monkeypatch):
    monkeypatch.setattr(OtherRenderer, "prepare", lambda r, room: BakedRoom.of(room, texel_m=0.03).save(r._folder))
    session = simulate(tmp_path / "take", CONFIG, things=[_pendulum()], workers=1)
    sets = session_frame_sets(session)
    errors = matching_errors(session, sets)
    assert max(error["max_us"] for stream, error in errors.items() if stream.startswith("kinect")) < 80
    assert max(errors[f"realsense_000/{kind}"]["max_us"] for kind in ("color", "depth")) < 1000
    wired = [name for name in session.devices if name.startswith("kinect")]
    (found,) = content_offsets(
        session, sets.times_us, reference=wired, devices=["realsense_000"], seconds=6.0, largest_us=1e6
    )
    assert found.sure
    assert abs(found.lag_us) < 10_000
