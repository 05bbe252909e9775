"""The stage `texture`: a texture for each segment of surfaces and one for every instant, from all colour cameras."""

from __future__ import annotations

from typing import Any

from humanrig.stage import Stage, StageContext
from humanrig.stages.per_person import for_everybody
from humanrig.texturing.config import TextureConfig
from humanrig.texturing.person_textures import VERSION, paint_person


def run(context: StageContext) -> dict[str, Any]:
    """Writes the files of `texture.files.texture_files`; returns the share that was seen, and what is missing.

    A session without a calibrated colour camera in use is skipped, and says so: its surfaces stay without texture. The
    figures at the top are the first person's.
    """
    session, cameras = context.session, context.session.cameras()
    if not any(stream in cameras and context.uses(stream) for stream in session.of_kind("color")):
        context.progress(1, 1)
        reason = "no calibrated colour camera is in use; the surfaces are exported without texture"
        return {"skipped": reason, "warnings": [reason]}
    return for_everybody(context, lambda results, progress: paint_person(context, results, progress))


STAGE = Stage(
    name="texture",
    folder="texture",
    needs=("sync", "calibrate", "masks", "mesh"),
    config=TextureConfig,
    run=run,
    version=VERSION,
)
