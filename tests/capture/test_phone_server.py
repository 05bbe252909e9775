"""The phone server against strangers, liars and clients that hang: refused in a sentence, bounded, others go on."""

import asyncio
import contextlib
import json
import socket
import ssl
import time

import aiohttp
import pytest
from phone_take import TOKEN, playing, take_until, write_phone_session

from capture.errors import CaptureError
from capture.iphone import connection
from capture.iphone import server as server_module
from capture.iphone.agent import run_agent
from capture.iphone.driver import PhoneDriver
from capture.iphone.frame_message import encode_frame
from capture.iphone.pairing import PairingAddress
from capture.iphone.protocol import Hello, PhoneStream, to_text
from capture.iphone.server import PhoneServer
from capture.iphone.settings import PhoneSettings

STREAMS = [PhoneStream(kind="color", rate_hz=30.0, width=64, height=48)]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return write_phone_session(tmp_path_factory.mktemp("phone") / "S", 20)


@pytest.fixture
def server(tmp_path):
    with PhoneServer(token=TOKEN, folder=tmp_path, silence_s=2.0) as server:
        yield server


def hello(token=TOKEN, serial="X-1"):
    return to_text(Hello(version=1, serial=serial, run="r", token=token, streams=STREAMS))


def talk(server, *messages, headers=None, answers=20):
    """What the server answers to these messages, and the code with which it closes, None if it does not."""

    async def run():
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(server.address.websocket, headers=headers, max_msg_size=0) as ws,
        ):
            for message in messages:
                await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
            heard = []
            while len(heard) < answers:
                try:
                    answer = await ws.receive(timeout=0.4)
                except TimeoutError:
                    return heard, None
                if answer.type != aiohttp.WSMsgType.TEXT:
                    return heard, ws.close_code
                heard.append(json.loads(answer.data))
            return heard, None

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (hello(token="wrong-token-wrong-token"), "pairing token is missing or wrong"),
        (hello(token=""), "pairing token is missing or wrong"),
        ('{"type": "ping", "t0": 1}', "first message must be hello"),
        ("nonsense", "not JSON"),
        (b"binary", "first message must be hello"),
    ],
)
def test_strangers_are_refused_in_a_sentence(server, first, words):
    heard, closed = talk(server, first)
    assert [m["type"] for m in heard] == ["error"]
    assert words in heard[0]["text"]
    assert closed is not None
    assert server.phones() == ()
    assert server.bad_messages == 1


def test_bad_messages_are_answered_counted_and_then_ended(server, monkeypatch):
    bad = ["{", '{"type": "sync", "t0": 0, "t1": 0, "t2": 0, "t3": 0}', b"junk", hello()]
    heard, closed = talk(server, hello(), *bad)
    assert [m["type"] for m in heard if m["type"] != "discard"] == ["welcome", "error", "error", "error", "error"]
    assert closed is None
    assert server.phones()[0].bad_messages == 4
    monkeypatch.setattr(connection, "MAX_BAD", 10)
    heard, closed = talk(server, hello(), *["{"] * 30, answers=100)
    assert sum(m["type"] == "error" for m in heard) == 10
    assert closed is not None


def test_a_message_that_is_too_long_ends_the_connection(server):
    with contextlib.suppress(ConnectionError):  # it may be cut off while it still sends
        assert talk(server, hello(), b"\0" * (8 * 2**20 + 1))[1] == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    deadline = time.monotonic() + 3
    while server.phones()[0].connected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.phones()[0].bad_messages == 1


def test_pages_of_other_sites_may_not_connect(server):
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        talk(server, hello(), headers={"Origin": "https://evil.example"})
    assert caught.value.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError):  # a name that a foreign site made point to loopback
        talk(server, hello(), headers={"Host": "evil.example"})


def test_who_says_nothing_is_dropped_and_others_come_through(server, session, monkeypatch):
    monkeypatch.setattr(connection, "HELLO_S", 0.3)
    monkeypatch.setattr(server_module, "IDLE_S", 0.3)
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(30)]
    for number, request in enumerate((b"GET /phone", b"GET /", b"GET /no", b"POST /phone")):  # no WebSocket, silence
        silent[number].sendall(request + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        silent[number].settimeout(5)
        assert silent[number].recv(65536).startswith(b"HTTP/1.1 ")
    with playing(server.address.page, session.folder), PhoneDriver("phone", server) as driver:
        driver.start()
        take_until(driver, lambda frames: len(frames.get("phone/color", [])) == 20)
        driver.stop()
    for each in silent:
        each.settimeout(5)
        with contextlib.suppress(ConnectionError):
            while each.recv(65536):
                pass  # the rest of an answer, then the end
        each.close()
    assert not server._talking  # nobody is spared from the sweep for ever


def test_a_frame_of_no_take_is_not_decoded(server, monkeypatch):
    def decode(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr(connection, "decode_parts", decode)
    heard, _ = talk(server, hello(), encode_frame(take=7, number=0, timestamp_s=1.0, color=b"x" * 1000))
    assert [m["type"] for m in heard] == ["welcome", "discard", "discard"]  # after hello, and for the frame


def test_a_flood_does_not_hold_up_another_phone(server, session):
    """One client sends pings as fast as it can and reads nothing; another phone's frames arrive as always."""
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        raw.sendall(
            f"GET /phone HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        raw.recv(4096)
        raw.sendall(masked(hello(serial="FLOOD").encode()))
        raw.setblocking(False)
        ping = masked(b'{"type": "ping", "t0": 1}') * 200
        settings = PhoneSettings(serial="SERIAL-1")
        with (
            playing(server.address.page, session.folder),
            PhoneDriver("phone", server, settings=settings) as driver,
        ):
            deadline = time.monotonic() + 5
            driver.start()
            frames, late = {}, []
            while len(frames.get("phone/color", [])) < 20:
                assert time.monotonic() < deadline
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    raw.send(ping)
                frame = driver.next_frame(0.01)
                if frame is not None:
                    frames.setdefault(frame.stream, []).append(frame)
                    late.append(time.monotonic() - frame.host_us / 1e6)
            driver.stop()
    assert max(late) < 2.0


def masked(data):
    """A text message as a client frames it (RFC 6455), with a mask of zeros."""
    head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else bytes([0x81, 0xFE]) + len(data).to_bytes(2, "big")
    return head + b"\0\0\0\0" + data


def test_off_loopback_there_is_tls_and_a_token(tmp_path, session):
    """0.0.0.0 is what `--listen 0.0.0.0` opens; the agent reaches it through loopback."""
    with PhoneServer("0.0.0.0", folder=tmp_path, silence_s=2.0) as server:
        address = PairingAddress.parse(server.address.page)
        assert address.scheme == "https"
        assert len(address.token) >= 24
        assert len(address.fingerprint) == 64
        here = PairingAddress(
            scheme="https", host="127.0.0.1", port=server.port, token=address.token, fingerprint=address.fingerprint
        )
        with playing(here.page, session.folder), PhoneDriver("phone", server) as driver:
            driver.start()
            take_until(driver, lambda frames: len(frames.get("phone/color", [])) == 20)
            driver.stop()
        for url, words in (
            (here.page.replace(address.token, "another-token-another"), "refuses this phone: the pairing token"),
            (here.page.replace(address.fingerprint, "ab" * 32), "shows another certificate"),
        ):
            with pytest.raises(CaptureError, match=words):
                run_agent(url, session.folder)
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert not plain.recv(100).startswith(b"HTTP/1.1 200")
        with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", server.port)) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")


def test_two_phones_with_one_serial_do_not_push_each_other_out(server, session):
    with playing(server.address.page, session.folder) as record:
        deadline = time.monotonic() + 5
        while not server.phones() and time.monotonic() < deadline:
            time.sleep(0.02)
        heard, _ = talk(server, hello(serial="SERIAL-1"))
        assert "SERIAL-1 is connected already" in heard[0]["text"]
        assert server.phones()[0].connected
    assert record.connections == 1


def test_what_cannot_be_served_is_a_sentence(tmp_path, server):
    with pytest.raises(CaptureError, match=rf"port {server.port} \(.*choose another"):
        PhoneServer(port=server.port, folder=tmp_path).start()
    with pytest.raises(CaptureError, match=r"cannot be served on 203\.0"):
        PhoneServer("203.0.113.7", folder=tmp_path).start()
    with pytest.raises(CaptureError, match="port 99999"):
        PhoneServer(port=99999, folder=tmp_path).start()
    for token in ("short", ""):
        with pytest.raises(CaptureError, match="pairing token must be"):
            PhoneServer("0.0.0.0", token=token, folder=tmp_path)


def test_a_session_without_a_phone_is_named(tmp_path, session, server):
    with pytest.raises(CaptureError, match="name one with --device"):
        run_agent(server.address.page, session.folder, device="kinect_000")
    with pytest.raises(CaptureError, match="no session at"):
        run_agent(server.address.page, tmp_path / "none")
