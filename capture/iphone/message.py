"""What a phone sends beside each pair of images: intrinsics, its own pose and the confidence of its depth, as JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from capture import depth_codec
from capture.errors import CaptureError


@dataclass(frozen=True, kw_only=True, eq=False)
class PhoneMessage:
    """One frame of a phone, without its images. Messages, colour and depth of one index belong together."""

    timestamp_s: float
    """Of the phone's own clock, as ARFrame.timestamp; its stream has the same time in microseconds."""
    K: Float[np.ndarray, "3 3"]
    """Of the colour image. Those of the depth image are the same, scaled to its size edge upon edge."""
    T_arkit_camera: Float[np.ndarray, "4 4"]
    """As ARKit has it: world y up, metres; camera x right, y up, looking along -z."""
    confidence: UInt8[np.ndarray, "height width"]
    """Of each depth pixel: 0 low, 1 medium, 2 high (ARConfidenceLevel)."""

    def encode(self) -> bytes:
        """The message as it is recorded."""
        height, width = self.confidence.shape
        data = base64.b64encode(depth_codec.encode(self.confidence.astype(np.uint16))).decode()
        message = {
            "timestamp_s": self.timestamp_s,
            "K": self.K.tolist(),
            "T_arkit_camera": self.T_arkit_camera.tolist(),
            "confidence": {"width": width, "height": height, "dzp": data},
        }
        return json.dumps(message).encode()

    @classmethod
    def of(cls, values: dict[str, Any], where: str = "a phone's message") -> PhoneMessage:
        """The message that a decoded frame of the stream holds.

        Raises CaptureError, starting with `where`, when it is not one.
        """
        try:
            coded = values["confidence"]
            image = depth_codec.decode(base64.b64decode(coded["dzp"]), coded["height"], coded["width"])
            return cls(
                timestamp_s=float(values["timestamp_s"]),
                K=np.array(values["K"], np.float64).reshape(3, 3),
                T_arkit_camera=np.array(values["T_arkit_camera"], np.float64).reshape(4, 4),
                confidence=image.astype(np.uint8),
            )
        except (KeyError, TypeError, ValueError, CaptureError) as error:
            raise CaptureError(
                f"{where} is not a phone's message ({type(error).__name__}: {error}); record the take again"
            ) from None
