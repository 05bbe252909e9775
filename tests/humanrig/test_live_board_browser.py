"""The board's part of the preview page in a browser."""

import asyncio

import numpy as np
import pytest
from browser import CHROMIUM, browser_page
from preview_rig import RememberingControl, make_rig

from humanrig.live.server import PreviewServer

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]
CELLS = (np.add.outer(np.arange(5), np.arange(8)) % 3 > 0).astype(int).tolist()
CAMERAS = [
    ("kinect_000/color", 31, 0.6, ""),
    ("kinect_001/color", 24, 2.4, ""),
    ("kinect_002/color", 9, 6.2, ""),
    ("kinect_003/color", 0, None, "kinect_003 shares no board with the others"),
]


class Watched:
    """A board that stands for one that is waved."""

    calls = ()

    def start(self):
        self.calls = (*self.calls, "start")

    def close(self):
        self.calls = (*self.calls, "close")

    def state(self):
        return {
            "next": "Hold the board where kinect_003 and one of kinect_000, kinect_001 see it at once.",
            "boards": 41,
            "problem": "",
            "solve_problem": "",
            "cameras": [
                {
                    "name": name,
                    "views": views,
                    "together": views // 2,
                    "cells": CELLS if views else np.zeros((5, 8), int).tolist(),
                    "sigma_mm": sigma,
                    "unsolved": why,
                }
                for name, views, sigma, why in CAMERAS
            ],
            "pairs": [
                {"a": "kinect_000", "b": "kinect_001", "boards": 12},
                {"a": "kinect_001", "b": "kinect_002", "boards": 5},
            ],
        }


def test_the_page_shows_coverage_sigma_and_what_to_do(tmp_path):
    watched = Watched()

    async def go():
        async with browser_page(tmp_path) as page:
            await page.open(server.url, width=1280, height=1000)
            await page.until("document.querySelectorAll('#board-cameras li').length == 4")
            assert "Hold the board" in await page.value("document.getElementById('board-next').textContent")
            assert await page.value("document.querySelectorAll('#board-cameras .good').length") == 1
            seen = await page.value("document.querySelectorAll('#board-cameras .seen').length")
            assert seen == 3 * int(np.sum(CELLS))
            assert "±2.4 mm" in await page.value("document.getElementById('board-cameras').textContent")
            assert await page.value("document.querySelector('#board-pairs .tied').textContent") == "12"
            assert page.errors == []
            await page.picture(tmp_path / "board.png")

    with make_rig(2) as rig, PreviewServer(rig, RememberingControl(), board=watched) as server:
        rig.start()
        asyncio.run(go())
    assert watched.calls == ("start", "close")


def test_without_a_board_the_page_shows_none(tmp_path):
    async def go():
        async with browser_page(tmp_path) as page:
            await page.open(server.url, width=800, height=600)
            await page.until("document.querySelectorAll('#lamps li').length == 2")
            assert await page.value("document.getElementById('board').hidden")

    with make_rig(2) as rig, PreviewServer(rig, RememberingControl()) as server:
        rig.start()
        asyncio.run(go())
