"""The viewer in a browser: it loads, its slider moves the scene, phones can use it, and nothing leaves the machine."""

from __future__ import annotations

import asyncio

import cv2
import numpy as np
import pytest
from browser import CHROMIUM, DRAWN_IN_SOFTWARE, WEBGL, browser_page
from viewed_session import ALL, viewed_session

pytest.importorskip("viser")

from humanrig.viewing.comparing import compare_with
from humanrig.viewing.content import SessionContent
from humanrig.viewing.viewer import Viewer

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]
VISERS_OWN = ("THREE.Clock: This module has been deprecated", DRAWN_IN_SOFTWARE)
"""Warnings that viser's page gives whatever it shows."""
CANVAS = "!!document.querySelector('canvas')"
FADED_IN_S = 20.0
"""viser shows a scene by and by; a software renderer takes its time for that."""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return viewed_session(tmp_path_factory.mktemp("viewed"), aside_m=0.03)


def look(viewer, folder, work, **size):
    """Opens the viewer's page, waits until it shows something, and asserts that nobody complained."""

    async def go():
        async with browser_page(folder, WEBGL) as page:
            await page.open(viewer.url, **{"width": 960, "height": 600, **size})
            await asyncio.sleep(0.5)
            await page.until(CANVAS)
            assert await asyncio.to_thread(viewer.settle)
            await work(page)
            assert [e for e in page.errors if not any(own in e for own in VISERS_OWN)] == []

    with viewer:
        asyncio.run(go())
    assert viewer.failure is None


async def seen(page, folder):
    """What the page shows: RGB."""
    await page.picture(folder / "seen.png")
    return np.asarray(cv2.imread(str(folder / "seen.png")))[..., ::-1].astype(int)


async def shows(page, folder, is_there):
    """Waits until the picture has what is looked for."""
    for _ in range(int(FADED_IN_S / 0.5)):
        picture = await seen(page, folder)
        if is_there(picture):
            return picture
        await asyncio.sleep(0.5)
    pytest.fail("never seen")


def orange(picture):
    """Pixels of a body in person00's colour."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return (red > 150) & (red - blue > 60) & (green < red - 20) & (green > blue)


def green(picture):
    """Pixels of the compared body."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return (green - red > 40) & (green - blue > 15)


async def press(page, text):
    """Clicks the button, tab or label with this text."""
    at = await page.until(
        "(() => { const found = [...document.querySelectorAll('[role=tab],button,label,div,span')]"
        f".filter(e => e.textContent.trim() == {text!r} && e.getBoundingClientRect().width).pop();"
        " if (!found) return null; const r = found.getBoundingClientRect();"
        " return [r.x + r.width / 2, r.y + r.height / 2] })()"
    )
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        await page.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)


async def to_the_right(page):
    """The arrow key on the time slider."""
    await page.until("(() => { const s = document.querySelector('[role=slider]'); if (s) s.focus(); return !!s })()")
    for kind in ("rawKeyDown", "keyUp"):
        await page.call(
            "Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39
        )


def test_the_slider_of_the_page_moves_the_body(session, tmp_path):
    viewer = Viewer(SessionContent(session), compare_with(SessionContent(session), "truth"))

    async def work(page):
        first = await shows(page, tmp_path, lambda p: orange(p).sum() > 300)
        before = np.argwhere(orange(first)).mean(0)
        await to_the_right(page)
        await to_the_right(page)
        await page.until("document.body.textContent.includes('instant 2, 0.067 s')")
        assert viewer.panel.instant == 2
        await shows(page, tmp_path, lambda p: np.abs(np.argwhere(orange(p)).mean(0) - before).max() > 5)
        assert "to truth 30.0 mm" in await page.value("document.body.textContent")

    look(viewer, tmp_path, work)


def test_knobs_and_pictures_of_the_page(session, tmp_path):
    viewer = Viewer(
        SessionContent(session), compare_with(SessionContent(session), "truth"), about=lambda: ["it is good"]
    )

    async def work(page):
        await press(page, "Compared")
        viewer.panel._knobs["apart_m"].value = 1.0
        await shows(page, tmp_path, lambda p: green(p).sum() > 300)
        await press(page, "About")
        await page.until("document.body.textContent.includes('it is good')")
        await press(page, "Camera")
        viewer.panel.choose_camera("kinect_000/color")
        await page.until("[...document.querySelectorAll('img')].some(i => i.naturalWidth >= 300)")
        await press(page, "Play")
        await page.until("document.body.textContent.includes('Pause')")
        await press(page, "Pause")
        await page.until("!document.body.textContent.includes('Pause')")

    look(viewer, tmp_path, work)


def test_a_phone_has_the_scene_above_and_the_time_below(session, tmp_path):
    viewer = Viewer(SessionContent(session))

    async def work(page):
        await page.until("document.body.textContent.includes('instant 0')")
        slider = await page.value("document.querySelector('[role=slider]').getBoundingClientRect().y")
        assert slider > 844 / 2
        assert not await page.value(
            "[...document.querySelectorAll('input[type=checkbox]')].some(e => e.getBoundingClientRect().y < 844 && "
            "e.getBoundingClientRect().height > 0 && getComputedStyle(e).visibility == 'visible' && "
            "document.elementFromPoint(e.getBoundingClientRect().x + 2, e.getBoundingClientRect().y + 2) == e)"
        )  # the knobs are folded away
        assert await page.value("document.documentElement.scrollWidth") <= 390
        await shows(page, tmp_path, lambda p: (p[:420].max(-1) - p[:420].min(-1) > 40).sum() > 100)

    look(viewer, tmp_path, work, width=390, height=844, mobile=True)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_an_unfinished_session_loads_without_a_word_on_the_console(tmp_path, count):
    content = SessionContent(viewed_session(tmp_path / "session", results=ALL[:count]))
    wanted = "instant 0" if count else "no instants yet"

    async def work(page):
        await page.until(f"document.body.textContent.includes({wanted!r})")

    look(Viewer(content), tmp_path, work)


def test_the_page_may_not_ask_elsewhere(session, tmp_path):
    viewer = Viewer(SessionContent(session))

    async def work(page):
        refused = await page.value("fetch('https://example.com/').then(() => false, () => true)")
        assert refused
        refused = await page.value(
            "new Promise(done => { const s = new WebSocket('ws://127.0.0.1:9/'); s.onerror = () => done(true); "
            "s.onopen = () => done(false) }).catch(() => true)"
        )
        assert refused
        page.errors[:] = [e for e in page.errors if "Content Security Policy" not in e and "Fetch API" not in e]

    look(viewer, tmp_path, work)
