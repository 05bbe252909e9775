"""Pictures that are damaged, or say that they are huge."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
import simplejpeg

from geometry import coded_images
from geometry.coded_images import MOST_PIXELS, decode_image, decode_jpeg, image_size

RGB = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)


def png_of_size(width: int, height: int) -> bytes:
    """Black and white, all of it there: a few kilobytes for any size."""
    body = zlib.compress(bytes((1 + (width + 7) // 8) * height), 9)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("progressive", [False, True])
def test_whole_pictures_come_back_with_the_size_that_they_say(progressive):
    coded = cv2.imencode(".jpg", RGB, [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)])[1].tobytes()
    assert image_size(coded) == (64, 48)
    np.testing.assert_array_equal(decode_jpeg(coded), simplejpeg.decode_jpeg(coded))
    png = cv2.imencode(".png", RGB)[1].tobytes()
    assert image_size(png) == (64, 48)
    np.testing.assert_array_equal(decode_image(png, cv2.IMREAD_COLOR), RGB)


def test_a_small_file_of_a_huge_picture_is_not_decoded():
    side = int(MOST_PIXELS**0.5) + 1
    assert decode_image(png_of_size(side, side), cv2.IMREAD_UNCHANGED) is None
    assert decode_image(png_of_size(100, 100), cv2.IMREAD_UNCHANGED).shape == (100, 100)
    coded = bytearray(simplejpeg.encode_jpeg(RGB))
    at = coded.find(b"\xff\xc0") + 5
    coded[at : at + 4] = b"\xff\xdc\xff\xdc"
    with pytest.raises(ValueError, match="65500x65500"):
        decode_jpeg(bytes(coded))


def test_what_is_no_picture_is_none(monkeypatch):
    monkeypatch.setattr(coded_images, "MOST_PIXELS", 10_000)
    whole = cv2.imencode(".png", RGB)[1].tobytes()
    assert decode_image(b"", cv2.IMREAD_COLOR) is None
    assert decode_image(b"\x89PNG\r\n\x1a\n", cv2.IMREAD_COLOR) is None
    assert decode_image(b"\xff\xd8\xff", cv2.IMREAD_COLOR) is None
    rng = np.random.default_rng(1)
    for _ in range(200):
        changed = bytearray(whole)
        changed[int(rng.integers(40))] ^= 1 << int(rng.integers(8))
        image = decode_image(bytes(changed), cv2.IMREAD_UNCHANGED)
        assert image is None or image.size <= 4 * 10_000
    coded = simplejpeg.encode_jpeg(RGB)
    for cut in range(0, 600, 7):
        with pytest.raises(ValueError):
            decode_jpeg(coded[:cut])
