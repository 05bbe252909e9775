"""The preview page: pictures, lamps, start and stop, and nobody but the page itself may start a take."""

import asyncio
import json
import socket
import time

import aiohttp
import numpy as np
import pytest
import simplejpeg
from preview_rig import RememberingControl, describe, make_rig

from capture import depth_codec
from capture.device import DeviceHealth, DeviceStream
from capture.device_frames import EncodedFrame, StreamCounts
from capture.errors import CaptureError
from capture.recorder.status import RecorderLimits
from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.live.control import RigControl
from humanrig.live.lamps import Lamps
from humanrig.live.newest_frames import NewestFrames
from humanrig.live.pulse_watch import PulseWatch
from humanrig.live.server import PreviewServer
from humanrig.live.tile_maker import TileMaker
from humanrig.live.tiles import color_depth, make_tile
from humanrig.rig.take_control import TakeControl
from humanrig.rig.take_plan import TakePlan

DEPTH = DeviceStream(name="k/depth", kind="depth", encoding="dzp", rate_hz=30.0, width=640, height=576)
COLOR = DeviceStream(name="k/color", kind="color", encoding="jpeg", rate_hz=30.0, width=1920, height=1080)


@pytest.fixture(scope="module")
def served():
    """A rig of two devices that runs, its control, and the address of its page."""
    control = RememberingControl()
    assert isinstance(control, RigControl)
    with make_rig(2) as rig, PreviewServer(rig, control) as server:
        rig.start()
        yield control, server.url, rig


def ask(method, url, **headers):
    async def go():
        async with aiohttp.ClientSession() as client, client.request(method, url, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers

    return asyncio.run(go())


def raw_answer(url, path):
    """The first line of the answer to a path as it is written here: a client library would tidy it first."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        return line.recv(4096).split(b"\r\n", 1)[0]


def token_of(url):
    text = ask("GET", url)[1]
    return text.split('name="rig-token" content="')[1].split('"')[0]


def look(url, seconds, origin=None):
    """The last state and all tiles that came over the socket within a time."""

    async def go():
        states, tiles = [], []
        headers = {"Origin": origin or url.rstrip("/")}
        async with aiohttp.ClientSession() as client, client.ws_connect(f"{url}live", headers=headers) as live:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                message = await live.receive(timeout=5)
                if message.type is aiohttp.WSMsgType.TEXT:
                    states.append(json.loads(message.data))
                elif message.type is aiohttp.WSMsgType.BINARY:
                    tiles.append(message.data.split(b"\n", 1))
        return states, tiles

    return asyncio.run(go())


def test_the_page_shows_every_stream_and_a_green_lamp_for_each_device(served):
    _, url, _ = served
    states, tiles = look(url, 1.8)
    state = states[-1]
    assert {name.decode() for name, _ in tiles} == {s["name"] for s in state["streams"]}
    assert len(state["streams"]) == 4
    for _, jpeg in tiles:
        assert simplejpeg.decode_jpeg(jpeg).shape[1] == 320
    assert [(lamp["device"], lamp["light"]) for lamp in state["devices"]] == [
        ("kinect_000", "green"),
        ("kinect_001", "green"),
    ]
    assert abs(state["devices"][1]["residual_us"]) < 1.0  # clocks without jitter; times are whole microseconds
    assert all(abs(s["rate_hz"] - 30) <= 6 for s in state["streams"]), "frames of two seconds on a busy machine"
    assert (state["prompt"][:4], state["disk_left_s"]) == ("Walk", 3060.0)


def test_start_and_stop_reach_the_control(served):
    control, url, _ = served
    control.calls.clear()
    own = {"Origin": url.rstrip("/"), "X-Rig-Token": token_of(url)}
    assert ask("POST", f"{url}start", **own)[0] == 200
    assert control.state == "recording"
    assert ask("POST", f"{url}stop", **own)[0] == 200
    assert control.calls == ["start", "stop"]


def test_a_refusal_is_told_in_its_own_words(served):
    control, url, _ = served
    control.refusal = "the disk has room for 3 s; free some of it"
    try:
        status, text, _ = ask("POST", f"{url}start", **{"Origin": url.rstrip("/"), "X-Rig-Token": token_of(url)})
    finally:
        control.refusal = ""
    assert (status, json.loads(text)["error"]) == (409, "the disk has room for 3 s; free some of it")


@pytest.mark.slow
def test_a_take_of_the_capture_flow_is_started_and_stopped_from_the_page(served, tmp_path):
    _, _, rig = served
    plan = TakePlan(session=tmp_path / "walk", countdown_s=0.0)
    control = TakeControl(rig, [plan], limits=RecorderLimits(least_s=0.0, reserve_bytes=2**20))
    with PreviewServer(rig, control) as server:
        url = server.url
        own = {"Origin": url.rstrip("/"), "X-Rig-Token": token_of(url)}
        assert ask("POST", f"{url}start", **own)[0] == 200
        status, text, _ = ask("POST", f"{url}start", **own)
        assert (status, "in progress" in json.loads(text)["error"]) == (409, True)
        states, _ = look(url, 0.6)
        assert states[-1]["state"] == "recording"
        assert ask("POST", f"{url}stop", **own)[0] == 200
        assert control.wait(20.0)
        states, _ = look(url, 0.1)
    assert states[-1]["verdict"]["session"] == "walk"
    assert all(stream.frames > 0 for stream in Session.open(tmp_path / "walk").info.streams)


def test_time_left_that_is_not_known_is_still_json(served):
    control, url, _ = served
    before = control.values["disk_left_s"]
    control.values["disk_left_s"] = float("inf")
    try:
        states, _ = look(url, 0.1)
    finally:
        control.values["disk_left_s"] = before
    assert states[0]["disk_left_s"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"X-Rig-Token": "guess"},
        {"X-Rig-Token": None},
        {"Host": "elsewhere.example", "Origin": "http://elsewhere.example"},
    ],
    ids=lambda w: "-".join(f"{k}={v}" for k, v in w.items()),
)
def test_another_web_site_can_neither_start_nor_stop(served, wrong):
    control, url, _ = served
    control.calls.clear()
    good = {"Origin": url.rstrip("/"), "X-Rig-Token": token_of(url)}
    headers = {k: v for k, v in {**good, **wrong}.items() if v is not None}
    for call in ("start", "stop"):
        assert ask("POST", f"{url}{call}", **headers)[0] == 403
        assert ask("GET", f"{url}{call}", **good)[0] == 405, "a link or an image must not do it either"
    assert control.calls == []


def test_another_web_site_can_neither_look_nor_frame_the_page(served):
    _, url, _ = served
    with pytest.raises(aiohttp.WSServerHandshakeError):
        look(url, 0.1, origin="http://elsewhere.example")
    assert ask("GET", url, Host="elsewhere.example")[0] == 403
    status, text, headers = ask("GET", url)
    assert status == 200
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    for asset in ("", "page.css", "page.js"):
        text = ask("GET", f"{url}{asset}")[1]
        assert "https://" not in text
        assert "http://" not in text, "nothing is loaded from elsewhere"
    for path in ("../server.py", "page.css/../../server.py", "%2e%2e/server.py", "page.html", "..%2fserver.py"):
        assert raw_answer(url, path) == b"HTTP/1.1 404 Not Found", path


def test_a_taken_port_is_one_sentence(served):
    _, url, rig = served
    port = int(url.rsplit(":", 1)[1].rstrip("/"))
    with pytest.raises(HumanrigError, match=f"cannot use port {port}"):
        PreviewServer(rig, RememberingControl(), port=port).start()


@pytest.mark.parametrize("port", [-1, 65536, 70000])
def test_a_port_that_cannot_be_is_one_sentence(served, port):
    with pytest.raises(HumanrigError, match=f"cannot use port {port}; choose 1 to 65535"):
        PreviewServer(served[2], RememberingControl(), port=port).start()


@pytest.mark.parametrize("send_s", [60.0, 0.5], ids=["closed", "cut off"])
def test_a_page_that_does_not_read_holds_nothing_up(served, monkeypatch, send_s):
    monkeypatch.setattr("humanrig.live.server.SEND_S", send_s)
    monkeypatch.setattr("humanrig.live.server.SHUTDOWN_S", 0.2)
    _, _, rig = served
    control = RememberingControl(prompt="x" * 3_000_000)  # more than the buffers of both sockets
    server = PreviewServer(rig, control)
    host = server.start().removeprefix("http://").rstrip("/")
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        line.connect(("127.0.0.1", int(host.split(":")[1])))
        line.sendall(
            f"GET /live HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n"
            "\r\n".encode()
        )
        until = time.monotonic() + 5
        while not server._pages:
            assert time.monotonic() < until
            time.sleep(0.02)
        if send_s < 1:
            while server._pages:
                assert time.monotonic() < until, "a page that takes no bytes is cut off"
                time.sleep(0.02)
        else:
            time.sleep(0.3)
        begun = time.monotonic()
        server.close()
        assert time.monotonic() - begun < 5, "a second for the page, a second for the server, a busy machine"
    assert not server._thread._thread.is_alive()


@pytest.mark.slow
def test_tiles_are_drawn_only_while_somebody_looks_and_within_the_share():
    rng = np.random.default_rng(0)
    noisy = depth_codec.encode((1500 + rng.normal(0, 9, (576, 640))).astype(np.uint16))
    drawn, looked = [], [False]

    class Always(NewestFrames):
        def newest(self, stream):
            drawn.append(stream)
            return EncodedFrame(stream=stream, sequence=len(drawn), device_us=0, host_us=0, data=noisy)

    maker = TileMaker(Always(), lambda: [DEPTH], lambda: looked[0], tiles_per_s=1000.0, cpu_share=0.1)
    maker.start()
    time.sleep(0.15)
    assert drawn == []
    looked[0] = True
    begun = time.monotonic()
    time.sleep(0.8)
    share = maker.cpu_s / (time.monotonic() - begun)
    maker.close()
    assert len(drawn) > 3
    assert share < 0.15, "one tile more than the share may be under way; it is about 5 ms of 800"


def test_a_damaged_frame_is_a_problem_and_not_the_end():
    with pytest.raises(CaptureError, match="k/color: a frame cannot be drawn"):
        make_tile(COLOR, b"\xff\xd8 not a picture")
    with pytest.raises(CaptureError, match="k/depth: a frame cannot be drawn"):
        make_tile(DEPTH, b"short")


def test_colours_of_depth_tell_near_from_far_and_missing():
    near, far, none = color_depth(np.array([[600, 4900, 0]], np.uint16))[0].astype(int)
    assert near[2] > near[0], "near is red"
    assert far[0] > far[2], "far is blue"
    assert none.tolist() == [0, 0, 0]


@pytest.mark.parametrize("off_us", [0, 80, -250, 9000])
def test_the_residual_of_a_wired_device_is_found(off_us):
    watch = PulseWatch([describe("kinect_000", 0), describe("kinect_001", 1)])
    for k in range(40):
        for name, shift in (("kinect_000", 0), ("kinect_001", off_us)):
            us = round(k * 1e6 / 30) + shift + 33_333 * (name == "kinect_001")  # one frame behind: still the pulse
            watch(EncodedFrame(stream=f"{name}/color", sequence=k, device_us=us, host_us=0, data=b""))
    found = watch.residuals_us()
    assert found["kinect_000"] == 0
    assert abs(found["kinect_001"] - off_us) < 2, "the period is a third of a microsecond longer than the step"


def health(state="running", stalled=False, dropped=0, message=""):
    return DeviceHealth(
        device="kinect_000",
        state=state,
        streams={"kinect_000/color": StreamCounts(delivered=9, missed=dropped)},
        queued=0,
        last_frame_age_s=0.0,
        stalled=stalled,
        message=message,
    )


@pytest.mark.parametrize(
    ("told", "residual", "light"),
    [
        (health(), 12.0, "green"),
        (health(), 140.0, "yellow"),
        (health(), -5000.0, "red"),
        (health(stalled=True, message="no frame for 2.0 s"), 12.0, "red"),
        (health(state="open", message="unplugged"), None, "red"),
        (health(state="closed"), None, "red"),
        (health(state="open"), None, "yellow"),
        (health(), None, "yellow"),
    ],
)
def test_a_lamp_says_whether_a_device_is_in_step(told, residual, light):
    assert Lamps().lamp(told, describe("kinect_000", 0), residual, 0.0).light == light


def test_a_loss_shows_for_five_seconds():
    lamps, seen = Lamps(), {}
    for second, dropped in ((0, 0), (1, 3), (3, 3), (7, 3)):
        seen[second] = lamps.lamp(health(dropped=dropped), describe("kinect_000", 0), 0.0, float(second)).light
    assert seen == {0: "green", 1: "yellow", 3: "yellow", 7: "green"}
