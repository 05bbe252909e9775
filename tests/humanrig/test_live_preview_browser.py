"""The preview page in a browser: it loads, pictures appear, start and stop work, nothing is said on the console."""

import asyncio
import time

import pytest
from browser import CHROMIUM, browser_page
from preview_rig import RememberingControl, make_rig

from humanrig.live.server import PreviewServer

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]
DRAWN = "[...document.querySelectorAll('#tiles img')].filter(i => i.naturalWidth > 0).length"


def look(server, folder, work, **size):
    async def go():
        async with browser_page(folder) as page:
            await page.open(server.url, **{"width": 1280, "height": 800, **size})
            await page.until(f"{DRAWN} == 6")
            await work(page)
            assert page.errors == []

    asyncio.run(go())


@pytest.fixture
def served():
    control = RememberingControl()
    with make_rig(2, free=("iphone_000",)) as rig, PreviewServer(rig, control) as server:
        rig.start()
        yield control, server, rig


def test_start_and_stop_by_their_buttons(served, tmp_path):
    control, server, _ = served

    async def work(page):
        assert await page.value("document.querySelectorAll('#lamps .green').length") == 3
        assert "Walk to the far end" in await page.value("document.getElementById('prompt').textContent")
        await page.value("document.getElementById('button').click()")
        await page.until("document.querySelector('header').className == 'recording'")
        await page.until("document.getElementById('button').textContent == 'stop' && !button.disabled")
        await page.value("document.getElementById('button').click()")
        await page.until("document.getElementById('verdict').textContent.includes('no frame lost')")
        assert control.calls == ["start", "stop"]

    look(server, tmp_path, work)


def test_a_refusal_and_a_stalled_device_are_seen_on_a_phone(served, tmp_path):
    control, server, rig = served
    control.refusal = "the disk has room for 3 s; free some of it"

    async def work(page):
        await page.value("document.getElementById('button').click()")
        await page.until("document.getElementById('problems').textContent.includes('room for 3 s')")
        page.errors[:] = [e for e in page.errors if "409" not in e]  # the browser notes the refusal itself
        assert not await page.value("document.getElementById('button').disabled")
        rig.devices["kinect_001"]._quit.set()  # it goes silent
        await page.until("document.querySelector('[data-device=kinect_001]').className == 'red'")
        await page.until("document.querySelectorAll('figure.old').length == 2")
        assert await page.value("document.documentElement.scrollWidth <= innerWidth"), "no scrolling sideways"

    look(server, tmp_path, work, width=390, height=844, mobile=True)


def test_the_page_says_when_the_program_has_ended(served, tmp_path):
    control, server, _ = served

    async def work(page):
        await asyncio.to_thread(server.close)
        await page.until("document.getElementById('state').textContent == 'no connection'")
        assert await page.value("document.getElementById('button').disabled")
        page.errors.clear()  # the browser notes that it cannot connect

    begun = time.monotonic()
    look(server, tmp_path, work)
    assert time.monotonic() - begun < 60
    assert control.calls == []
