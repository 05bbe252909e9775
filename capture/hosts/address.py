"""Where a recording host's agent is, with what proves both sides to each other: one line of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from capture.errors import CaptureError
from capture.iphone.pairing import is_loopback

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""Of hosts and sessions: they become file names."""
_SECRET = re.compile(r"(?P<token>[A-Za-z0-9_-]{16,})(?:\.(?P<fingerprint>[0-9a-f]{64}))?")


class HostError(CaptureError):
    """A recording host could not do what it was asked, or cannot be reached."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostAddress:
    """One agent."""

    host: str
    port: int
    token: str
    fingerprint: bytes | None = None
    """SHA-256 of its certificate; None: no TLS, which only loopback may do."""

    @property
    def url(self) -> str:
        """Without the secret."""
        scheme = "ws" if self.fingerprint is None else "wss"
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{name}:{self.port}/"

    @property
    def text(self) -> str:
        """As it is given to the computer that starts takes; who has it may record on the host."""
        secret = self.token if self.fingerprint is None else f"{self.token}.{self.fingerprint.hex()}"
        return f"{self.url}#{secret}"

    @classmethod
    def parse(cls, text: str) -> HostAddress:
        """The address of a text, or of a file that holds it. Raises HostError with what is wrong with it."""
        shown = text.split("#", maxsplit=1)[0]
        if "://" not in text:
            try:
                text = Path(text).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise HostError(
                    f"'{shown}' is neither a host's address nor a file with one; copy what humanrig host serve printed"
                ) from None
        parts = urlsplit(text)
        secret = _SECRET.fullmatch(parts.fragment)
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme not in ("ws", "wss") or not parts.hostname or port is None or secret is None:
            raise HostError(f"'{shown}' is not a whole host's address; copy the line that humanrig host serve printed")
        fingerprint = secret["fingerprint"]
        if (parts.scheme == "wss") != (fingerprint is not None):
            raise HostError(f"'{shown}' has no fingerprint of its certificate; copy the whole line of host serve")
        if fingerprint is None and not is_loopback(parts.hostname):
            raise HostError(
                f"'{shown}' is another computer without TLS; start its agent with --listen {parts.hostname}"
            )
        return cls(
            host=parts.hostname,
            port=port,
            token=secret["token"],
            fingerprint=bytes.fromhex(fingerprint) if fingerprint else None,
        )


def checked_name(name: object, url: str) -> str:
    """What a host calls itself, which becomes a file name here. Raises HostError when it cannot be one."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise HostError(
            f"{url} calls itself {name!r}; a host's name has letters, digits, - and _, do not use that host"
        )
    return name
