"""The web page agent in headless Chromium with its fake camera, from the page to the driver's frames."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import time

import aiohttp
import numpy as np
import pytest
import simplejpeg
from phone_take import drain, take_until

from capture.iphone.driver import PhoneDriver
from capture.iphone.server import PhoneServer
from capture.iphone.settings import PhoneSettings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def server(tmp_path):
    with PhoneServer(token="a-token-of-24-characters", folder=tmp_path / "pairing") as server:
        yield server


def get(url, **options):
    async def fetch():
        async with aiohttp.ClientSession() as client, client.get(url, **options) as response:
            return response.status, dict(response.headers), await response.text()

    return asyncio.run(fetch())


def test_the_page_is_served_with_what_it_needs(server):
    root = server.address.page.split("#")[0]
    status, headers, page = get(root)
    assert status == 200
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert server.token not in page
    for words in ("viewport", "secure page", "certificate.cer", "Colour only"):
        assert words in page
    for name in ("phone.js", "phone.css"):
        assert name in page
        assert get(root + name)[0] == 200
    assert get(root + "certificate.cer")[0] == 404  # without TLS there is none
    assert get(root + "../server.py")[0] == 404
    assert get(root, headers={"Host": "evil.example"})[0] == 403


class Browser:
    """Headless Chromium on a page, spoken to through its debugging port."""

    def __init__(self, url, folder):
        self.process = subprocess.Popen(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                "--disable-background-networking", "--disable-component-update", "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required", "--hide-scrollbars",
                f"--user-data-dir={folder}", "--remote-debugging-port=0", "--window-size=390,844", url,
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        port_file, deadline = folder / "DevToolsActivePort", time.monotonic() + 20
        while not port_file.exists() or not port_file.read_text().strip():
            assert time.monotonic() < deadline, "chromium did not start"
            time.sleep(0.1)
        self.port = int(port_file.read_text().splitlines()[0])

    def call(self, method, before=None, **params):
        """One command of the DevTools protocol to the page, of the size of a phone where `before` says so."""

        async def ask():
            async with aiohttp.ClientSession() as client:
                async with client.get(f"http://127.0.0.1:{self.port}/json") as response:
                    pages = [p for p in await response.json() if p["type"] == "page"]
                async with client.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as ws:
                    if before is not None:
                        override = {"id": 2, "method": "Emulation.setDeviceMetricsOverride", "params": before}
                        await ws.send_json(override)
                        await asyncio.sleep(0.3)
                    await ws.send_json({"id": 1, "method": method, "params": params})
                    while True:
                        answer = await ws.receive_json(timeout=10)
                        if answer.get("id") == 1:
                            return answer["result"]

        return asyncio.run(ask())

    def js(self, expression):
        return self.call("Runtime.evaluate", expression=expression)["result"].get("value")

    def shot(self, name):
        if folder := os.environ.get("HUMANRIG_TEST_PICTURES"):
            size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
            data = base64.b64decode(self.call("Page.captureScreenshot", before=size)["data"])
            with open(f"{folder}/{name}.png", "wb") as file:
                file.write(data)

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def browser(tmp_path):
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    opened = []

    def open_page(url):
        opened.append(Browser(url, tmp_path / "profile"))
        return opened[0]

    yield open_page
    for each in opened:
        each.close()


@pytest.mark.slow
def test_a_camera_reaches_the_rig_through_the_page(server, browser):
    page = browser(server.address.page + "&go=1")
    driver = PhoneDriver("web", server, settings=PhoneSettings(wait_s=30.0))
    description = driver.open()
    assert [s.name for s in description.streams] == ["web/color", "web/clock"]
    size = description.streams[0].width, description.streams[0].height
    time.sleep(0.5)
    assert page.js("document.body.dataset.state") == "ready"
    page.shot("page_ready")
    driver.start()
    frames = take_until(driver, lambda f: len(f.get("web/color", [])) >= 20, limit_s=20.0)
    assert page.js("document.body.dataset.state") == "recording"
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    page.shot("page_recording")
    page.js("socket.close()")  # the link breaks; the page connects again and sends what it kept
    deadline = time.monotonic() + 10
    while server.phones()[0].broken_links == 0:
        assert time.monotonic() < deadline
        drain(driver, frames)
        time.sleep(0.02)
    page.shot("page_broken")
    count = len(frames["web/color"])
    take_until(driver, lambda f: len(f["web/color"]) >= count + 20, frames, limit_s=20.0)
    driver.stop()
    drain(driver, frames)
    assert driver.health().message == ""
    driver.close()
    colors = frames["web/color"]
    numbers = [f.sequence for f in colors]
    assert page.js("take") is None  # forgotten once the rig has it all
    assert numbers == sorted(set(numbers))
    height, width, _, _ = simplejpeg.decode_jpeg_header(colors[0].data)
    assert (width, height) == size
    device = np.array([f.device_us for f in colors])
    assert (np.diff(device) > 0).all()
    # Browser and rig share this computer's clock: UTC against monotonic.
    told = [json.loads(f.data) for f in frames["web/clock"]]
    best = min(told, key=lambda t: t["rtt_us"])
    truth_us = time.monotonic_ns() / 1000 - time.time_ns() / 1000
    assert best["offset_us"] == np.clip(best["offset_us"], truth_us - 5000, truth_us + 5000)
    late_ms = [(f.host_us - best["offset_us"] - f.device_us) / 1000 for f in colors[:15]]
    assert 0 < np.median(late_ms) < 1000


@pytest.mark.slow
def test_a_page_without_the_token_says_so(server, browser):
    page = browser(server.address.page.split("#")[0] + "#go=1")
    deadline = time.monotonic() + 20
    while page.js("document.body.dataset.state") != "refused":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "pairing token" in page.js("document.getElementById('detail').textContent")
    page.shot("page_refused")
