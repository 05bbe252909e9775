"""The scene in a browser, drawn in software: people move with the slider, turn under the hand, and play."""

import asyncio
import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from browser import CHROMIUM, WEBGL, browser_page
from export_take import build_take

from body.loading import OPEN_BODY
from humanrig.scene3d_embed import embedded_scene

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}"),
]
ROOT = "document.querySelector('.humanrig-scene')"
SLIDE = "(() => {{ const t = document.querySelector('.time'); t.value = {0}; t.dispatchEvent(new Event('input')); }})()"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        """Nothing is printed."""


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    html = embedded_scene(build_take(tmp_path / "take"), marked={"kinect_001": "moved"})
    head = '<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">'
    (folder / "index.html").write_text(f"<!doctype html><html><head>{head}</head><body>{html}</body></html>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", folder
    server.shutdown()
    server.server_close()


def look(served, tmp_path, work, flags=WEBGL, **size):
    async def go():
        async with browser_page(tmp_path, flags) as page:
            await page.open(served[0], **{"width": 1280, "height": 800, **size})
            await work(page)
            assert page.errors == []

    asyncio.run(go())


async def picture(page, tmp_path, drawn=None):
    """The pixels of the page, when the frame has been drawn."""
    if drawn is not None:
        await page.until(f"{ROOT}.dataset.drawn === '{drawn}'")
    await asyncio.sleep(0.3)  # what was drawn is on the screen with the next refresh
    await page.picture(tmp_path / "page.png")
    image = cv2.imread(str(tmp_path / "page.png"))
    assert image is not None
    return image.astype(int)


def changed(before, after, box):
    """Share of a box's pixels that are visibly others."""
    left, top, width, height = box
    part = np.s_[top : top + height, left : left + width]
    return (np.abs(before[part] - after[part]).max(-1) > 20).mean()


async def stage_box(page):
    found = f"(() => {{ const b = {ROOT}.querySelector('canvas').getBoundingClientRect();"
    return [int(v) for v in await page.value(found + " return [b.left, b.top, b.width, b.height]; })()")]


@pytest.mark.parametrize(("width", "height", "mobile"), [(1280, 800, False), (390, 844, True)])
def test_people_move_with_the_slider_and_turn_under_the_hand(served, tmp_path, width, height, mobile):
    async def work(page):
        await page.until(f"{ROOT}.dataset.ready === '2'")
        box = await stage_box(page)
        assert box[2] <= width
        assert await page.value("document.documentElement.scrollWidth <= window.innerWidth"), "no sideways scrolling"
        first = await picture(page, tmp_path, 0)
        await page.value(SLIDE.format(1))
        second = await picture(page, tmp_path, 1)
        assert changed(first, second, box) > 0.003
        assert "instant 5" in await page.value(f"{ROOT}.querySelector('.told').textContent")
        x, y = box[0] + box[2] // 2, box[1] + box[3] // 2
        await page.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", buttons=1)
        await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + 90, y=y + 10, button="left", buttons=1)
        await page.call("Input.dispatchMouseEvent", type="mouseReleased", x=x + 90, y=y + 10, button="left")
        assert changed(second, await picture(page, tmp_path), box) > 0.01
        await page.value(SLIDE.format(0))
        await page.value(f"{ROOT}.querySelector('.play').click()")
        await page.until(f"{ROOT}.dataset.frame === '1'")
        assert await page.value(f"[...{ROOT}.querySelectorAll('.names .marked')].map(s => s.textContent)") == [
            "kinect_001: moved"
        ]

    look(served, tmp_path, work, width=width, height=height, mobile=mobile)


def test_two_fingers_come_closer(served, tmp_path):
    async def work(page):
        await page.until(f"{ROOT}.dataset.ready === '2'")
        box = await stage_box(page)
        before = await picture(page, tmp_path, 0)
        x, y = box[0] + box[2] // 2, box[1] + box[3] // 2
        for kind, gap in (("touchStart", 20), ("touchMove", 60), ("touchMove", 110)):
            points = [{"x": x - gap, "y": y, "id": 0}, {"x": x + gap, "y": y, "id": 1}]
            await page.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        await page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        assert changed(before, await picture(page, tmp_path), box) > 0.05

    look(served, tmp_path, work, width=390, height=844, mobile=True)


def test_a_browser_without_webgl_says_so(served, tmp_path):
    async def work(page):
        assert "WebGL 2" in await page.until(f"{ROOT}.querySelector('.failed').textContent")
        assert await page.value(f"{ROOT}.querySelector('.bar').hidden")
        page.errors[:] = [error for error in page.errors if "WebGL" not in error]  # the browser's own word

    look(served, tmp_path, work, flags=("--disable-webgl", "--disable-webgl2", "--disable-3d-apis"))
