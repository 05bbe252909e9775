"""Options of the stage `texture`."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class TextureConfig:
    """Options of the stage."""

    size: int = Field(default=2048, ge=64, le=4096)
    """Rows and columns of the textures. Time and memory grow with their square."""
    clip_instants: int = Field(default=12, ge=1, le=64)
    """Instants of a segment, evenly spread, whose agreement is its texture."""
    every_instant: bool = True
    """Write a texture for each instant too; mesh sequences need them, the animated model does not."""
    measured_depth: bool = True
    """Reject texels where the depth camera beside the colour camera measured another surface."""
    masks: bool = True
    """Use pixels inside the person's mask only."""
    balance: bool = True
    """Even out brightness and white balance between the cameras, and what a camera drifts from frame to frame."""
    polish: bool = True
    """Refine the colour cameras' poses by the colours that they share, if held-out colours then agree better."""
    shrink: bool = True
    """Keep of an instant's difference to its segment's texture only what is more than noise."""
    quality: int = Field(default=92, ge=50, le=100)
    """JPEG quality."""
    workers: int | None = Field(default=None, ge=1)
    """Processes; None: one for each processor, or one alone for a short take."""
