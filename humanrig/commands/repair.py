"""`humanrig repair`: a take whose recorder was killed, made whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from capture.recorder.repair import repair_session
from humanrig.terminal import print_json, progress, say


def repair(session: Annotated[Positional[Path], arg(metavar="SESSION")], json: bool = False) -> None:
    """Make a take readable whose recording was cut short: the program was killed, the power went, a copy broke off.

    Every complete chunk comes back; what is lost is said in seconds. A recording is rewritten beside the original, read
    back whole, and only then put in its place. A session that is whole is left alone, one that is still being recorded
    is refused.

    Args:
        session: The session's folder.
        json: Print what was done as JSON.
    """
    with progress("repairing") as update:
        done = repair_session(session, update)
    frames = {name: stream.frames for name, stream in done.session.streams.items()}
    if json:
        lost = {"lost": list(done.lost), "lost_s": done.lost_s}
        print_json({"session": str(session), "changed": list(done.changed), **lost, "frames": frames})
        return
    for text in (*done.changed, *(f"lost: {text}" for text in done.lost)):
        say(text)
    if not done.changed:
        say(f"{session} is whole; nothing was changed")
        return
    say(f"{session} has {sum(frames.values())} frames of {len(frames)} streams; look at it with humanrig check")
