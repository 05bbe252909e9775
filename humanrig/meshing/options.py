"""Options of the stage `mesh`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

Surface = Literal["tracked", "free", "body"]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MeshConfig:
    """Options of the stage."""

    surface: Surface | None = None
    """tracked: one topology follows the body and the clouds; free: a new surface at each instant; body: the fitted
    body, thickened. None: tracked where there are clouds, else body."""
    method: Literal["tsdf", "poisson"] = "tsdf"
    """How free surfaces and the templates of tracked ones are made of depth."""
    faces: int = Field(default=20_000, ge=500, le=200_000)
    """Triangles of a free surface or a template; the body has its own."""
    template: Path | None = None
    """Scan of the person (.obj or .ply) that is tracked in place of a surface made of depth."""
    template_unit: Literal["m", "cm", "mm"] | None = None
    """Unit of the scan's file; asked for where metres make no person."""
    template_up: Literal["x", "y", "z", "-x", "-y", "-z"] | None = None
    """The scan's axis that points up, where it is known."""
    clothes: bool = True
    """Move the body's surface to where the clouds are; off leaves the bare body."""
    cloud_instants: int = Field(default=40, ge=1)
    """Instants whose clouds are read for that, evenly spread over the clip."""
    workers: int | None = Field(default=None, ge=1)
    """Processes; None: one for each processor."""
