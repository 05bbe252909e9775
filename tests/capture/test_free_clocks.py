"""Phones and other free devices beside a wired rig: nearest frames, known latencies, exchanges, hosts, resets."""

import json
from dataclasses import replace

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.frame_sets import HOLE
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, HostInfo, StreamInfo, write_info
from capture.synchronisation import free_devices, session_frame_sets

LATENCY_US = {"color": 45_000, "depth": 31_000}


def record(
    folder,
    *,
    seconds=20.0,
    phone_hz=60.0,
    phone_latency_us=45_000,
    exchanges=False,
    hosts=False,
    reset=False,
    clockless=False,
):
    """Two wired devices at 30 Hz and a phone with an offset, 25 ppm of skew and late arrivals; its true times."""
    rng = np.random.default_rng(7)
    pulses = np.arange(int(30 * seconds)) * 1e6 / 30
    own = 4_000 + np.arange(int(phone_hz * (seconds + 1))) * 1e6 / phone_hz - 3e5
    own = own[rng.random(len(own)) > 0.02]
    phone_us = np.rint(9e8 + own * (1 + 25e-6)).astype(np.int64)
    if reset:
        phone_us[len(own) // 2 :] -= 880_000_000
    ahead_us = 5_000_000 if hosts else 0
    streams = []
    with McapWriter(folder / "recording" / "rig.mcap") as writer:
        rows = {}
        for device in ("kinect_000", "kinect_001"):
            for kind, latency in LATENCY_US.items():
                rows[f"{device}/{kind}"] = (
                    np.rint(pulses + 1e6),
                    pulses + latency + rng.exponential(1500, len(pulses)),
                )
        arrived = own + phone_latency_us + rng.exponential(1500, len(own)) + ahead_us
        rows["iphone/color"] = (phone_us, arrived)
        for stream, (device_us, host_us) in rows.items():
            writer.add_stream(f"/{stream}", "json")
            for index, (d, h) in enumerate(zip(device_us, host_us)):
                d = 3e7 + h if clockless and stream.startswith("iphone") else d
                writer.write(f"/{stream}", str(index).encode(), device_us=int(d), host_us=int(3e7 + h))
            streams.append(StreamInfo(name=stream, kind=stream.split("/")[1], file="recording/rig.mcap", rate_hz=30.0,
                                      encoding="json", topic=f"/{stream}", frames=len(device_us)))  # fmt: skip
        if exchanges:
            writer.add_stream("/iphone/clock", "json")
            for t, d in zip(own, phone_us):
                there, back = 3000 + rng.gamma(2, 4000), 3000 + rng.gamma(1, 1500)
                told = {"offset_us": 3e7 + t + ahead_us - d + (there - back) / 2, "rtt_us": there + back}
                writer.write(
                    "/iphone/clock", json.dumps(told).encode(), device_us=int(d), host_us=int(3e7 + t + ahead_us)
                )
            streams.append(StreamInfo(name="iphone/clock", kind="clock", file="recording/rig.mcap", encoding="json",
                                      topic="/iphone/clock", frames=len(own)))  # fmt: skip
    devices = [
        DeviceInfo(name="kinect_000", model="azure-kinect", clock="pulse", sync="master", host="a" if hosts else ""),
        DeviceInfo(
            name="kinect_001", model="azure-kinect", clock="pulse", sync="subordinate", host="a" if hosts else ""
        ),
        DeviceInfo(name="iphone", clock="iphone", host="b" if hosts else ""),
    ]
    session = Session.create(folder, streams=streams, devices=devices, origin="rig")
    if hosts:
        session.info.hosts.extend([HostInfo(name="a"), HostInfo(name="b", offset_us=float(ahead_us))])
        write_info(folder / "session.toml", session.info)
    return Session.open(folder), own + 1e6  # the session's clock is 1 s ahead of the pulses'


def errors(sets, true_us):
    """Of the phone's matched frames: the time they got, less the true one, microseconds."""
    found = [i for i in sets.instants if i.has("iphone/color")]
    return np.array([i.time_us + i.offset_us["iphone/color"] - true_us[i.index["iphone/color"]] for i in found])


def test_a_phone_at_60_hz_gives_its_nearest_frame(tmp_path):
    session, true_us = record(tmp_path / "s")
    assert free_devices(session) == ["iphone"]
    sets = session_frame_sets(session)
    assert np.abs(errors(sets, true_us)).max() < 200  # fits to the fastest arrivals of 20 s
    for instant in sets.instants:
        nearest = np.abs(true_us - instant.time_us).min()
        if instant.has("iphone/color"):
            assert abs(true_us[instant.index["iphone/color"]] - instant.time_us) < nearest + 400
        else:
            assert nearest > 0.5e6 / 60  # a hole is a hole: the frame was lost
    phone = next(d for d in sets.devices if d.device == "iphone")
    assert (phone.method, phone.reference.rsplit("/")[1]) == ("arrival", "color")
    assert phone.skew_ppm == pytest.approx(25, abs=12)  # of 20 s
    assert phone.latency_p95_us == pytest.approx(1500 * np.log(20), rel=0.2)  # of an exponential
    assert {s.stream: s.free for s in sets.streams}["iphone/color"]
    json.dumps(sets.figures(), allow_nan=False)


def test_a_slow_device_gives_no_frame_twice(tmp_path):
    session, _ = record(tmp_path / "s", seconds=5, phone_hz=14)
    indices = [i.index["iphone/color"] for i in session_frame_sets(session).instants]
    used = [k for k in indices if k != HOLE]
    assert len(used) == len(set(used)) > 55


def test_a_known_latency_is_taken_off_and_an_unknown_one_cannot_be_seen(tmp_path):
    session, true_us = record(tmp_path / "s", phone_latency_us=80_000)
    assert np.median(errors(session_frame_sets(session), true_us)) == pytest.approx(35_000, abs=200)
    known = session_frame_sets(session, latency_us={"azure-kinect/color": 45e3, "iphone/color": 80e3})
    assert np.abs(errors(known, true_us)).max() < 200
    with pytest.raises(CaptureError, match="latency_us names 'iphone/colour'"):
        session_frame_sets(session, latency_us={"iphone/colour": 1.0})


def test_exchanges_are_used_where_there_are_some(tmp_path):
    session, true_us = record(tmp_path / "s", exchanges=True, phone_latency_us=300_000)
    sets = session_frame_sets(session, latency_us={"azure-kinect/color": 45e3})
    assert np.abs(errors(sets, true_us)).max() < 1000
    assert next(d.method for d in sets.devices if d.device == "iphone") == "exchanges"


def test_hosts_that_differ_are_put_on_one_clock(tmp_path):
    session, true_us = record(tmp_path / "s", hosts=True)
    assert np.abs(errors(session_frame_sets(session), true_us)).max() < 200
    b = session.info.hosts.pop()
    session.info.hosts.append(replace(b, drift_ppm=200.0, offset_at_us=35_000_000))
    write_info(tmp_path / "s" / "session.toml", session.info)
    sets = session_frame_sets(Session.open(tmp_path / "s"))
    phone = next(d for d in sets.devices if d.device == "iphone")
    assert phone.skew_ppm == pytest.approx(225, abs=25)  # its host gained what is taken off now; the prior pulls back
    session.info.hosts.pop()
    write_info(tmp_path / "s" / "session.toml", session.info)
    with pytest.raises(CaptureError, match=r"recorded by the host 'b', whose clock session\.toml does not compare"):
        session_frame_sets(Session.open(tmp_path / "s"))


@pytest.mark.parametrize("exchanges", [False, True])
def test_a_phone_whose_clock_is_reset(tmp_path, exchanges):
    session, true_us = record(tmp_path / "s", reset=True, exchanges=exchanges)
    latency = {"azure-kinect/color": 45e3} if exchanges else {}
    sets = session_frame_sets(session, latency_us=latency)
    assert np.abs(errors(sets, true_us)).max() < (1200 if exchanges else 300)
    assert any("iphone/color: its clock was reset" in note for note in sets.notes)
    assert sum(i.has("iphone/color") for i in sets.instants) > 0.95 * len(sets.instants)


def test_an_offset_that_is_given_wins(tmp_path):
    session, true_us = record(tmp_path / "s", seconds=5)
    device_us = session.timestamps_us("iphone/color")[0]
    sets = session_frame_sets(session, offsets_us={"iphone": float(np.median(true_us - device_us))})
    assert np.abs(errors(sets, true_us)).max() < 100  # 25 ppm over 5 s
    assert next(d.method for d in sets.devices if d.device == "iphone") == "content"


def test_a_phone_without_a_clock_is_matched_by_arrival(tmp_path):
    """Record3D over USB tells no time: what latency varies by is in the times, and the constant part cancels."""
    session, true_us = record(tmp_path / "s", clockless=True)
    sets = session_frame_sets(session)
    late = errors(sets, true_us)
    assert late.min() > -200
    assert np.median(late) == pytest.approx(1500 * np.log(2), abs=250)  # of an exponential
    assert any("iphone/color: has no clock, only arrivals" in note for note in sets.notes)
