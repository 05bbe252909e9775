"""dzp: lossless coding of 16-bit images (depth, IR) that is fast enough for ten sensors at 30 Hz.

A pixel is replaced by its difference to the left neighbour (to the upper one in the first column), wrapped modulo
2^16; the signed difference is folded to an unsigned number (zigzag: 0, -1, 1, -2, … → 0, 1, 2, 3, …); all low bytes
are stored before all high bytes; zstd level 1 packs the two planes and adds a checksum. The image size is not part
of the bytes: the stream's description has it.
"""

from __future__ import annotations

import threading

import numba
import numpy as np
import zstandard
from jaxtyping import UInt8, UInt16

from capture.errors import CaptureError
from capture.zstd_frames import unpacked

ZSTD_LEVEL = 1

_local = threading.local()


def prepare() -> None:
    """Loads or compiles the kernels for images that may and may not be written to. Without it the first frame waits
    for that, up to seconds, and a device whose own queue is short loses the frames behind it."""
    image = np.zeros((2, 3), np.uint16)
    encode(image)
    image.flags.writeable = False
    decode(encode(image), *image.shape)


def encode(image: UInt16[np.ndarray, "height width"]) -> bytes:
    """The coded image. Raises CaptureError for anything but a 2D uint16 array."""
    _check_image(image)
    planes = np.empty(2 * image.size, np.uint8)
    _to_planes(np.ascontiguousarray(image), planes)
    return _pack(planes)


def decode(data: bytes, height: int, width: int) -> UInt16[np.ndarray, "height width"]:
    """The image. Raises CaptureError when the bytes are damaged or hold another number of pixels."""
    image = np.empty((height, width), np.uint16)
    _from_planes(_unpack(data, height, width), image)
    return image


def encode_numpy(image: UInt16[np.ndarray, "height width"]) -> bytes:
    """The same bytes as `encode`, written to be read."""
    _check_image(image)
    difference = np.empty_like(image)
    difference[:, 1:] = image[:, 1:] - image[:, :-1]
    difference[1:, :1] = image[1:, :1] - image[:-1, :1]
    difference[:1, :1] = image[:1, :1]
    signed = difference.view(np.int16)
    folded = ((signed << 1) ^ (signed >> 15)).view(np.uint16).ravel()
    return _pack(np.concatenate([folded & 255, folded >> 8]).astype(np.uint8))


def decode_numpy(data: bytes, height: int, width: int) -> UInt16[np.ndarray, "height width"]:
    """The same image as `decode`, written to be read."""
    low, high = _unpack(data, height, width).reshape(2, height, width).astype(np.uint16)
    folded = low | (high << 8)
    difference = (folded >> 1) ^ (0 - (folded & 1))
    difference[:, :1] = np.cumsum(difference[:, :1], axis=0, dtype=np.uint16)
    return np.cumsum(difference, axis=1, dtype=np.uint16)


def _check_image(image: np.ndarray) -> None:
    if image.ndim != 2 or image.dtype != np.uint16:
        raise CaptureError(f"dzp codes 2D uint16 images, not {image.dtype} of shape {image.shape}")


def _pack(planes: UInt8[np.ndarray, "bytes"]) -> bytes:
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
    return _local.compressor.compress(planes.tobytes())


def _unpack(data: bytes, height: int, width: int) -> UInt8[np.ndarray, "bytes"]:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    size = 2 * height * width
    try:
        planes = np.frombuffer(unpacked(data, size, _local.decompressor), np.uint8)
    except zstandard.ZstdError as error:
        raise CaptureError(f"dzp image of {width}x{height} is damaged ({error}); the recording has lost it") from None
    if planes.size != size:
        raise CaptureError(f"dzp image holds {planes.size} bytes, {size} expected for {width}x{height} uint16")
    return planes


@numba.njit(cache=True, nogil=True)
def _to_planes(image, planes):
    height, width = image.shape
    low = planes[: height * width].reshape(height, width)
    high = planes[height * width :].reshape(height, width)
    above = np.uint16(0)
    for row in range(height):
        pixels = image[row]
        signed = np.int16(np.uint16(pixels[0] - above))
        above = pixels[0]
        folded = np.uint16((signed << 1) ^ (signed >> 15))
        low[row, 0] = np.uint8(folded)
        high[row, 0] = np.uint8(folded >> 8)
        for column in range(1, width):  # no value of one turn is needed in the next: the compiler takes many at once
            signed = np.int16(np.uint16(pixels[column] - pixels[column - 1]))
            folded = np.uint16((signed << 1) ^ (signed >> 15))
            low[row, column] = np.uint8(folded)
            high[row, column] = np.uint8(folded >> 8)


@numba.njit(cache=True, nogil=True)
def _from_planes(planes, image):
    height, width = image.shape
    low = planes[: height * width].reshape(height, width)
    high = planes[height * width :].reshape(height, width)
    above = np.uint16(0)
    for row in range(height):
        pixels = image[row]
        for column in range(width):  # first all differences of the row, many at once, then their sums
            folded = np.uint16(low[row, column]) | (np.uint16(high[row, column]) << np.uint16(8))
            pixels[column] = np.uint16((folded >> np.uint16(1)) ^ np.uint16(-np.int16(folded & np.uint16(1))))
        above = np.uint16(above + pixels[0])
        previous = above
        pixels[0] = above
        for column in range(1, width):
            previous = np.uint16(previous + pixels[column])
            pixels[column] = previous
