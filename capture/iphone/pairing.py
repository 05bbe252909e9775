"""How a phone finds and proves itself to the rig: the pairing address with its token, and where both are kept."""

from __future__ import annotations

import ipaddress
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from capture.errors import CaptureError

TOKEN_BYTES = 18
"""144 bits: 24 letters, which nobody guesses over a network."""
MIN_TOKEN = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PairingAddress:
    """Where a phone connects and what it says there. As a URL it fits a QR code; what follows # is never sent."""

    scheme: str
    """`http` on loopback, else `https`."""
    host: str
    port: int
    token: str = ""
    fingerprint: str = ""
    """SHA-256 of the certificate in hex, for apps that pin it; empty without TLS."""

    @property
    def page(self) -> str:
        """The URL to open or to scan: `https://192.168.1.5:8464/#token=…&sha256=…`."""
        parts = [f"{k}={v}" for k, v in (("token", self.token), ("sha256", self.fingerprint)) if v]
        return f"{self.scheme}://{self._host}:{self.port}/" + (f"#{'&'.join(parts)}" if parts else "")

    @property
    def websocket(self) -> str:
        """Where apps connect: `wss://192.168.1.5:8464/phone`."""
        return f"{'wss' if self.scheme == 'https' else 'ws'}://{self._host}:{self.port}/phone"

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @classmethod
    def parse(cls, url: str) -> PairingAddress:
        """The address in a pairing URL; http, https, ws and wss mean the same server. Raises CaptureError."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            secure = {"http": False, "ws": False, "https": True, "wss": True}[parts.scheme]
            if not parts.hostname:
                raise ValueError("no host")
            given = parse_qs(parts.fragment)
            return cls(
                scheme="https" if secure else "http",
                host=parts.hostname,
                port=parts.port or (443 if secure else 80),
                token=given.get("token", [""])[0],
                fingerprint=given.get("sha256", [""])[0].lower(),
            )
        except (ValueError, KeyError):
            raise CaptureError(f"'{url}' is not a pairing address; copy what `humanrig phone serve` prints") from None


def is_loopback(host: str) -> bool:
    """Whether only programs on this computer reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_token(token: str) -> str:
    """The token of somebody's choice. Raises CaptureError when it is too short or not plain letters."""
    if len(token) < MIN_TOKEN or not all(c.isascii() and (c.isalnum() or c in "-_") for c in token):
        raise CaptureError(
            f"a pairing token must be {MIN_TOKEN} or more letters, digits, - and _; leave it out to get one made"
        )
    return token


def kept_token(folder: Path) -> str:
    """The token in the folder, made at the first call and readable by its user alone. Raises CaptureError."""
    path = folder / "token"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            path.chmod(0o600)
            return checked_token(path.read_text("ascii").strip())
        with os.fdopen(descriptor, "w") as file:
            token = secrets.token_urlsafe(TOKEN_BYTES)
            file.write(f"{token}\n")
        return token
    except (OSError, UnicodeDecodeError, CaptureError) as error:
        raise CaptureError(f"the pairing token {path} cannot be used ({error}); remove that file") from None


def pairing_folder() -> Path:
    """Where token and certificate are kept: `$XDG_CONFIG_HOME/humanrig/phone`, else `~/.config/humanrig/phone`."""
    root = os.environ.get("XDG_CONFIG_HOME")
    return (Path(root) if root else Path.home() / ".config") / "humanrig" / "phone"
