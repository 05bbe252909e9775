"""Several recording computers: clocks compared, one start, one that dies, their parts merged into one session."""

import asyncio
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from recording_host import make_devices, shifted

from capture.errors import CaptureError
from capture.hosts.address import HostAddress, HostError
from capture.hosts.agent import HostAgent
from capture.hosts.connection import HostConnection
from capture.hosts.host_recorder import HostRecorder
from capture.hosts.hosts_take import read_take
from capture.hosts.merging import merge_sessions, merge_take
from capture.hosts.recording import record_on_hosts
from capture.recorder.status import RecorderLimits
from capture.session import Session
from capture.synchronisation import session_frame_sets

PROGRAM = Path(__file__).with_name("recording_host.py")
SHIFT_US = 3_600_000_000
DRIFT_PPM = 200.0
SECONDS = 1.2
LIMITS = RecorderLimits(least_s=1.0, reserve_bytes=2**20)


class Hosts:
    """Processes of recording hosts, ended with the test."""

    def __init__(self, folder):
        self.folder, self.processes = folder, {}

    def start(self, name, *devices, shift_us=0, drift_ppm=0.0):
        arguments = [name, str(self.folder / name), str(self.folder / "cable"), str(shift_us), str(drift_ppm)]
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), *arguments, *devices], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.processes[name] = process
        return process

    def address(self, name):
        return HostAddress.parse(self.processes[name].stdout.readline().decode().strip())

    def end(self):
        for process in self.processes.values():
            process.stdin.close()
        for process in self.processes.values():
            process.wait(20)
            process.stdout.close()


@pytest.fixture(scope="module", autouse=True)
def short_lead():
    """On loopback an order needs no half second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("capture.hosts.recording.LEAD_S", 0.2)
        yield


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """Two computers, B's clock an hour ahead and too fast, B's subordinate on A's cable."""
    hosts = Hosts(tmp_path_factory.mktemp("hosts"))
    hosts.start("A", "kinect_000=master", "kinect_001=subordinate")
    hosts.start("B", "kinect_002=subordinate", "phone=free", shift_us=SHIFT_US, drift_ppm=DRIFT_PPM)
    try:
        yield hosts, [hosts.address("A"), hosts.address("B")]
    finally:
        hosts.end()


@pytest.fixture(scope="module")
def taken(hosts):
    """A take of the two, fetched."""
    folder, addresses = hosts[0].folder, hosts[1]
    seen = []

    async def record_and_fetch():
        take = await record_on_hosts(
            addresses,
            "walk",
            seconds=SECONDS,
            subject="p01",
            action="a",
            on_progress=lambda s, known: seen.append(known),
        )
        for part, address in zip(take.parts, addresses):
            async with HostConnection(address) as link:
                await link.fetch("walk", folder / f"walk.{part.name}")
        return take

    take = asyncio.run(record_and_fetch())
    return folder, take, seen


def parts_of(folder, *names):
    return {name: folder / f"walk.{name}" for name in names}


def test_a_take_of_two_computers_says_that_nothing_was_lost(taken):
    _, take, seen = taken
    assert take.keep, take.verdict
    assert [part.name for part in take.parts] == ["A", "B"]
    assert {name for known in seen for name in known} == {"A", "B"}


def test_the_host_with_the_master_starts_when_the_others_run(taken):
    _, take, _ = taken
    a, b = take.parts
    assert a.started_us > b.started_us + 1e5, "B's subordinates wait for the pulse of A's master"


@pytest.mark.slow
def test_hosts_without_a_cable_start_at_one_moment(tmp_path):
    def one_device(name):
        return lambda: make_devices({name: "free"}, tmp_path / "cable", shifted(0, 0.0))

    with (
        HostAgent(HostRecorder("A", one_device("phone_a"), tmp_path / "A", limits=LIMITS)) as a,
        HostAgent(HostRecorder("B", one_device("phone_b"), tmp_path / "B", limits=LIMITS)) as b,
    ):
        take = asyncio.run(record_on_hosts([a, b], "sit", seconds=0.3))
        assert take.keep, take.verdict
        first, second = (part.started_us for part in take.parts)
        assert abs(first - second) < 50_000, "threads of a busy machine"
        with pytest.raises(HostError, match="already is a session"):
            asyncio.run(record_on_hosts([a, b], "sit", seconds=0.3))
        again = asyncio.run(record_on_hosts([a, b], "sit2", seconds=0.3))
        assert again.keep, "devices stayed open and the refusal left nothing armed"


@pytest.mark.slow
def test_a_broken_network_does_not_end_a_take(tmp_path):
    recorder = HostRecorder(
        "A", lambda: make_devices({"p": "free"}, tmp_path / "c", shifted(0, 0.0)), tmp_path, limits=LIMITS
    )
    agent, cut = HostAgent(recorder), []

    def cut_once(seconds, known):
        if not cut and seconds > 0.2:
            cut.extend(asyncio.run_coroutine_threadsafe(s.close(), agent._thread._loop) for s in list(agent._sockets))

    with agent as address:
        take = asyncio.run(record_on_hosts([address], "walk", seconds=1.5, on_progress=cut_once))
    assert cut
    assert take.keep, take.verdict
    assert take.parts[0].figures["seconds"] > 1.3


@pytest.mark.slow
def test_a_take_that_nobody_stops_ends_by_itself(tmp_path):
    recorder = HostRecorder(
        "A", lambda: make_devices({"p": "free"}, tmp_path / "c", shifted(0, 0.0)), tmp_path, limits=LIMITS
    )
    recorder.arm("walk")
    recorder.start("walk", 0, at_most_s=0.3)
    until = time.monotonic() + 10
    while recorder.status()["state"] != "idle":
        assert time.monotonic() < until
        time.sleep(0.05)
    told = recorder.stop("walk")
    assert told["ended_because"] == "nobody stopped it in time"
    assert Session.open(tmp_path / "walk.A").streams["p/color"].frames == told["frames"]["p/color"]
    recorder.arm("run")
    recorder.start("run", 0)
    time.sleep(0.3)
    recorder.close()
    assert Session.open(tmp_path / "run.A").streams["p/color"].frames > 0


def test_the_clock_offset_lies_within_its_uncertainty(taken):
    _, take, _ = taken
    offset = take.parts[1].offset
    assert offset.before.exchanges >= 50
    true_us = SHIFT_US + 1e-6 * DRIFT_PPM * 5e6  # drift since the process began: some seconds
    assert abs(offset.offset_us - true_us) < offset.uncertainty_us + 1e-6 * DRIFT_PPM * 20e6
    assert offset.uncertainty_us < 20_000, "loopback on a busy machine"
    assert abs(offset.before.offset_us - offset.after.offset_us) <= (
        offset.before.uncertainty_us + offset.after.uncertainty_us + 1e-6 * DRIFT_PPM * 30e6
    )


def test_the_merged_session_pairs_frames_of_both_computers(taken, tmp_path):
    folder, take, _ = taken
    merged = merge_take(take, parts_of(folder, "A", "B"), tmp_path / "walk")
    session = merged.session
    assert merged.notes == ()
    assert (session.info.id, session.info.subject, session.info.action) == ("walk", "p01", "a")
    assert {s.file for s in session.info.streams} == {"recording/A.mcap", "recording/B.mcap"}
    assert {d.name: d.host for d in session.info.devices} == {
        "kinect_000": "A", "kinect_001": "A", "kinect_002": "B", "phone": "B",
    }  # fmt: skip
    host = {h.name: h for h in session.info.hosts}["B"]
    assert abs(host.offset_us - SHIFT_US) < 40_000
    assert host.offset_uncertainty_us > 0
    first, last = session.timestamps_us("phone/color")[1][[0, -1]]
    assert abs(host.offset_at_us - (first + last) / 2) < 3e6, "its own clock, about the middle of the take"
    step = host.offset_when(host.offset_at_us + 1e9) - host.offset_us
    assert step == pytest.approx(1e3 * host.drift_ppm)

    wired = ["kinect_000/color", "kinect_001/color", "kinect_002/color"]
    numbers = {name: pulse_numbers(session, name) for name in wired}
    together = 0
    for instant in session_frame_sets(session).instants:
        found = [numbers[name][instant.index[name]] for name in wired if instant.has(name)]
        assert len(set(found)) <= 1, "one pulse, one set"
        together += len(found) == 3
    assert together >= 0.8 * SECONDS * 30


def test_free_devices_of_another_computer_are_told_in_the_first_ones_time(taken, tmp_path):
    folder, take, _ = taken
    session = merge_take(take, parts_of(folder, "A", "B"), tmp_path / "walk").session
    host = {h.name: h for h in session.info.hosts}["B"]
    # kinect_000 and kinect_002 expose at one pulse and arrive after the same latency: their arrivals must agree
    arrivals = {name: dict(zip(pulse_numbers(session, name), session.timestamps_us(name)[1]))
                for name in ("kinect_000/color", "kinect_002/color")}  # fmt: skip
    common = set(arrivals["kinect_000/color"]) & set(arrivals["kinect_002/color"])
    apart = [arrivals["kinect_002/color"][k] - host.offset_us - arrivals["kinect_000/color"][k] for k in common]
    assert len(common) > 20
    assert np.max(np.abs(apart)) <= host.offset_uncertainty_us + 1, "rounding of times to microseconds"

    phone_us, kinect_us = (session.timestamps_us(name)[1] for name in ("phone/color", "kinect_000/color"))
    apart = [
        phone_us[instant.index["phone/color"]] - host.offset_us - kinect_us[instant.index["kinect_000/color"]]
        for instant in session_frame_sets(session).instants
        if instant.has("phone/color") and instant.has("kinect_000/color")
    ]
    assert len(apart) >= 0.7 * len(kinect_us), "the phone ran before, during and after the Kinect"
    assert np.max(np.abs(apart)) < 16_667 + 3_000, "half a period, and what a fit to a second of arrivals may be off"


def test_parts_stay_and_the_target_is_never_overwritten(taken, tmp_path):
    folder, take, _ = taken
    before = sorted((p, p.stat().st_size) for p in folder.glob("walk.*/**/*"))
    merge_take(take, parts_of(folder, "A", "B"), tmp_path / "walk")
    assert sorted((p, p.stat().st_size) for p in folder.glob("walk.*/**/*")) == before
    with pytest.raises(HostError, match="exists; choose another folder"):
        merge_take(take, parts_of(folder, "A", "B"), tmp_path / "walk")


def test_a_damaged_part_leaves_no_target(taken, tmp_path):
    folder, take, _ = taken
    broken = tmp_path / "walk.B"
    shutil.copytree(folder / "walk.B", broken)
    file = broken / "recording" / "B.mcap"
    data = bytearray(file.read_bytes())
    data[data.index(b"\xff\xd8\xff", len(data) // 3) + 20] ^= 0xFF  # within a picture
    file.write_bytes(data)
    with pytest.raises(CaptureError, match=rf"^{broken}/recording/B\.mcap: .* is damaged"):
        merge_take(take, {"A": folder / "walk.A", "B": broken}, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["walk.B"]


def test_a_missing_part_is_said_and_its_devices_are_named(taken, tmp_path):
    folder, take, _ = taken
    merged = merge_take(take, parts_of(folder, "A"), tmp_path / "walk")
    assert "host B is missing (kinect_002, phone)" in merged.notes[0]
    notes = {device.name: device.note for device in Session.open(tmp_path / "walk").info.devices}
    assert "host B is missing" in notes["phone"]
    sets = session_frame_sets(merged.session)
    assert len(sets.instants) >= 0.8 * SECONDS * 30
    assert {name for instant in sets.instants for name in instant.index} == {"kinect_000/color", "kinect_001/color"}


def edited(part, target, **changes):
    """A copy of a part whose session.toml says something else."""
    shutil.copytree(part, target)
    path = target / "session.toml"
    text = path.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return target


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"serial of kinect_002": "serial of kinect_000"}, "serial 'serial of kinect_000' more than once"),
        ({"kinect_002": "kinect_001"}, "stream 'kinect_001/color' more than once"),
        ({'id = "walk"': 'id = "run"'}, "merge parts of one take"),
        ({'name = "B"': 'name = "C"', 'host = "B"': 'host = "C"'}, "clock of host 'C'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(taken, tmp_path, changes, told):
    folder, take, _ = taken
    wrong = edited(folder / "walk.B", tmp_path / "wrong", **changes)
    offsets = {part.name: part.offset for part in take.parts}
    with pytest.raises(HostError, match=told):
        merge_sessions([folder / "walk.A", wrong], tmp_path / "out", offsets)
    assert not (tmp_path / "out").exists()


def test_the_description_of_a_take_comes_back(taken, tmp_path):
    _, take, _ = taken
    path = take.write(tmp_path)
    assert read_take(path) == take
    with pytest.raises(HostError, match="exists; give the take another name"):
        take.write(tmp_path)
    path.write_text("{}")
    with pytest.raises(HostError, match="does not describe a take"):
        read_take(path)


@pytest.mark.slow
def test_a_computer_that_dies_leaves_the_others_running(hosts, tmp_path):
    """The last test that needs both computers."""
    running, addresses = hosts

    def kill_later(seconds, known):
        if seconds > 0.6 and running.processes["B"].poll() is None:
            running.processes["B"].kill()

    take = asyncio.run(record_on_hosts(addresses, "run", seconds=1.8, on_progress=kill_later))
    a, b = take.parts
    assert not take.keep
    assert a.figures["seconds"] > 1.5
    assert b.lost
    assert "B: lost during the take" in take.verdict[2]
    assert f"humanrig repair {running.folder / 'B' / 'run.B'}" in take.verdict[2]
    assert b.offset.after is None
    assert b.offset.uncertainty_us > 100 * 2, "its drift is not known"

    part = Path(b.folder)
    with pytest.raises(HostError, match=r"was cut short .* run: humanrig repair"):
        merge_take(take, {"A": Path(a.folder), "B": part}, tmp_path / "early")
    repair = pytest.importorskip("capture.recorder.repair", reason="the repair of recordings is not there")
    repair.repair_session(part)
    merged = merge_take(take, {"A": Path(a.folder), "B": part}, tmp_path / "run")
    assert merged.session.streams["phone/color"].frames > 0
    assert "its drift is not known" in merged.notes[0]


def connected(address, work):
    async def go():
        async with HostConnection(address) as link:
            return await work(link)

    return asyncio.run(go())


def test_a_fetch_goes_on_where_it_broke_off_and_finds_damage(taken, tmp_path):
    folder, _, _ = taken
    shutil.copytree(folder / "walk.A", tmp_path / "A" / "walk.A")
    whole = (folder / "walk.A" / "recording" / "A.mcap").read_bytes()
    target = tmp_path / "fetched"
    (target / "recording").mkdir(parents=True)
    partial = target / "recording" / ".A.mcap.partial"
    partial.write_bytes(whole[: len(whole) // 2])
    got = []
    with HostAgent(HostRecorder("A", list, tmp_path / "A", limits=LIMITS)) as address:
        connected(address, lambda link: link.fetch("walk", target, got.append))
        assert (target / "recording" / "A.mcap").read_bytes() == whole
        assert sum(got) < len(whole), "the first half was not sent again"
        shutil.rmtree(target)
        (target / "recording").mkdir(parents=True)
        partial.write_bytes(b"other bytes")
        with pytest.raises(HostError, match=r"is not what .* recorded"):
            connected(address, lambda link: link.fetch("walk", target))
    assert not (target / "recording" / "A.mcap").exists()


def pulse_numbers(session, stream):
    """Which frame of the virtual device each recorded one was."""
    reader = session.recording(session.streams[stream].file)
    count = session.streams[stream].frames
    return [int(reader.read(f"/{stream}", k).data.split()[-1]) for k in range(count)]
