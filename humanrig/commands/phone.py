"""`humanrig phone`: serve phones and see how well their clocks are known, or play a recorded phone to a rig."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.errors import HumanrigError
from humanrig.terminal import console, print_json, say

USAGE = "humanrig phone serve [--listen ADDRESS], or humanrig phone play SESSION URL [--token TOKEN]"


def phone(
    action: Positional[Literal["serve", "play"]],
    session: Annotated[Positional[Path | None], arg(metavar="[SESSION]")] = None,
    url: Annotated[Positional[str], arg(metavar="[URL]")] = "",
    listen: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1",
    port: int = 8464,
    token: str = "",
    device: str = "",
    serial: str = "",
    loop: bool = False,
    seconds: Annotated[float | None, arg(metavar="S")] = None,
    json: bool = False,
) -> int:
    """Phones as cameras of the rig: `serve` lets them connect and shows them, `play` stands in for one.

    serve: prints the pairing address (open it on a phone for the web camera, or scan it with an app that speaks
    docs/phone.md) and lists the phones with the quality of their clocks until it is interrupted. Nothing is recorded:
    it is for pairing and for looking. A capture serves its phones itself, with the same token and certificate.

    play: plays the phone of a recorded or simulated SESSION (humanrig simulate S --phones 1) to the rig at URL.

    Args:
        action: serve or play.
        session: play: the session whose phone is played.
        url: play: the pairing address as `serve` prints it.
        listen: serve: address of the network to listen on, 0.0.0.0 for all. Anything but loopback brings TLS and the
            pairing token with it.
        port: serve: port; 0 takes a free one.
        token: serve: pairing token of your own choice; play: the rig's token where the URL has none.
        device: play: the phone's name in the session, where it has several.
        serial: play: serial number to show, so that one session can stand in for several phones.
        loop: play: begin again at the end of the recording.
        seconds: End after this long.
        json: serve: print the phones as JSON at the end; needs --seconds.
    """
    if seconds is not None and not seconds > 0:
        raise HumanrigError(f"--seconds {seconds:g} is no time; give a number above 0")
    if action == "serve":
        if session is not None or url:
            raise HumanrigError(f"humanrig phone serve takes no SESSION or URL; use: {USAGE}")
        if json and seconds is None:
            raise HumanrigError("--json prints the phones at the end; say when that is with --seconds")
        return _serve(listen, port, token, seconds, json)
    if session is None or not url:
        raise HumanrigError(f"humanrig phone play needs a SESSION and the rig's URL; use: {USAGE}")
    return _play(session, url, token, device, serial, loop, seconds)


def _serve(listen: str, port: int, token: str, seconds: float | None, json: bool) -> int:
    from rich.live import Live

    from capture.iphone.server import PhoneServer

    end = None if seconds is None else time.monotonic() + seconds
    with PhoneServer(listen, port, token or None, log=lambda text: say(text)) as server:
        address = server.address
        say(f"pairing address: {address.page}")
        say(f"apps connect to:  {address.websocket}")
        if server.secure:
            say(f"SHA-256 of the certificate: {address.fingerprint}")
            say(f"a phone installs it from:   {address.page.split('#')[0]}certificate.cer")
        else:
            say("only this computer can connect; phones need --listen 0.0.0.0")
        try:
            with Live(_table(server.phones()), console=console, refresh_per_second=2, transient=True) as live:
                while end is None or time.monotonic() < end:
                    time.sleep(0.5 if end is None else min(0.5, max(0.0, end - time.monotonic())))
                    live.update(_table(server.phones()))
        except KeyboardInterrupt:
            say("stopped")
        if json:
            print_json({"pairing": address.page, "phones": [_row(p) for p in server.phones()]})
        else:
            console.print(_table(server.phones()))
    return 0


def _table(phones):
    from rich.table import Table

    table = Table(box=None, title=None if phones else "no phone yet", pad_edge=False)
    for title in ("serial", "model", "link", "streams", "clock", "trouble"):
        table.add_column(title, no_wrap=title == "serial")
    for p in phones:
        streams = ", ".join(f"{s.kind} {s.width}x{s.height}" if s.width else s.kind for s in p.streams)
        trouble = [p.problem] if p.problem else []
        trouble += [f"{p.bad_messages} bad messages"] if p.bad_messages else []
        trouble += [f"link broke {p.broken_links} times"] if p.broken_links else []
        link = "connected" if p.connected else f"gone for {p.silent_s:.0f} s"
        table.add_row(p.serial, p.model, link, streams, p.clock.sentence, "; ".join(trouble))
    return table


def _row(p) -> dict[str, object]:
    fit = p.clock.fit
    clock = None
    if fit is not None:
        clock = {
            "offset_ms": fit.offset_us / 1000,
            "offset_sigma_ms": fit.offset_sigma_us / 1000,
            "rtt_ms": p.clock.rtt_us / 1000,
            "skew_ppm": fit.skew_ppm,
            "skew_sigma_ppm": fit.skew_sigma_ppm,
            "seconds": p.clock.seconds,
        }
    return {
        "serial": p.serial, "model": p.model, "app": p.app, "connected": p.connected, "exchanges": p.clock.exchanges,
        "clock": clock, "broken_links": p.broken_links, "bad_messages": p.bad_messages, "problem": p.problem,
    }  # fmt: skip


def _play(session: Path, url: str, token: str, device: str, serial: str, loop: bool, seconds: float | None) -> int:
    from capture.iphone.agent import run_agent

    quit = threading.Event()
    if seconds is not None:
        timer = threading.Timer(seconds, quit.set)
        timer.daemon = True
        timer.start()
    record = run_agent(url, session, device=device, token=token, serial=serial, loop=loop, quit=quit, log=say)
    say(f"{record.takes} takes, {len(record.frames)} frames, {record.connections} connections")
    return 0
