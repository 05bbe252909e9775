"""Images and inertial samples of an Azure Kinect as they are recorded; images that are not what was asked for."""

from __future__ import annotations

import json

import numpy as np
from jaxtyping import UInt16

from capture import depth_codec
from capture.azure_kinect.structures import ImuSampleC
from capture.azure_kinect.unit import KinectImage
from capture.errors import CaptureError

JPEG_START = b"\xff\xd8"


class BadImage(CaptureError):
    """An image of a wrong size or that is no JPEG."""


def encode_image(image: KinectImage, width: int, height: int) -> bytes:
    """JPEG as it came, depth and infrared as dzp. Raises BadImage when it is not of the mode's size."""
    if (image.width, image.height) != (width, height):
        raise BadImage(f"a {image.kind} image of {image.width}x{image.height} pixels came, {width}x{height} expected")
    if image.kind != "color":
        return depth_codec.encode(_pixels(image))
    if not image.data.startswith(JPEG_START):
        raise BadImage(f"a colour image of {len(image.data)} bytes came that is no JPEG")
    return image.data


def encode_imu(sample: ImuSampleC) -> bytes:
    """JSON with both sensors' times (device us), m/s² and rad/s in the sensor's own axes; keys as imported."""
    return json.dumps(
        {
            "acc_us": sample.acc_timestamp_usec,
            "acc_mss": list(sample.acc_sample),
            "gyro_us": sample.gyro_timestamp_usec,
            "gyro_rads": list(sample.gyro_sample),
        }
    ).encode()


def _pixels(image: KinectImage) -> UInt16[np.ndarray, "height width"]:
    """The pixels without what pads the rows."""
    row = 2 * image.width
    if image.stride < row or len(image.data) < image.stride * image.height:
        raise BadImage(
            f"a {image.kind} image of {len(image.data)} bytes came, {row * image.height} expected for "
            f"{image.width}x{image.height} pixels"
        )
    rows = np.frombuffer(image.data, np.uint8, image.stride * image.height).reshape(image.height, image.stride)
    return np.ascontiguousarray(rows[:, :row]).view("<u2")
