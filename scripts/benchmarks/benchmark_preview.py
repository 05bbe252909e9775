"""What the preview page costs: ten virtual Kinects recorded in real time, with nobody looking and with one page open.

    python scripts/benchmarks/benchmark_preview.py [--seconds 20] [--devices 10]

Processor time is that of the preview's own threads, from /proc; the recorder's losses are those of the same take.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import aiohttp
import numpy as np
import simplejpeg

from capture import depth_codec
from capture.device import DeviceDescription, DeviceStream
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.session_info import DeviceInfo
from capture.virtual.clocks import ClockEffects, draw_clocks
from capture.virtual.driver import RigTime, VirtualDriver
from capture.virtual.frame_sources import RenderedFrames
from humanrig.live.control import RigStatus
from humanrig.live.server import PreviewServer

COLOR, DEPTH = (1920, 1080), (640, 576)
PICTURES = 12


class Idle:
    """A control that does nothing."""

    def status(self) -> RigStatus:
        """Idle."""
        return RigStatus(state="idle", session="benchmark")

    def start(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


def make_rig(devices: int, seconds: float) -> tuple[LiveRig, float]:
    """The rig and the mean size of its colour frames."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(30, 220, (COLOR[1] // 12, COLOR[0] // 12, 3)).astype(np.float32).repeat(12, 0).repeat(12, 1)
    colors, depths = [], []
    for _ in range(PICTURES):
        noisy = np.clip(coarse + rng.normal(0, 4, coarse.shape), 0, 255).astype(np.uint8)
        colors.append(simplejpeg.encode_jpeg(noisy, quality=85, colorspace="RGB", colorsubsampling="422"))
        depths.append(depth_codec.encode((2000 + rng.normal(0, 6, DEPTH[::-1])).astype(np.uint16)))
    names = [f"kinect_{k:03d}" for k in range(devices)]
    drawn, rig_time = draw_clocks(names, [], effects=ClockEffects.quiet(), seed=0), RigTime(master=names[0])

    def render(stream: str, index: int) -> bytes:
        return (colors if stream.endswith("color") else depths)[index % PICTURES]

    made = [
        VirtualDriver(name, RenderedFrames(_describe(name, k), render, seconds=seconds), drawn[name], rig_time)
        for k, name in enumerate(names)
    ]
    return LiveRig(made), float(np.mean([len(c) for c in colors]))


def _describe(name: str, number: int) -> DeviceDescription:
    return DeviceDescription(
        info=DeviceInfo(name=name, serial=name, clock="pulse", sync="subordinate" if number else "master"),
        streams=(
            DeviceStream(name=f"{name}/color", kind="color", encoding="jpeg", rate_hz=30.0, width=1920, height=1080),
            DeviceStream(name=f"{name}/depth", kind="depth", encoding="dzp", rate_hz=30.0, width=640, height=576),
        ),
    )


def look(url: str, seconds: float, told) -> None:
    """One open page: a process that takes all that is sent."""

    async def go() -> None:
        tiles = size = 0
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{url}live", headers={"Origin": url[:-1]}, max_msg_size=0) as socket,
        ):
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                message = await socket.receive()
                size += len(message.data)
                tiles += message.type is aiohttp.WSMsgType.BINARY
        told.put((tiles / seconds, size / seconds))

    asyncio.run(go())


def preview_cpu_s() -> float:
    """Processor time of the preview's threads: its page, its tiles, and the threads that ask for the state."""
    total = 0.0
    for thread in threading.enumerate():
        if thread.name.startswith(("preview", "asyncio")) and thread.native_id is not None:
            fields = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--devices", type=int, default=10)
    arguments = parser.parse_args()
    seconds = arguments.seconds
    context = multiprocessing.get_context("spawn")
    rig, jpeg_bytes = make_rig(arguments.devices, 3 * seconds + 30)
    figures: dict[str, object] = {"devices": arguments.devices, "color_bytes": round(jpeg_bytes)}
    with tempfile.TemporaryDirectory() as folder, rig, PreviewServer(rig, Idle()) as server:
        rig.start()
        for name in ("alone", "watched"):
            recorder = Recorder(rig, Path(folder) / name)
            told = context.Queue()
            page = context.Process(target=look, args=(server.url, seconds, told)) if name == "watched" else None
            if page is not None:
                page.start()
                time.sleep(3.0)  # the other program starts
            recorder.start()
            before, begun = preview_cpu_s(), time.monotonic()
            time.sleep(seconds - 4)
            spent, took = preview_cpu_s() - before, time.monotonic() - begun
            take = recorder.stop()
            figures[name] = {
                "preview_share_of_a_core": round(spent / took, 3),
                "frames": sum(s.frames for s in take.figures.streams.values()),
                "lost": take.figures.lost,
                "lag_p99_s": round(take.figures.lag_p99_s, 3),
            }
            if page is not None:
                tiles_per_s, bytes_per_s = told.get(timeout=seconds + 30)
                figures["tiles_per_stream_per_s"] = round(tiles_per_s / (2 * arguments.devices), 2)
                figures["page_mb_per_s"] = round(bytes_per_s / 1e6, 3)
                page.join()
    json.dump(figures, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
