"""One recorded image as SMC stores it."""

from __future__ import annotations

from typing import Final

import numpy as np
import simplejpeg

from capture.session import Session
from geometry.depth import encode_depth_mm
from humanrig.export.smc_file import SmcWriter

JPEG_QUALITY: Final = 95
"""Of pictures that were recorded as video, which SMC has no place for; on simulated pictures 0.5/255 in the mean from
what was decoded."""


def write_image(file: SmcWriter, place: str, session: Session, stream: str, index: int) -> None:
    """Colour byte for byte, depth in millimetres and IR as pixels. Raises CaptureError when the frame is damaged."""
    info = session.stream(stream)
    if info.kind == "depth":
        file.image(place, encode_depth_mm(session.frame(stream, index).payload))
    elif info.kind == "ir":
        file.image(place, session.frame(stream, index).payload)
    elif info.topic is not None and info.encoding in ("jpeg", "png"):
        file.encoded(place, session.recording(info.file).read(info.topic, index).data)
    else:
        picture = np.ascontiguousarray(session.frame(stream, index).payload)
        file.encoded(place, simplejpeg.encode_jpeg(picture, quality=JPEG_QUALITY, colorsubsampling="444"))
