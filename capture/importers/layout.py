"""A layout of recordings that other tools make: how it is recognised, and what turns it into a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from capture.session import Session


@runtime_checkable
class WriteSession(Protocol):
    """Makes a session in an empty folder from a recording; raises CaptureError or GeometryError on bad input."""

    def __call__(
        self,
        source: Path,
        folder: Path,
        *,
        calibration: Path | None,
        session_id: str | None,
        on_progress: Callable[[int, int], None] | None,
        **options: Any,
    ) -> Session:
        """The session, written into `folder`. `options` are those of `Layout.options` that the user gave."""
        ...


@runtime_checkable
class WritePlainSession(Protocol):
    """The same of a layout that leaves nothing to be told."""

    def __call__(
        self,
        source: Path,
        folder: Path,
        *,
        calibration: Path | None,
        session_id: str | None,
        on_progress: Callable[[int, int], None] | None,
    ) -> Session:
        """The session, written into `folder`."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """One kind of recording."""

    name: str
    """What `session.toml` has as its origin: `stray-scanner`, `humman-recon`, …"""
    description: str
    """What `humanrig import --help` says of it: the file or the folder that is given."""
    recognises: Callable[[Path], bool]
    """Whether a file or a folder is one; cheap, never raises."""
    write: WriteSession | WritePlainSession
    options: frozenset[str] = frozenset()
    """What `write` can be told beyond what all are told, by name: `rate_hz`, `depth_scale`, …"""
