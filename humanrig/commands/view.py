"""`humanrig view`: a page that shows a session in space and over time."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from humanrig.terminal import say

TICK_S = 0.5


def view(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    compare: Annotated[Path | None, arg(metavar="OTHER")] = None,
    host: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, arg(metavar="PORT")] = 8470,
    token: Annotated[str, arg(metavar="TOKEN")] = "",
    seconds: Annotated[float | None, arg(metavar="SECONDS")] = None,
) -> int:
    """Look at a session in a browser: the rig, clouds, bodies, surfaces and pictures over time, until Ctrl-C.

    Prints the page's address. A session of which only some stages have run shows what there is. Nothing in the session
    is changed.

    Args:
        session: The session's folder.
        compare: A second result to lay beside: another session's folder, or the word truth for a simulated session.
        host: Address of the network to serve, 0.0.0.0 for all; without it only this computer can look. Anything but
            loopback brings TLS and a token.
        port: Port to serve at; 0 takes a free one.
        token: Token of your own choice, for --host; by default a new one each time.
        seconds: End after this long.
    """
    from capture.session import Session
    from humanrig.commands.phone_serve import check_seconds
    from humanrig.viewing.about import about_session
    from humanrig.viewing.content import SessionContent
    from humanrig.viewing.guard import door_token
    from humanrig.viewing.viewer import Viewer

    check_seconds(seconds)
    content = SessionContent(Session.open(session))
    compared = None
    if compare is not None:
        from humanrig.viewing.comparing import compare_with  # a second later than the rest

        compared = compare_with(content, compare)
    secret = door_token(host, token)
    about = partial(about_session, content.session)
    viewer = Viewer(content, compared, host=host, port=port, token=secret, about=about)
    end = None if seconds is None else time.monotonic() + seconds
    with viewer:
        say(f"{session} is at {viewer.url}")
        say(
            "only this computer can look; others need --host ADDRESS" if not secret else "who has this address can look"
        )
        try:
            while viewer.failure is None and (end is None or time.monotonic() < end):
                time.sleep(TICK_S if end is None else min(TICK_S, max(0.0, end - time.monotonic())))
        except KeyboardInterrupt:
            say("stopped")
    if viewer.failure is not None:
        raise viewer.failure
    return 0
