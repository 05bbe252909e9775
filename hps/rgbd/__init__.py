"""Bodies from colour and depth together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hps.rgbd.loading import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """`load` brings torch with it, so that it is fetched when it is asked for."""
    if name == "load":
        from hps.rgbd.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
