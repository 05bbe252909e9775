"""`humanrig phone serve|play`: see phones and their clocks, or let a recording stand in for a phone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from humanrig.commands.group import group
from humanrig.commands.phone_serve import check_seconds, serve
from humanrig.terminal import say


def play(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    url: Annotated[Positional[str], arg(metavar="URL")],
    token: Annotated[str, arg(metavar="TOKEN")] = "",
    device: Annotated[str, arg(metavar="NAME")] = "",
    serial: Annotated[str, arg(metavar="SERIAL")] = "",
    loop: bool = False,
    seconds: Annotated[float | None, arg(metavar="SECONDS")] = None,
) -> int:
    """Play the phone of a recorded or simulated session to a rig, as if it were there, until Ctrl-C.

    It waits for the rig where nobody answers yet. A session with a phone: humanrig simulate SESSION --phones 1.

    Args:
        session: The session whose phone is played.
        url: Pairing address, as humanrig phone serve, rig check and capture print it.
        token: The rig's token, where the address has none.
        device: The phone's name in the session, where it has several.
        serial: Serial number to show, so that one session can stand in for several phones.
        loop: Begin again at the end of the recording.
        seconds: End after this long.
    """
    from capture.iphone.agent import run_agent

    check_seconds(seconds)
    quit = threading.Event()
    if seconds is not None:
        timer = threading.Timer(seconds, quit.set)
        timer.daemon = True
        timer.start()
    record = run_agent(url, session, device=device, token=token, serial=serial, loop=loop, quit=quit, log=say)
    say(f"{record.takes} takes, {len(record.frames)} frames, {record.connections} connections")
    return 0


phone = group(
    "Phones as cameras of the rig: let them connect and look at their clocks, or let a recording stand in for one.",
    {"serve": serve, "play": play},
)
