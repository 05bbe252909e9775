"""How long `humanrig view` takes until a person is seen: python -m scripts.benchmarks.benchmark_viewer SESSION.

The session's instants are repeated until there are so many, in a scratch folder beside it. Each figure is the median of
some runs: the program from its start until it serves, the page from being opened until the browser's first contentful
paint and until the person is drawn, and an instant from the turn of the slider until its drawing was handed over.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from capture.frame_sets import write_instants
from capture.session import Session
from texture.files.mesh_sequence import MeshSequence, Segment, write_index, write_segment

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "humanrig"))
from browser import WEBGL, browser_page  # pyright: ignore[reportMissingImports] - the tests' own

DRAWN = """(() => {
  const small = document.createElement('canvas'); small.width = 160; small.height = 100;
  const to = small.getContext('2d', {willReadFrequently: true});
  const look = () => {
    const canvas = [...document.querySelectorAll('canvas')].find(c => c.width > 300);
    if (canvas) {
      to.clearRect(0, 0, 160, 100); to.drawImage(canvas, 0, 0, 160, 100);
      const d = to.getImageData(0, 0, 160, 100).data; let warm = 0;
      for (let i = 0; i < d.length; i += 4) if (d[i] - d[i + 2] > 40) warm++;
      if (warm > 20) { window.personDrawn = performance.now(); return; }
    }
    setTimeout(() => requestAnimationFrame(look));
  };
  requestAnimationFrame(look);
})()"""
"""Skin and cloth have more red than blue; floor, rig and panel have not. It looks after the page's own drawing."""
PAINTED = (
    "performance.getEntriesByType('paint').filter(p => p.name == 'first-contentful-paint').map(p => p.startTime)[0]"
)
LONGEST_S = 60.0


def repeated_session(source: Path, folder: Path, instants: int) -> Path:
    """A session of so many instants, whose results are those of the source over and over again."""
    session = Session.open(source)
    there = session.instants()
    shutil.copy(source / "session.toml", folder / "session.toml")
    for name in ("recording", "calibration"):
        shutil.copytree(source / name, folder / name, copy_function=os.link)
    period = there[1].time_us - there[0].time_us
    sets = [replace(there[k % len(there)], instant=k, time_us=k * period) for k in range(instants)]
    (folder / "sync").mkdir()
    write_instants(folder / "sync" / "frames.parquet", sets)
    (folder / "clouds").mkdir()
    for k in range(instants):
        found = source / "clouds" / f"{k % len(there):06d}.npz"
        if found.is_file():
            os.link(found, folder / "clouds" / f"{k:06d}.npz")
    for name in ("body", "keypoints"):
        for path in (source / name).glob("person*.npz"):
            (folder / name).mkdir(exist_ok=True)
            np.savez(folder / name / path.name, **_repeated(dict(np.load(path)), len(there), instants))
    for path in (source / "mesh").glob("person*.npz"):
        _repeat_mesh(source / "mesh", folder / "mesh", path.stem, len(there), instants)
    for path in (source / "texture").glob("person*/*.jpg"):
        target = folder / "texture" / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        numbers = [path.stem]
        if path.stem.isdigit():
            numbers = [f"{k:06d}" for k in range(int(path.stem), instants, len(there))]
        for number in numbers:
            os.link(path, target / f"{number}.jpg")
    return folder


def _repeated(arrays: dict[str, Any], there: int, instants: int) -> dict[str, Any]:
    rows = np.arange(instants) % there
    found = {n: a[rows] if a.ndim and len(a) == there and n != "names" else a for n, a in arrays.items()}
    return {**found, "instants": np.arange(instants)}


def _repeat_mesh(source: Path, folder: Path, person: str, there: int, instants: int) -> None:
    """One segment, that of the first instant, for all."""
    meshes = MeshSequence.open(source, person)
    segment = meshes.segment(meshes.number_of(0))
    rows = np.arange(instants) % min(there, len(segment.instants))
    repeated: Segment = replace(segment, instants=np.arange(instants), vertices=segment.vertices[rows])
    write_segment(folder, person, 0, repeated)
    write_index(folder, person, [(k, 0, "") for k in range(instants)])


def serve(session: Path) -> tuple[subprocess.Popen[str], str, float]:
    """The program, its address, and the seconds until it was said."""
    begin = time.perf_counter()
    words = [sys.executable, "-m", "humanrig.cli", "view", str(session), "--port", "0", "--seconds", "120"]
    program = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert program.stderr is not None
    for line in program.stderr:
        if found := re.search(r"http://\S+", line):
            return program, found.group(), time.perf_counter() - begin
    raise SystemExit("the viewer did not start")


async def first_paint(url: str) -> tuple[float, float]:
    """Seconds from opening the page until the browser painted anything, and until the person is seen."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        async with browser_page(Path(profile), WEBGL) as page:
            await page.call("Page.enable")
            await page.call("Page.addScriptToEvaluateOnNewDocument", source=DRAWN)
            await page.open(url, 1280, 800)
            await asyncio.sleep(0.5)
            person = await page.until("window.personDrawn", LONGEST_S)
            return await page.value(PAINTED) / 1e3, person / 1e3


def instants_s(session: Path, count: int) -> list[tuple[float, float]]:
    """Seconds, and those of the processor, from the turn of the slider to the end of its drawing.

    The instants were not read before.
    """
    from humanrig.viewing.content import SessionContent
    from humanrig.viewing.viewer import Viewer

    with Viewer(SessionContent(Session.open(session))) as viewer:
        viewer.settle()
        slider, found = viewer.panel.slider, []
        assert slider is not None
        for k in range(1, count + 1):
            begin, worked = time.perf_counter(), time.process_time()
            slider.value = k * 7 % len(viewer.content.instants)
            time.sleep(0.001)
            viewer.settle()
            found.append((time.perf_counter() - begin, time.process_time() - worked))
        return found


def main() -> None:
    """Prints the figures."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("session", type=Path)
    words.add_argument("--instants", type=int, default=300)
    words.add_argument("--runs", type=int, default=3)
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.session.resolve().parent) as scratch:
        session = repeated_session(chosen.session, Path(scratch), chosen.instants)
        rows = []
        for _ in range(chosen.runs):
            program, url, started = serve(session)
            try:
                rows.append((started, *asyncio.run(first_paint(url))))
            finally:
                program.terminate()
                program.wait(20)
        for name, values in zip(("served after", "first paint", "person seen"), zip(*rows)):
            print(f"{name}: {median(values):.2f} s ({', '.join(f'{v:.2f}' for v in values)})")
        passed, worked = zip(*instants_s(session, 20))
        core_ms = 1e3 * median(worked)
        print(
            f"an instant: {1e3 * median(passed):.0f} ms, at most {1e3 * max(passed):.0f}; of one core {core_ms:.0f} ms"
        )
        print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
