"""Small pictures of encoded frames: colour as it is, depth in colours, infrared in grey."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg
from jaxtyping import UInt8, UInt16

from capture import depth_codec
from capture.device import DeviceStream
from capture.errors import CaptureError

WIDTH = 320
QUALITY = 60
NEAR_MM, FAR_MM = 500.0, 5000.0
"""A ring's working range: nearer is drawn as the nearest colour, further as the furthest; nothing measured is black."""
IR_WHITE_PERCENTILE = 99.0


def has_tile(stream: DeviceStream) -> bool:
    """Whether a stream can be drawn."""
    sized = stream.width is not None and stream.height is not None
    return stream.kind in ("color", "depth", "ir") and (stream.encoding in ("jpeg", "png") or sized)


def make_tile(stream: DeviceStream, data: bytes) -> bytes:
    """A JPEG of the frame, 320 pixels wide or narrower. Raises CaptureError when the frame is damaged."""
    try:
        picture = _picture(stream, data)
    except (ValueError, cv2.error, CaptureError) as error:
        raise CaptureError(f"{stream.name}: a frame cannot be drawn ({error}); look at the device's cable") from None
    return simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=QUALITY, colorspace="BGR")


def _picture(stream: DeviceStream, data: bytes) -> UInt8[np.ndarray, "height width 3"]:
    if stream.encoding == "jpeg":
        return _narrowed(simplejpeg.decode_jpeg(data, colorspace="BGR", fastdct=True, min_width=WIDTH, min_height=1))
    if stream.encoding == "png":
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("not a PNG image")
        return _narrowed(np.asarray(image, np.uint8))
    assert stream.width is not None
    assert stream.height is not None
    step = max(1, stream.width // WIDTH)
    values = depth_codec.decode(data, stream.height, stream.width)[::step, ::step]
    return color_depth(values) if stream.kind == "depth" else _grey(values)


def color_depth(depth_mm: UInt16[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width 3"]:
    """Near is red, far is blue, 0 (nothing measured) is black; BGR."""
    scaled = (FAR_MM - np.clip(depth_mm.astype(np.float32), NEAR_MM, FAR_MM)) * (255.0 / (FAR_MM - NEAR_MM))
    colored = np.asarray(cv2.applyColorMap(scaled.astype(np.uint8), cv2.COLORMAP_TURBO), np.uint8)
    colored[depth_mm == 0] = 0
    return colored


def _grey(values: UInt16[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width 3"]:
    white = max(1.0, float(np.percentile(values, IR_WHITE_PERCENTILE)))
    grey = np.minimum(values.astype(np.float32) * (255.0 / white), 255.0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def _narrowed(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "height width 3"]:
    height, width = image.shape[:2]
    if width <= WIDTH:
        return image
    return np.asarray(cv2.resize(image, (WIDTH, round(height * WIDTH / width)), interpolation=cv2.INTER_AREA), np.uint8)
