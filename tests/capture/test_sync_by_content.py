"""Offsets from content: motion, blinking light and sound, at different rates, to 10 ms and with a confidence."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import CaptureError
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.sync.content.audio import audio_signal
from capture.sync.content.check import TRUSTED, content_offsets
from capture.sync.content.correlation import Signal, find_lag, mean_signal
from capture.sync.content.pictures import light_of_pictures, motion_of_pictures
from capture.virtual.moving_patches import MovingPatches, bursts

LIMIT_US = 10_000
"""What synchronisation by content must reach."""


def sampled(move, seed, *, rate_hz, offset_us, seconds, gain=1.0, noise=0.05, drops=0.02):
    """The movement as a camera of this rate sees it: averaged from frame to frame, with its own gain and noise."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, 1) / rate_hz + np.arange(int(seconds * rate_hz)) / rate_hz
    t = t[rng.random(len(t)) >= drops]
    inside = np.linspace(0, 1, 5)
    value = gain * bursts(move, float(seconds), t[:-1, None] + np.diff(t)[:, None] * inside).mean(1) + 0.3 * np.sin(
        0.5 * t[:-1] + seed
    )
    value += noise * rng.standard_normal(len(value))
    middle = 1e6 * (t[1:] + t[:-1]) / 2 - offset_us
    return Signal(name=f"camera {seed}", kind="motion", time_us=middle, value=value, spacing_us=1e6 / rate_hz)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    rates=st.sampled_from([(30.0, 30.0), (30.0, 60.0), (25.0, 30.0), (15.0, 30.0), (60.0, 24.0)]),
    offset_ms=st.floats(-1500, 1500),
)
def test_motion_at_any_rates(seed, rates, offset_ms):
    move = seed
    first = sampled(move, seed, rate_hz=rates[0], offset_us=0.0, seconds=12)
    second = sampled(move, seed + 1, rate_hz=rates[1], offset_us=1e3 * offset_ms, seconds=12, gain=3.0)
    lag = find_lag(first, second, largest_us=2e6)
    assert abs(lag.lag_us - 1e3 * offset_ms) < LIMIT_US
    assert lag.confidence > TRUSTED
    back = find_lag(second, first, largest_us=2e6)
    assert back.lag_us == pytest.approx(-lag.lag_us, abs=2000)  # the two grids differ by up to one step


def test_strangers_have_no_confidence():
    confidences = []
    for seed in range(30):
        a = sampled(seed, seed, rate_hz=30.0, offset_us=0.0, seconds=10)
        b = sampled(seed + 1000, seed, rate_hz=30.0, offset_us=0.0, seconds=10)
        confidences.append(find_lag(a, b, largest_us=2e6).confidence)
    assert np.mean(np.array(confidences) < TRUSTED) > 0.9


def test_what_does_not_overlap_is_refused():
    move = 0
    a = sampled(move, 0, rate_hz=30.0, offset_us=0.0, seconds=5)
    far = sampled(move, 1, rate_hz=30.0, offset_us=60e6, seconds=5)
    with pytest.raises(CaptureError, match="do not overlap"):
        find_lag(a, far, largest_us=1e6)
    with pytest.raises(CaptureError, match="do not overlap"):
        mean_signal([a, far])
    assert find_lag(a, far, largest_us=1e6, about_us=60e6).lag_us == pytest.approx(60e6, abs=LIMIT_US)


MOVING = MovingPatches.of(3, 20.0)


def test_motion_of_pictures_from_two_sides():
    a_us, b_us = np.arange(300) * 33_333.0, 4_000 + np.arange(500) * 16_667.0
    a = motion_of_pictures("a", a_us, [MOVING.picture(1e-6 * t, 0.0) for t in a_us])
    b = motion_of_pictures("b", b_us - 321_000, [MOVING.picture(1e-6 * t, 0.9) for t in b_us])
    lag = find_lag(a, b, largest_us=1e6)
    assert abs(lag.lag_us - 321_000) < LIMIT_US
    assert lag.confidence > TRUSTED


def test_a_blinking_light():
    switches = np.array([0.5, 0.9, 1.7, 2.05, 3.3, 3.7, 4.8, 5.0, 6.1, 6.9])

    def pictures(t_us, corner, seed):
        rng = np.random.default_rng(seed)
        made = []
        for t in t_us * 1e-6:
            picture = 60 + 2 * rng.standard_normal((90, 160)).astype(np.float32)
            exposed = t + np.linspace(-0.004, 0.004, 9)
            picture[corner : corner + 12, corner : corner + 12] += 120 * (np.searchsorted(switches, exposed) % 2).mean()
            made.append(picture.astype(np.float32))
        return made

    a_us, b_us = np.arange(220) * 33_333.0, 9_000 + np.arange(200) * 40_000.0
    a = light_of_pictures("a", a_us, pictures(a_us, 30, 0))
    b = light_of_pictures("b", b_us + 450_000, pictures(b_us, 60, 1))
    lag = find_lag(a, b, largest_us=1e6)
    assert abs(lag.lag_us + 450_000) < LIMIT_US
    assert lag.confidence > 0.6
    dark = light_of_pictures("c", a_us, [np.full((90, 160), 60, np.float32) for _ in a_us])
    assert not dark.value.any()


def write_clap(path, at_s, *, audio=True, seconds=5.0, rate_hz=48_000):
    """A video with grey pictures and short claps in its sound."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=30)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=rate_hz) if audio else None
        for _ in range(int(30 * seconds)):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            container.mux(video.encode(picture))
        container.mux(video.encode())
        if sound is not None:
            samples = 0.002 * rng.standard_normal(int(seconds * rate_hz))
            for clap in at_s:
                k = int(clap * rate_hz)
                samples[k : k + 2000] += 0.5 * rng.standard_normal(2000) * np.exp(-np.arange(2000) / 400)
            frame = av.AudioFrame.from_ndarray(
                (samples * 32000).clip(-32768, 32767).astype(np.int16)[None], layout="mono"
            )
            frame.sample_rate = rate_hz
            container.mux(sound.encode(frame))
            container.mux(sound.encode())
    return path


def test_a_clap(tmp_path):
    a = audio_signal(write_clap(tmp_path / "a.mkv", [1.2, 2.1, 3.9]), "a")
    b = audio_signal(write_clap(tmp_path / "b.mkv", [0.963, 1.863, 3.663], rate_hz=44_100), "b")
    lag = find_lag(a, b, largest_us=2e6)
    assert abs(lag.lag_us - 237_000) < 1500  # the loudness has 1000 values a second
    assert lag.confidence > 0.6
    assert audio_signal(write_clap(tmp_path / "c.mkv", [], audio=False), "c") is None


def moving_session(folder, shifts_us):
    """Cameras around one moving patch, each with its own rate, as a session; `shifts_us` is what their clocks lack."""
    import simplejpeg

    streams = []
    with McapWriter(folder / "recording" / "rig.mcap") as writer:
        for view, (name, shift_us) in enumerate(shifts_us.items()):
            writer.add_stream(f"/{name}/color", "jpeg")
            period_us = 33_333 if view % 2 == 0 else 16_667
            times = np.arange(0, 9_000_000, period_us) + 1000 * view
            for t in times.tolist():
                grey = np.repeat(MOVING.picture(1e-6 * t, 0.5 * view)[..., None], 3, -1).astype(np.uint8)
                data = simplejpeg.encode_jpeg(np.ascontiguousarray(grey), quality=90)
                writer.write(f"/{name}/color", data, device_us=int(t + 5_000_000 - shift_us), host_us=0)
            streams.append(StreamInfo(name=f"{name}/color", kind="color", file="recording/rig.mcap", encoding="jpeg",
                                      topic=f"/{name}/color", frames=len(times), width=160, height=90))  # fmt: skip
    devices = [DeviceInfo(name=name, clock=name) for name in shifts_us]
    return Session.create(folder, streams=streams, devices=devices, origin="test")


@pytest.fixture(scope="module")
def cameras(tmp_path_factory):
    shifts = {"a": 0, "b": 412_000, "c": -87_000}
    return moving_session(tmp_path_factory.mktemp("content") / "s", shifts), shifts


@pytest.mark.parametrize("growing", [False, True])
def test_a_session_of_free_running_cameras(cameras, growing):
    session, shifts = cameras
    times = {s: session.timestamps_us(s)[0].astype(np.float64) for s in session.streams}
    found = content_offsets(
        session, times, reference=["a"], devices=["b", "c"], seconds=8.0, largest_us=1e6, growing=growing
    )
    assert [offset.device for offset in found] == ["b", "c"]
    for offset in found:
        assert offset.sure
        assert abs(offset.lag_us - shifts[offset.device]) < LIMIT_US
