"""`humanrig phone serve`: phones connect, and are shown with the quality of their clocks."""

from __future__ import annotations

import time
from typing import Annotated

from tyro.conf import arg

from humanrig.errors import HumanrigError
from humanrig.terminal import console, print_json, say


def serve(
    listen: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, arg(metavar="PORT")] = 8464,
    token: Annotated[str, arg(metavar="TOKEN")] = "",
    seconds: Annotated[float | None, arg(metavar="SECONDS")] = None,
    json: bool = False,
) -> int:
    """Let phones connect, and list them with the quality of their clocks, until Ctrl-C.

    Prints the pairing address: open it on a phone for the web camera, or scan it with an app that speaks
    docs/phone.md. Nothing is recorded: it is for pairing and for looking. A capture serves its phones itself, with the
    same token and certificate.

    Args:
        listen: Address of the network to listen on, 0.0.0.0 for all; without it only this computer can connect.
            Anything but loopback brings TLS and the pairing token with it.
        port: Port to listen at; 0 takes a free one.
        token: Pairing token of your own choice.
        seconds: End after this long.
        json: Print the phones as JSON at the end; needs --seconds.
    """
    check_seconds(seconds)
    if json and seconds is None:
        raise HumanrigError("--json prints the phones at the end; say when that is with --seconds")
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
            say("only this computer can connect; phones need --listen ADDRESS, this computer's in their network")
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


def check_seconds(seconds: float | None) -> None:
    """Raises HumanrigError for a length that is none."""
    if seconds is not None and not seconds > 0:
        raise HumanrigError(f"--seconds {seconds:g} is no time; give a number above 0")
