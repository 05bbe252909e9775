"""The figure when a camera exposes: where it is, how it moves, and the light that it leaves itself and the floor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32

from capture.virtual.ambient_occlusion import figure_light
from capture.virtual.drawable import Drawable
from capture.virtual.shadows import floor_shadow


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """One figure at one moment; light is worked out once, when it is first asked for."""

    drawable: Drawable
    velocity: Float32[np.ndarray, "vertices 3"]
    """World, metres a second."""

    @cached_property
    def light_left(self) -> Float32[np.ndarray, "vertices"] | None:
        """Part of the light left at each vertex; None where the studio has no surface samples."""
        drawable, samples = self.drawable, self.drawable.studio.samples
        return None if samples is None else figure_light(drawable.vertices, drawable.normals, samples)

    @cached_property
    def floor(self) -> Float32[np.ndarray, "cells cells"] | None:
        """Part of the light left on the floor (see shadows.floor_shadow); None where the studio has no samples."""
        samples = self.drawable.studio.samples
        return None if samples is None else floor_shadow(self.drawable.vertices, samples)
