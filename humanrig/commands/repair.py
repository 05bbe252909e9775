"""`humanrig repair`: a take whose recorder was killed, made whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from humanrig.terminal import print_json, progress, say


def repair(
    session: Annotated[Positional[Path], arg(metavar="SESSION")], drop_damaged: bool = False, json: bool = False
) -> int:
    """Make a take readable whose recording was cut short: the program was killed, the power went, a copy broke off.

    Every complete chunk comes back; what is lost is said in seconds. A recording is rewritten beside the original, read
    back whole, and only then put in its place. A session that is whole is left alone, one that is still being recorded
    is refused. Every checksum is read. Chunks that fail theirs are named and stay in a recording that has its index,
    as most of their frames may be unharmed.

    Exit code 0: whole; 1: damaged chunks are left in it.

    Args:
        session: The session's folder.
        drop_damaged: Leave out whole chunks whose checksum fails; the original is kept as recording/HOST.mcap.damaged.
        json: Print what was done as JSON.
    """
    from capture.recorder.repair import repair_session

    with progress("repairing") as update:
        done = repair_session(session, update, drop_damaged=drop_damaged)
    frames = {name: stream.frames for name, stream in done.session.streams.items()}
    if json:
        lost = {"lost": list(done.lost), "lost_s": done.lost_s, "damaged": list(done.damaged)}
        print_json({"session": str(session), "changed": list(done.changed), **lost, "frames": frames})
        return 1 if done.damaged else 0
    for text in (*done.changed, *(f"lost: {text}" for text in done.lost)):
        say(text)
    for text in done.damaged:
        say(f"damaged: {text}")
    if done.damaged:
        say(
            "nothing of this was dropped: restore the file from a copy; without one the frames that still decode can "
            f"be used as they are, or leave these chunks out: humanrig repair {session} --drop-damaged"
        )
        return 1
    if not done.changed:
        say(f"{session} is whole; nothing was changed")
        return 0
    say(f"{session} has {sum(frames.values())} frames of {len(frames)} streams; look at it with humanrig check")
    return 0
