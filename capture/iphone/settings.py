"""What the rig can be told about its phones: one table for each phone, one for the server that they connect to."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

PORT = 8464
_STRICT = ConfigDict(extra="forbid")
Seconds = Annotated[float, Field(gt=0, le=3600)]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class PhoneSettings:
    """One phone of the rig."""

    serial: str = ""
    """As the phone says it in its hello; empty: the first phone that no other device has."""
    wait_s: Seconds = 10.0
    """How long `open` waits for the phone to connect."""
    lost_after_s: Seconds = 30.0
    """A phone whose link has been broken for this long while it records is lost; before, it is only stalled."""
    drain_s: Seconds = 5.0
    """How long `stop` waits for the frames that are still on the phone."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class PhoneServerSettings:
    """The server that phones connect to."""

    listen: str = "127.0.0.1"
    """Address of the network interface; anything but loopback brings TLS and the pairing token with it."""
    port: Annotated[int, Field(ge=0, le=65535)] = PORT
    token: str | None = None
    """What a phone must say; None: none on loopback, else the one kept in the configuration folder."""
