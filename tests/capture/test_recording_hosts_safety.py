"""An agent on a bad day: coordinators that die or collide, strangers, slow downloads, hosts that lie."""

import asyncio
import socket
import time
from dataclasses import replace

import pytest
from recording_host import make_devices, shifted

from capture.errors import CaptureError
from capture.hosts.address import HostAddress, HostError, checked_name
from capture.hosts.agent import HostAgent
from capture.hosts.connection import HostConnection, _inside
from capture.hosts.host_recorder import HostRecorder
from capture.hosts.hosts_take import read_take
from capture.hosts.idle_connections import IdleConnections
from capture.hosts.recording import record_on_hosts
from capture.recorder.status import RecorderLimits
from capture.session import Session
from humanrig.commands import host as host_command

LIMITS = RecorderLimits(least_s=0.0, reserve_bytes=0)
TOKEN = "t" * 32


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """On loopback an order needs no half second, and nobody waits for a second at the end."""
    monkeypatch.setattr("capture.hosts.recording.LEAD_S", 0.05)
    monkeypatch.setattr("capture.hosts.agent.SHUTDOWN_S", 0.2)


def recorder_of_one(folder, **options):
    """A host with one free device."""
    return HostRecorder(
        "A",
        lambda: make_devices({"phone": "free"}, folder / "cable", shifted(0, 0.0)),
        folder,
        limits=LIMITS,
        **options,
    )


def ask(address, call, **values):
    async def go():
        async with HostConnection(address) as link:
            return await link.ask(call, timeout_s=5.0, **values)

    return asyncio.run(go())


def within(seconds, true):
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_take_that_is_armed_and_never_started_is_given_up(tmp_path):
    recorder = recorder_of_one(tmp_path, armed_s=0.1)
    recorder.arm("first")
    assert within(5, lambda: recorder.status()["state"] == "idle")
    recorder.close()  # waits until it is given up
    assert not (tmp_path / "first.A").exists(), "it holds no frame"


def test_a_host_that_is_armed_for_another_take_is_left_alone(tmp_path):
    recorder = recorder_of_one(tmp_path)
    with HostAgent(recorder) as address:
        ask(address, "arm", session="first")
        with pytest.raises(HostError, match="A is armed for another take; wait a minute"):
            asyncio.run(record_on_hosts([address], "second", seconds=0.2))
        assert recorder.status()["state"] == "armed"
        ask(address, "disarm", session="first")
        take = asyncio.run(record_on_hosts([address], "second", seconds=0.2))
        assert take.keep, take.verdict


def test_a_take_that_was_started_does_not_end_with_the_time_to_start_it(tmp_path):
    recorder = recorder_of_one(tmp_path, armed_s=0.1)
    recorder.arm("walk")
    recorder.start("walk", 0)
    time.sleep(0.25)
    assert recorder.status()["state"] == "recording"
    recorder.close()


def test_only_the_take_that_was_armed_can_be_disarmed(tmp_path):
    recorder = recorder_of_one(tmp_path)
    with HostAgent(recorder) as address:
        ask(address, "arm", session="mine")
        ask(address, "disarm", session="another")
        assert recorder.status()["state"] == "armed"
        ask(address, "disarm", session="mine")
        assert recorder.status()["state"] == "idle"


def test_a_second_computer_that_starts_takes_does_not_disarm_the_first_ones(tmp_path):
    """Both met the host while it was idle; the same name of a take makes it no less another's."""
    first = recorder_of_one(tmp_path / "a")
    with HostAgent(first) as address:
        meet = first.describe
        first.describe = lambda: {**meet(), "state": "idle"}
        ask(address, "arm", session="walk")
        for session in ("walk", "run"):
            with pytest.raises(HostError, match="it is armed with 'walk'"):
                asyncio.run(record_on_hosts([address], session, seconds=0.2))
            assert first.status()["state"] == "armed"
            assert (tmp_path / "a" / "walk.A").is_dir()


def test_an_error_of_an_sdk_is_answered(tmp_path):
    def devices():
        raise RuntimeError("the SDK says no")

    with HostAgent(HostRecorder("A", devices, tmp_path)) as address:
        with pytest.raises(HostError, match=r"A could not do what it was asked \(RuntimeError: the SDK says no\)"):
            ask(address, "describe")
        assert ask(address, "status")["state"] == "idle", "it goes on"


def test_a_slow_download_does_not_keep_an_agent_from_ending_its_take(tmp_path):
    recorder = recorder_of_one(tmp_path)
    agent = HostAgent(recorder)
    address = agent.start()
    asyncio.run(record_on_hosts([address], "walk", seconds=0.2))
    with (tmp_path / "walk.A" / "recording" / "big.bin").open("wb") as file:
        file.truncate(100_000_000)
    recorder.arm("run")
    recorder.start("run", 0)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((address.host, address.port))
        request = f"GET /files/walk/recording/big.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {address.token}\r\n"
        line.sendall(f"{request}\r\n".encode())
        assert line.recv(12) == b"HTTP/1.1 200"
        time.sleep(0.2)
        begun = time.monotonic()
        agent.close()
        assert time.monotonic() - begun < 6, "a second each for server and loop, the take's end, a busy machine"
    assert Session.open(tmp_path / "run.A").streams["phone/color"].frames > 0
    with pytest.raises(HostError, match="the agent of A ends"):
        recorder.arm("later")


def test_strangers_that_say_nothing_do_not_take_the_open_files(tmp_path, monkeypatch):
    monkeypatch.setattr("capture.hosts.agent.IdleConnections", lambda: IdleConnections(most=8, idle_s=60.0))
    agent = HostAgent(HostRecorder("A", list, tmp_path))
    with agent as address:
        silent = [socket.create_connection((address.host, address.port)) for _ in range(40)]

        async def work():
            async with HostConnection(address) as link:
                more = [socket.create_connection((address.host, address.port)) for _ in range(40)]
                await asyncio.sleep(0.2)
                assert (await link.ask("status", timeout_s=5.0))["state"] == "idle"
                for line in more:
                    line.close()

        asyncio.run(work())
        assert sum(is_cut(line) for line in silent) >= 40 - 8
        for line in silent:
            line.close()


def test_an_idle_connection_is_cut_and_one_that_asks_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("capture.hosts.agent.IdleConnections", lambda: IdleConnections(idle_s=0.2))
    monkeypatch.setattr("capture.hosts.idle_connections.TICK_S", 0.05)
    with HostAgent(HostRecorder("A", list, tmp_path)) as address:
        stranger = socket.create_connection((address.host, address.port))
        stranger.sendall(b"GET / HTTP/1.1\r\nHost:")  # and never the rest

        async def work():
            async with HostConnection(address) as link:
                await asyncio.sleep(0.6)
                return await link.ask("status", timeout_s=5.0)

        assert asyncio.run(work())["state"] == "idle"
        assert within(2, lambda: is_cut(stranger))
        stranger.close()


def is_cut(line):
    line.settimeout(0.05)
    try:
        return line.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("port", [-1, 65536, 70000])
def test_a_port_that_cannot_be_is_one_sentence(tmp_path, port):
    with pytest.raises(HostError, match=f"cannot listen at port {port}; give --port from 1 to 65535"):
        HostAgent(HostRecorder("A", list, tmp_path), port=port).start()


@pytest.mark.parametrize("name", ["no such name", "bad..name", "x" * 70], ids=["unknown", "empty label", "long"])
def test_an_address_that_is_none_is_one_sentence(tmp_path, monkeypatch, name):
    monkeypatch.setattr("capture.hosts.agent.is_loopback", lambda _: True)
    with pytest.raises(HostError, match="the agent cannot listen at"):
        HostAgent(HostRecorder("A", list, tmp_path), listen=name).start()


@pytest.mark.parametrize("host", ["127.0.0.1.evil.example", "127.evil.example", "localhost.evil.example"])
def test_a_name_that_looks_like_loopback_is_another_computer(host):
    with pytest.raises(HostError, match="is another computer without TLS"):
        HostAddress.parse(f"ws://{host}:80/#{TOKEN}")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
def test_loopback_needs_no_certificate(host):
    assert HostAddress.parse(f"ws://{host}:80/#{TOKEN}").port == 80


def test_a_fetch_never_overwrites_a_file(tmp_path):
    target, existing = tmp_path / "fetched", "session.toml"  # the last one that would be fetched
    (target / existing).parent.mkdir(parents=True)
    (target / existing).write_text("my only copy, repaired")
    with HostAgent(recorder_of_one(tmp_path / "A")) as address:

        async def record_and_fetch():
            await record_on_hosts([address], "walk", seconds=0.2)
            async with HostConnection(address) as link:
                await link.fetch("walk", target)

        with pytest.raises(HostError, match=r"exists and is not what .* recorded; move .* away"):
            asyncio.run(record_and_fetch())
    assert (target / existing).read_text() == "my only copy, repaired"
    assert [p for p in target.rglob("*") if p.is_file()] == [target / existing], "nothing was fetched into it"


@pytest.mark.parametrize("name", ["x/../../../home/me/.ssh", "..", "", "a b", "/etc", "a\n", None, 7, ["A"]])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(HostError, match="calls itself"):
        checked_name(name, "ws://127.0.0.1:1/")
    assert checked_name("left-2_b", "ws://127.0.0.1:1/") == "left-2_b"


def test_the_name_that_a_host_gives_itself_becomes_no_path(tmp_path):
    evil = "x/../../elsewhere"
    recorder = recorder_of_one(tmp_path / "A")
    with HostAgent(recorder) as address:
        take = asyncio.run(record_on_hosts([address], "walk", seconds=0.2))
        recorder.name = evil
        with pytest.raises(HostError, match="calls itself"):
            asyncio.run(record_on_hosts([address], "run", seconds=0.2))
        lying = replace(take, parts=(replace(take.parts[0], name=evil),))
        with pytest.raises(HostError, match="calls itself"):
            host_command._fetch(lying, [address], tmp_path / "takes" / "walk")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A"]
    with pytest.raises(HostError, match="calls itself"):
        read_take(lying.write(tmp_path))


@pytest.mark.parametrize("name", ["../x", ".", "", "a/../..", "/etc/passwd", "a/.."])
def test_a_file_that_a_host_names_stays_in_its_part(tmp_path, name):
    with pytest.raises(HostError, match="is outside"):
        _inside(tmp_path / "part", name)
    assert _inside(tmp_path / "part", "recording/A.mcap") == tmp_path / "part" / "recording" / "A.mcap"


def test_closing_gives_the_devices_back_although_the_take_cannot_end(tmp_path, monkeypatch):
    recorder = recorder_of_one(tmp_path)
    recorder.arm("walk")
    recorder.start("walk", 0)
    rig, taken = recorder._rig, recorder._recorder
    stop = taken.stop

    def fail():
        stop()
        raise CaptureError("the disk is gone")

    monkeypatch.setattr(taken, "stop", fail)
    with pytest.raises(CaptureError, match="the disk is gone"):
        recorder.close()
    assert all(health.state == "closed" for health in rig.health())
    assert (tmp_path / "walk.A").is_dir()
