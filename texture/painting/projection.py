"""The values of painting under one name: a view, and what all views say together."""

from __future__ import annotations

from texture.painting.blend import Blend
from texture.painting.views import ColorView

__all__ = ["Blend", "ColorView"]
