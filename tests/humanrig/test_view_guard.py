"""The viewer's door: this computer's pages come in, others need the token and TLS, and nothing else is served."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from capture.errors import CaptureError
from capture.loop_thread import LoopThread
from humanrig.cli import main
from humanrig.errors import HumanrigError
from humanrig.viewing.guard import MESSAGE_BYTES, PAGES, TRIES, Guard, door_token

TOKEN = "a-token-of-24-characters"
PAGE = "<!doctype html><title>the page</title>"


@pytest.fixture(scope="module")
def scene():
    """A scene that answers with what it is sent, and speaks one protocol."""
    thread = LoopThread("scene")
    thread.start()

    async def talk(request):
        socket = web.WebSocketResponse(protocols=["viser-v1"], max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(b"scene:" + message.data)
        return socket

    async def serve():
        app = web.Application()
        app.router.add_get("/", talk)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = thread.run(serve())
    yield "127.0.0.1", runner.addresses[0][1]
    thread.run(runner.cleanup())
    thread.end()


@pytest.fixture
def guarded(tmp_path, scene):
    """Starts guards; the value of a call is the address."""
    page = tmp_path / "page.html"
    page.write_text(PAGE)
    opened = []

    def start(**values):
        guard = Guard(page, scene, folder=tmp_path / "keys", **{"host": "127.0.0.1", "port": 0, "token": "", **values})
        opened.append(guard)
        return guard.start()

    yield start
    for guard in opened:
        guard.close()


def ask(url, path="/", *, secure=False, **headers):
    """Status, headers and text of one answer."""
    parts = urlsplit(url)
    if secure:
        anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=10, context=anything)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, dict(answer.getheaders()), text


@asynccontextmanager
async def talking(url, origin=None, **values):
    """A page's socket."""
    parts = urlsplit(url)
    own = f"{parts.scheme}://{parts.netloc}"
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{own}/", origin=own if origin is None else origin, max_msg_size=0, **values) as socket,
    ):
        yield socket


def test_this_computers_browser_gets_the_page_and_nothing_else(guarded):
    url = guarded()
    status, headers, text = ask(url)
    assert (status, text) == (200, PAGE)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "connect-src 'self'" in headers["Content-Security-Policy"]
    for path in ("/../guard.py", "/%2e%2e/guard.py", "/..%5cguard.py", "//etc/passwd", "/page.html", "/assets/x.js"):
        status, headers, _ = ask(url, path)
        assert status == 404
        assert "Content-Security-Policy" in headers
    packed = ask(url, Accept_Encoding="gzip")
    assert packed[1]["Content-Encoding"] == "gzip"


def test_a_foreign_name_that_points_here_is_refused(guarded):
    url = guarded()
    assert ask(url, Host="evil.example")[0] == 403
    assert ask(url, Host="127.0.0.1.evil.example")[0] == 403
    assert ask(url, Host=f"localhost:{urlsplit(url).port}")[0] == 200


def test_messages_pass_in_both_directions(guarded):
    async def go(url):
        async with talking(url, protocols=["viser-v1"]) as socket:
            assert socket.protocol == "viser-v1"
            for size in (1, 70_000, MESSAGE_BYTES - 100):
                await socket.send_bytes(bytes(size))
                assert await socket.receive_bytes() == b"scene:" + bytes(size)

    asyncio.run(go(guarded()))


def test_pages_of_other_sites_cannot_talk_to_the_scene(guarded):
    url = guarded()

    async def go(origin):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with talking(url, origin):
                pass
        assert refused.value.status == 403

    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", ""):
        asyncio.run(go(origin))


def test_a_message_that_is_too_large_ends_the_page(guarded):
    async def go(url):
        async with talking(url) as socket:
            await socket.send_bytes(bytes(MESSAGE_BYTES + 1))
            message = await socket.receive(timeout=10)
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING)

    asyncio.run(go(guarded()))


def test_only_so_many_pages_look_at_once(guarded):
    async def go(url):
        async with aiohttp.ClientSession() as client:
            own = url.rstrip("/")
            asked = [client.ws_connect(f"{own}/", origin=own) for _ in range(PAGES + 3)]  # all at the same time
            answers = await asyncio.gather(*asked, return_exceptions=True)
            refused = [one for one in answers if isinstance(one, aiohttp.WSServerHandshakeError)]
            assert [one.status for one in refused] == [503] * 3
            sockets = [one for one in answers if isinstance(one, aiohttp.ClientWebSocketResponse)]
            assert len(sockets) == PAGES
            await sockets[0].close()
            for _ in range(100):
                try:
                    await client.ws_connect(f"{own}/", origin=own)
                    return
                except aiohttp.WSServerHandshakeError:
                    await asyncio.sleep(0.05)
            pytest.fail("the place of a page that went away stays taken")

    asyncio.run(go(guarded()))


def test_without_a_scene_a_page_is_told(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        nowhere = taken.getsockname()  # nobody listens there once it is closed
    page = tmp_path / "page.html"
    page.write_text(PAGE)
    guard = Guard(page, nowhere, host="127.0.0.1", port=0, token="", folder=tmp_path)

    async def go(url):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with talking(url):
                pass
        assert refused.value.status == 503

    try:
        asyncio.run(go(guard.start()))
    finally:
        guard.close()


def test_with_a_token_only_who_has_it_comes_in(guarded):
    url = guarded(token=TOKEN)
    assert url.endswith(f"/?token={TOKEN}")
    assert ask(url)[0] == 403
    assert ask(url, "/?token=wrong")[0] == 403
    assert ask(url, Cookie=f"humanrig_view_{urlsplit(url).port}=wrong")[0] == 403
    assert ask(url, "/page.html")[0] == 403  # not even that there is no such file
    status, headers, _ = ask(url, f"/?token={TOKEN}")
    assert (status, headers["Location"]) == (303, "/")  # the token leaves the address bar
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    status, _, text = ask(url, Cookie=cookie.split(";")[0])
    assert (status, text) == (200, PAGE)

    async def go(**headers):
        async with talking(url, headers=headers) as socket:
            await socket.send_bytes(b"x")
            return await socket.receive_bytes()

    assert asyncio.run(go(Cookie=cookie.split(";")[0])) == b"scene:x"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        asyncio.run(go())


def test_guesses_are_not_looked_at_for_long(guarded):
    url = guarded(token=TOKEN)
    assert [ask(url, f"/?token=guess{k}")[0] for k in range(TRIES)] == [403] * TRIES
    assert ask(url, f"/?token={TOKEN}")[0] == 429  # not even the right one, for a minute
    port = urlsplit(url).port
    assert ask(url, Cookie=f"humanrig_view_{port}={TOKEN}")[0] == 200  # who is in stays in


def test_beyond_this_computer_there_is_tls_and_a_token(guarded):
    with pytest.raises(HumanrigError, match="a token is needed"):
        guarded(host="0.0.0.0")
    url = guarded(host="0.0.0.0", token=TOKEN)
    assert url.startswith("https://")
    assert "0.0.0.0" not in url  # an address that another computer can open
    url = f"https://127.0.0.1:{urlsplit(url).port}/"
    assert ask(url, secure=True)[0] == 403
    status, headers, _ = ask(url, f"/?token={TOKEN}", secure=True)
    assert status == 303
    assert "Secure" in headers["Set-Cookie"]
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(url)  # in the clear


def test_tokens():
    assert door_token("127.0.0.1") == ""
    assert len(door_token("0.0.0.0")) >= 24
    assert door_token("0.0.0.0") != door_token("0.0.0.0")
    assert door_token("127.0.0.1", TOKEN) == TOKEN
    with pytest.raises(CaptureError, match="16 or more"):
        door_token("0.0.0.0", "short")


def test_a_port_that_cannot_be_had_is_a_sentence(guarded):
    with pytest.raises(HumanrigError, match="--port 99999 is no port"):
        guarded(port=99999)
    with pytest.raises(HumanrigError, match="cannot listen at"):
        guarded(host=f"{'a' * 70}.example", token=TOKEN)  # no name can be so long
    taken = urlsplit(guarded()).port
    with pytest.raises(HumanrigError, match=f"port {taken}"):
        guarded(port=taken)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{folder}/nothing"], "there is no session at"),
        (["{folder}/nothing", "--seconds", "0"], "is no time"),
    ],
)
def test_wrong_use_is_a_sentence(tmp_path, capsys, words, sentence):
    assert main(["view", *(word.format(folder=tmp_path) for word in words)]) == 1
    assert sentence in " ".join(capsys.readouterr().err.split())
