"""Switches of the Kinects' sensor effects by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from capture.errors import CaptureError
from capture.virtual.color_effects import ColorEffects
from capture.virtual.depth_effects import DepthEffects


def effect_names(kind: type[DepthEffects] | type[ColorEffects]) -> tuple[str, ...]:
    """Names of the effects that can be switched."""
    return tuple(field.name for field in fields(kind) if field.type in (bool, "bool"))


def effects_without(
    names: Iterable[str], depth: DepthEffects | None = None, color: ColorEffects | None = None
) -> tuple[DepthEffects, ColorEffects]:
    """The effects (None: all) with those of these names off. Raises CaptureError for a name that there is not."""
    depth, color = depth or DepthEffects(), color or ColorEffects()
    of_depth, of_color = effect_names(DepthEffects), effect_names(ColorEffects)
    for name in names:
        if name in of_depth:
            depth = replace(depth, **{name: False})
        elif name in of_color:
            color = replace(color, **{name: False})
        else:
            raise CaptureError(
                f"no sensor effect '{name}'; of depth there are {', '.join(of_depth)}; of colour {', '.join(of_color)}"
            )
    return depth, color
