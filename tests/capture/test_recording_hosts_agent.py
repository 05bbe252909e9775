"""Parts of recording on several computers: clocks compared, hosts that do not fit, addresses, an agent's answers."""

import asyncio

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.hosts.address import HostAddress, HostError
from capture.hosts.agent import HostAgent
from capture.hosts.clock_comparison import ClockComparison, HostExchange, HostOffset, compare_clocks
from capture.hosts.connection import HostConnection
from capture.hosts.host_recorder import HostRecorder
from capture.hosts.recording import check_hosts


def exchange(offset, out, back, sent=1000):
    return HostExchange(
        sent_us=sent,
        received_us=sent + out + offset,
        answered_us=sent + out + offset + 5,
        returned_us=sent + out + 5 + back,
    )


def test_the_quickest_exchange_decides_and_bounds_the_error():
    rng = np.random.default_rng(0)
    for _ in range(50):
        ways = rng.exponential(3000, (60, 2)).astype(int) + 40
        found = compare_clocks([exchange(123_456, int(a), int(b)) for a, b in ways])
        assert abs(found.offset_us - 123_456) <= found.uncertainty_us
    with pytest.raises(CaptureError, match="compared 49 times, at least 50"):
        compare_clocks([exchange(0, 1, 1)] * 49)


def test_drift_is_seen_between_two_comparisons():
    before = ClockComparison(offset_us=1000.0, uncertainty_us=50.0, at_us=0, exchanges=60)
    after = ClockComparison(offset_us=7000.0, uncertainty_us=70.0, at_us=300_000_000, exchanges=60)
    both = HostOffset(before=before, after=after, take_s=300.0)
    assert both.drift_ppm == pytest.approx(20.0)
    assert both.offset_us == 4000.0
    assert both.uncertainty_us == 3070.0, "half of the drift over the take, and the worse comparison"
    assert HostOffset(before=before, take_s=300.0).uncertainty_us > 6000


def device(name, sync="standalone", serial=None):
    return {"name": name, "model": "", "serial": serial or name, "sync": sync}


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ([{"name": "A", "devices": []}, {"name": "A", "devices": []}], "two hosts are called 'A'"),
        ([{"name": "A", "devices": [device("k")]}, {"name": "B", "devices": [device("k")]}], "device 'k'"),
        (
            [{"name": "A", "devices": [device("k", serial="7")]}, {"name": "B", "devices": [device("l", serial="7")]}],
            "serial '7'",
        ),
        (
            [{"name": "A", "devices": [device("k", "master")]}, {"name": "B", "devices": [device("l", "master")]}],
            "2 masters",
        ),
        ([{"name": "A", "devices": [device("k", "subordinate")]}], "no master"),
    ],
)
def test_hosts_that_cannot_make_one_session_are_refused(hosts, told):
    with pytest.raises(HostError, match=told):
        check_hosts(hosts)


@pytest.fixture
def agent(tmp_path):
    """An agent in this process, without devices."""
    with HostAgent(HostRecorder("A", list, tmp_path / "A")) as address:
        yield address


def connected(address, work):
    async def go():
        async with HostConnection(address) as link:
            return await work(link)

    return asyncio.run(go())


@pytest.mark.parametrize("text", ["ws://127.0.0.1:1/#short", "http://127.0.0.1:1/#" + "x" * 32, "nowhere",
                                  "ws://10.0.0.7:5/#" + "x" * 32, "wss://10.0.0.7:5/#" + "x" * 32])  # fmt: skip
def test_an_address_that_cannot_be_used_is_one_sentence_without_the_secret(text):
    with pytest.raises(HostError) as error:
        HostAddress.parse(text)
    assert "xxx" not in str(error.value)


def test_an_agent_needs_its_token(agent):
    wrong = HostAddress(host=agent.host, port=agent.port, token="x" * 32)
    with pytest.raises(HostError, match="its token is another one"):
        connected(wrong, lambda link: link.ask("status"))
    nobody = HostAddress(host=agent.host, port=1, token="x" * 32)
    with pytest.raises(HostError, match="no agent answers"):
        connected(nobody, lambda link: link.ask("status"))


@pytest.mark.parametrize(
    ("call", "values", "told"),
    [
        ("dance", {}, "does not know 'dance'"),
        ("arm", {}, "did not understand"),
        ("arm", {"session": "../x"}, "cannot be called"),
        ("describe", {}, "the rig has no device"),
        ("start", {"session": "walk", "at_us": 0}, "it is idle"),
        ("stop", {"session": "walk"}, "does not record 'walk'"),
        ("files", {"session": "../A"}, "no recording of"),
        ("hash", {"session": "walk", "path": "../../etc/passwd"}, "no recording of"),
    ],
)
def test_what_an_agent_cannot_do_is_one_sentence(agent, call, values, told):
    with pytest.raises(HostError, match=told):
        connected(agent, lambda link: link.ask(call, **values))


def test_another_address_than_loopback_is_served_with_a_certificate_that_is_checked(tmp_path, monkeypatch):
    with pytest.raises(HostError, match="a folder for the certificate is needed"):
        HostAgent(HostRecorder("A", list, tmp_path), listen="10.0.0.7")
    monkeypatch.setattr("capture.hosts.agent.is_loopback", lambda _: False)
    agent = HostAgent(HostRecorder("A", list, tmp_path), certificates=tmp_path / "keys")
    with agent as address:
        assert address.url.startswith("wss://")
        assert HostAddress.parse(address.text) == address
        assert connected(address, lambda link: link.ask("status"))["state"] == "idle"
        other = HostAddress(host=address.host, port=address.port, token=address.token, fingerprint=bytes(32))
        with pytest.raises(HostError, match="another certificate"):
            connected(other, lambda link: link.ask("status"))
