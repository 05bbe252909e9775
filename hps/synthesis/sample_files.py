"""What the files of a sample hold, by their endings, in memory's units."""

from __future__ import annotations

import io
import zipfile
from typing import Any, Final

import cv2
import numpy as np

from hps.errors import HpsError

DEPTH_UNITS_PER_M: Final = 5000.0
"""Of depth.png: 0.2 mm a unit, to 13.1 m: the scale of TUM RGB-D's files. 0 is missing."""


def decoded(ending: str, content: bytes, key: str = "") -> Any:
    """The array of a file; of .npz a mapping of arrays.

    color.jpg: uint8 (height, width, 3), RGB. depth.png: float32 metres, NaN where nothing was hit; sensor_depth.png
    the same, NaN where the sensor saw nothing. normals.png: float32 unit vectors, camera frame (OpenCV axes), NaN
    where there is no surface. mask.png and parts.png: uint8 as stored. Raises HpsError for a file that is damaged.
    """
    if ending.endswith(".npz"):
        try:
            with np.load(io.BytesIO(content)) as found:
                return dict(found)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise _damaged(key, ending, str(error)) from None
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if image is None:
        raise _damaged(key, ending, "it is no picture")
    if ending.startswith("color."):
        return np.ascontiguousarray(image[..., ::-1])
    if ending == "normals.png":
        stored = image[..., ::-1].astype(np.float32)
        normals = stored / 127.5 - 1
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        return np.where((stored == 0).all(-1, keepdims=True), np.float32(np.nan), normals)
    if ending == "depth.png":
        return np.where(image == 0, np.float32(np.nan), image / np.float32(DEPTH_UNITS_PER_M))
    if ending == "sensor_depth.png":
        return np.where(image == 0, np.float32(np.nan), image * np.float32(1e-3))
    return image


def _damaged(key: str, ending: str, why: str) -> HpsError:
    return HpsError(f"{key}.{ending} is damaged ({why}); make the shard again: humanrig synthesize DATASET --verify")
