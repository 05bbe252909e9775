"""dzp: lossless for any 16-bit image, the kernel and its readable twin write the same bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from capture import depth_codec as dzp
from capture.errors import CaptureError

images = arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(0, 65535))


@settings(max_examples=60, deadline=None)
@given(images)
def test_any_image_comes_back_and_both_twins_agree(image):
    data = dzp.encode(image)
    assert data == dzp.encode_numpy(image)
    np.testing.assert_array_equal(dzp.decode(data, *image.shape), image)
    np.testing.assert_array_equal(dzp.decode_numpy(data, *image.shape), image)


@pytest.mark.parametrize("seed", range(3))
def test_full_size_noise_and_extremes(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 65536, (576, 640)).astype(np.uint16)
    image[rng.random(image.shape) < 0.3] = 0
    image[100:200] = 65535
    assert dzp.encode(image) == dzp.encode_numpy(image)
    np.testing.assert_array_equal(dzp.decode(dzp.encode(image), 576, 640), image)


def test_a_view_that_is_not_contiguous_is_coded_as_its_copy():
    image = np.arange(600, dtype=np.uint16).reshape(20, 30)[::2, 5:]
    assert dzp.encode(image) == dzp.encode(image.copy())


def test_smooth_depth_becomes_much_smaller():
    row = 1000 + 200 * np.sin(np.arange(640) / 40)
    image = np.rint(row + np.arange(576)[:, None] / 3).astype(np.uint16)
    # A sensor's noise-free surface: differences of a few mm fit one byte plane, so at least 5 to 1 (raw zstd: 3 to 1).
    assert len(dzp.encode(image)) < image.nbytes / 5


def test_every_damaged_byte_is_noticed():
    image = np.random.default_rng(0).integers(0, 4000, (12, 9)).astype(np.uint16)
    data = dzp.encode(image)
    for position in range(4, len(data)):
        broken = bytearray(data)
        broken[position] ^= 0x10
        try:
            decoded = dzp.decode(bytes(broken), 12, 9)
        except CaptureError:
            continue
        np.testing.assert_array_equal(decoded, image)  # bits that mean nothing may change, pixels may not


@pytest.mark.parametrize("size", [(12, 8), (12, 10), (9, 13)])
def test_wrong_size_is_refused(size):
    data = dzp.encode(np.zeros((12, 9), np.uint16))
    with pytest.raises(CaptureError, match="dzp image"):
        dzp.decode(data, *size)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.int32), np.zeros(4, np.uint16), np.zeros((2, 2, 2), np.uint16)])
def test_other_arrays_are_refused(image):
    with pytest.raises(CaptureError, match="2D uint16"):
        dzp._check_image(image)  # behind `encode`, whose types the tests check first


@pytest.mark.parametrize("shape", [(576, 640), (577, 641), (1, 1), (1, 333), (333, 1), (192, 255)])
@pytest.mark.parametrize("fill", ["invalid", "constant", "most", "alternating", "random"])
def test_odd_sizes_and_dull_images_come_back(shape, fill):
    image = np.zeros(shape, np.uint16)
    if fill == "constant":
        image[:] = 1491
    elif fill == "most":
        image[:] = 65535
    elif fill == "alternating":  # the largest differences there are
        image[:, ::2] = 65535
    elif fill == "random":
        image[:] = np.random.default_rng(0).integers(0, 65536, shape)
    data = dzp.encode(image)
    assert data == dzp.encode_numpy(image)
    np.testing.assert_array_equal(dzp.decode(data, *shape), image)
    np.testing.assert_array_equal(dzp.decode_numpy(data, *shape), image)


def test_a_prepared_codec_compiles_nothing_more_for_a_frame():
    dzp.prepare()
    compiled = len(dzp._to_planes.signatures), len(dzp._from_planes.signatures)
    for image in (np.zeros((576, 640), np.uint16), np.frombuffer(bytes(2 * 576 * 640), np.uint16).reshape(576, 640)):
        dzp.decode(dzp.encode(image), 576, 640)
    assert (len(dzp._to_planes.signatures), len(dzp._from_planes.signatures)) == compiled
