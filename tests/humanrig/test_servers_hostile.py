"""Every server against clients that mean harm: nothing outside is given away, nobody is held up, nothing is a 500."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from preview_rig import RememberingControl, make_rig

from capture.hosts.agent import HostAgent
from capture.hosts.host_recorder import HostRecorder
from capture.iphone.server import PhoneServer
from humanrig.live.server import PreviewServer

TOKEN = "a-token-of-24-characters"
SERVERS = ("preview", "phone", "host", "view")
IDLE = 48
ANSWER_S = 5.0


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """All servers as they are when nothing is said about where they listen."""
    folder = tmp_path_factory.mktemp("servers")
    (folder / "secret.txt").write_text("the secret")
    with ExitStack() as opened:
        rig = opened.enter_context(make_rig(1))
        preview = opened.enter_context(PreviewServer(rig, RememberingControl()))
        phone = opened.enter_context(PhoneServer(token=TOKEN, folder=folder / "phone"))
        recorder = HostRecorder("pc", list, folder / "parts")
        host = opened.enter_context(HostAgent(recorder, token=TOKEN))
        found = {"preview": int(preview.url.rsplit(":", 1)[1].strip("/")), "phone": phone.port, "host": host.port}
        found["view"] = opened.enter_context(GuardOf(folder))
        yield found


class GuardOf:
    """The viewer's door before a page, without a scene behind it; its port."""

    def __init__(self, folder: Path) -> None:
        guarding = pytest.importorskip("humanrig.viewing.guard")
        page = folder / "page.html"
        page.write_text("<!doctype html><title>a page</title>")
        self.guard = guarding.Guard(page, ("127.0.0.1", 9), host="127.0.0.1", port=0, token="")

    def __enter__(self) -> int:
        return int(self.guard.start().rsplit(":", 1)[1].split("/")[0])

    def __exit__(self, *_: object) -> None:
        self.guard.close()


@pytest.fixture(params=SERVERS)
def port(request: pytest.FixtureRequest, ports: dict[str, int]) -> int:
    return ports[request.param]


def say(port: int, data: bytes, wait_s: float = ANSWER_S) -> bytes:
    """What a server answers until it is silent or hangs up."""
    heard = b""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)) as line:
        line.settimeout(wait_s)
        try:
            line.sendall(data)
            while piece := line.recv(65536):
                heard += piece
                if b"\r\n\r\n" in heard:
                    line.settimeout(min(wait_s, 0.2))  # some servers wait for the rest of a body that never comes
        except (TimeoutError, ConnectionError):
            pass
    return heard


def get(port: int, path: str = "/", *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """The answer to a request as it is written here: a client library would tidy it first."""
    names = {header.split(":")[0].lower() for header in headers}
    lines = [f"{method} {path} HTTP/1.1", *headers, "Connection: close"]
    if "host" not in names:
        lines.append(f"Host: 127.0.0.1:{port}")
    return say(port, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def status(answer: bytes) -> int:
    """0: it hung up without a word."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def usual(port: int) -> int:
    """What an ordinary request for the page is answered: 200, or 403 by the host agent, which wants its token."""
    return status(get(port))


RAW = "\xff\xfe\xc0"
"""Bytes that are no UTF-8."""
PATHS = (
    "/../secret.txt", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd",
    "/%252e%252e/etc/passwd", "/page.css/../../../../etc/passwd", "/..\\..\\etc\\passwd", "/files/x/../../secret.txt",
    "/files/../%2e%2e/secret.txt", "/%00", "/files/a/%00", "/web/..;/etc/passwd", "http://elsewhere.example/",
    "/" + 100_000 * "a", "/\xff",
)  # fmt: skip
HEADERS = (
    f"Authorization: Bearer {RAW}", f"X-Rig-Token: {RAW}", f"Cookie: humanrig_view=\xff; a={RAW}", f"Origin: {RAW}",
    "Origin: http://[", "Origin: null", "Range: bytes=-99999999999999999999-", "X: " + 100_000 * "b",
    "Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: -1", "Content-Length: 99999999999999",
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x",
    "Upgrade: websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    f"Upgrade: websocket\r\nSec-WebSocket-Protocol: {RAW}",
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: http://[",
)  # fmt: skip
HOSTS = ("Host: evil.example", "Host: evil.example:80", "Host: 127.0.0.1.evil.example", "Host: [::1", "Host: ",
         "Host: \xff", "Host: localhost@evil.example", "Host: 0.0.0.0", "Host: 169.254.169.254")  # fmt: skip
RAW_BYTES = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), b"\x00" * 4096, b"GET / HTTP/9.9\r\n\r\n",
    b"GET\r\n\r\n", b"\r\n" * 2000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(range(256)) * 8,
)  # fmt: skip


def test_listens_for_this_computer_alone(port: int) -> None:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    assert listening == {"0100007F"}  # 127.0.0.1, low byte first
    rows6 = [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert not [r for r in rows6 if r[3] == "0A" and int(r[1].split(":")[1], 16) == port]


def test_hostile_requests_are_refused(port: int, caplog: pytest.LogCaptureFixture) -> None:
    before = usual(port)
    asked = {f"path {path[:40]}": get(port, path) for path in PATHS}
    asked |= {f"header {header[:40]}": get(port, "/", header) for header in HEADERS}
    asked |= {f"socket {header[:40]}": get(port, "/phone", header, "Connection: Upgrade") for header in HEADERS[-4:]}
    asked |= {f"socket {header[:40]}": get(port, "/live", header, "Connection: Upgrade") for header in HEADERS[-4:]}
    for method in ("POST", "PUT", "DELETE", "TRACE", "CONNECT", "OPTIONS", "NONSENSE"):
        for path in ("/", "/start", "/stop", "/phone"):
            asked[f"{method} {path}"] = get(port, path, "Content-Length: 2", method=method, body=b"{}")
    asked |= {f"bytes {data[:12]!r}": say(port, data, 0.3) for data in RAW_BYTES}
    for what, answer in asked.items():
        assert status(answer) < 500, f"{what}: {answer[:200]!r}"
        assert b"root:" not in answer, what
        assert b"the secret" not in answer, what
        assert b"Traceback" not in answer, what
    changing = {what: status(answer) for what, answer in asked.items() if what.split()[0].isupper()}
    assert all(code >= 400 or code == 0 for code in changing.values()), changing
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []
    assert usual(port) == before


def test_a_foreign_name_for_this_computer_is_refused(port: int, ports: dict[str, int]) -> None:
    """DNS rebinding: a page of elsewhere whose name was made to point here."""
    for host in HOSTS:
        answer = get(port, "/", host)
        assert status(answer) in (0, 400, 403), f"{host}: {answer[:100]!r}"
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert status(get(port, "/", f"Host: {host}:{port}")) == usual(port)


def test_a_large_body_is_not_taken(port: int) -> None:
    answer = get(port, "/start", f"Content-Length: {1 << 34}", method="POST", body=bytes(1 << 20))
    assert status(answer) in (0, 400, 403, 404, 405, 413)


def test_who_holds_connections_holds_nobody_up(port: int) -> None:
    with ExitStack() as held:
        for number in range(IDLE):
            line = held.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)))
            line.sendall((b"", b"GET / HT", b"GET / HTTP/1.1\r\nX: ")[number % 3])
        begun = time.monotonic()
        assert usual(port) in (200, 403)
        assert time.monotonic() - begun < ANSWER_S


@pytest.mark.parametrize("name", ["preview", "phone", "view"])
def test_pages_load_nothing_from_elsewhere(ports: dict[str, int], name: str) -> None:
    head = get(ports[name]).split(b"\r\n\r\n", 1)[0].decode().lower()
    policy = next(line for line in head.splitlines() if line.startswith("content-security-policy:"))
    sources = {word for part in policy.split(":", 1)[1].split(";") for word in part.split()[1:]}
    assert sources <= {"'none'", "'self'", "'unsafe-inline'", "'unsafe-eval'", "blob:", "data:", "ws:", "wss:"}
    assert "frame-ancestors 'none'" in policy
    assert "x-content-type-options: nosniff" in head
    assert "referrer-policy: no-referrer" in head
    assert "cache-control: no-store" in head
