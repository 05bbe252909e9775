"""Outlines of a person's masks in the colour cameras, for the term `silhouettes`."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool

from geometry.camera import Camera
from humanrig.stage import StageContext
from registration.fit.terms.silhouettes import Outline
from registration.masks.files import mask_path, read_mask

LONGEST_PX = 640
"""Longer side of the masks that the fit sees: the size that the term's sigma in pixels belongs to."""


def person_outlines(context: StageContext, person: int) -> list[Outline]:
    """Of every mask of `person` at the context's instants; frames count from the first of these.

    Instants without a mask, and images without the person, have none.
    """
    session, calibrated = context.session, context.session.cameras()
    streams = [s for s in session.of_kind("color") if context.uses(s) and s in calibrated]
    found = []
    for frame, instant in enumerate(context.instants):
        for stream in streams:
            path = mask_path(session.path("masks"), stream, instant)
            if path.is_file():
                mask, camera = reduced(read_mask(path, person), calibrated[stream])
                outline = Outline.of(mask, camera, frame)
                if len(outline.q):
                    found.append(outline)
    return found


def reduced(
    mask: Bool[np.ndarray, "height width"], camera: Camera, longest: int = LONGEST_PX
) -> tuple[Bool[np.ndarray, "rows columns"], Camera]:
    """The mask at most `longest` pixels long, and the camera that sees it so."""
    scale = min(1.0, longest / max(mask.shape))
    width, height = max(round(camera.width * scale), 1), max(round(camera.height * scale), 1)
    small = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5
    S = np.diag([width / camera.width, height / camera.height, 1.0])
    S[:2, 2] = (np.diag(S)[:2] - 1) / 2  # pixel centres are whole numbers
    return small, replace(camera, K=S @ camera.K, width=width, height=height)
