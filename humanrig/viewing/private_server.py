"""The server of the page's scene, out of reach of anybody but the guard that stands before it."""

from __future__ import annotations

import contextlib
import io
import secrets

from viser import ViserServer


class PrivateServer(ViserServer):
    """viser on an address of this computer that no page of another site can guess.

    viser asks nobody who they are: any page that a browser on this computer shows could connect to a port of
    127.0.0.1. All of 127.0.0.0/8 is this computer (RFC 1122, 3.2.1.3), so it listens on a random address of it.
    """

    def __init__(self, label: str) -> None:
        """Listens at once. Raises OSError where it cannot."""
        a, b, c = (1 + secrets.randbelow(253) for _ in range(3))
        with contextlib.redirect_stdout(io.StringIO()):  # viser greets with its own address
            super().__init__(host=f"127.{a}.{b}.{c}", port=0, label=label, verbose=False)
        self.gui.configure_theme(show_logo=False, show_share_button=False)

    @property
    def place(self) -> tuple[str, int]:
        """Address and port."""
        return self.get_host(), self.get_port()

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Nothing: viser would open a tunnel through a server of others when a page asks for it."""
        return None

    def stop(self) -> None:
        """Ends it; viser's farewell is swallowed."""
        with contextlib.redirect_stdout(io.StringIO()):
            super().stop()
