"""Messages of the phone protocol: round trips, and one sentence for whatever does not belong."""

import contextlib
import json
import struct
import zlib

import numpy as np
import pytest
import simplejpeg
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from capture import depth_codec
from capture.iphone.frame_message import decode_frame, encode_frame
from capture.iphone.message import PhoneMessage
from capture.iphone.protocol import (
    Hello,
    PhoneStream,
    Ping,
    Problem,
    ProtocolError,
    Sending,
    Start,
    Stopped,
    Sync,
    from_phone,
    from_rig,
    to_text,
)

K = np.array([[100.0, 0, 15.5], [0, 100.0, 11.5], [0, 0, 1]])
COLOR = simplejpeg.encode_jpeg(np.full((24, 32, 3), 90, np.uint8))
DEPTH = np.arange(12 * 16, dtype=np.uint16).reshape(12, 16) * 37
CONFIDENCE = (np.arange(12 * 16) % 3).astype(np.uint8).reshape(12, 16)


MOVED = np.array([[1.0, 0, 0, 2], [0, 1, 0, 3], [0, 0, 1, 4], [0, 0, 0, 1]])
COLOR_STREAM = PhoneStream(kind="color", rate_hz=60.0, width=32, height=24)


def said(key, value):
    """A hello as text in which this key has a value that the package itself would not send."""
    return json.dumps(json.loads(to_text(hello())) | {key: value})


def hello(**changes):
    streams = [
        PhoneStream(kind="color", rate_hz=60.0, width=32, height=24),
        PhoneStream(kind="depth", rate_hz=60.0, width=16, height=12),
        PhoneStream(kind="imu", rate_hz=60.0),
    ]
    return Hello(**({"version": 1, "serial": "A-1", "run": "r", "streams": streams, "K": K.ravel().tolist()} | changes))


def frame(coding="dzp", data=None, **changes):
    if data is None:
        raw = DEPTH.astype("<u2").tobytes()
        data = {
            "dzp": depth_codec.encode(DEPTH),
            "zlib": zlib.compress(raw),
            "deflate": zlib.compress(raw)[2:-4],
            "raw": raw,
        }[coding]
    values = dict(take=7, number=3, timestamp_s=163.742793, color=COLOR, depth=(coding, data), confidence=CONFIDENCE)
    return encode_frame(**(values | dict(K=K, T_arkit_camera=np.eye(4)) | changes))


@pytest.mark.parametrize(
    "message",
    [
        hello(),
        Ping(t0=1.5),
        Sync(t0=1.0, t1=2.0, t2=3.0, t3=4.0),
        Stopped(take=1, frames=9),
        Problem(text="hot"),
        Sending(take=1, next=2),
    ],
)
def test_what_a_phone_says_comes_back(message):
    assert from_phone(to_text(message)) == message


def test_what_the_rig_says_comes_back():
    assert from_rig(to_text(Start(take=5, next=2))) == Start(take=5, next=2)


@pytest.mark.parametrize("coding", ["dzp", "zlib", "deflate", "raw"])
def test_a_frame_comes_back_bit_exact_in_every_coding(coding):
    decoded = decode_frame(frame(coding), hello())
    message = PhoneMessage.of(json.loads(decoded.message))
    assert (decoded.take, decoded.number, decoded.device_us) == (7, 3, 163742793)
    assert decoded.color == COLOR
    np.testing.assert_array_equal(depth_codec.decode(decoded.depth, 12, 16), DEPTH)
    np.testing.assert_array_equal(message.confidence, CONFIDENCE)
    np.testing.assert_array_equal(message.K, K)
    assert message.timestamp_s == 163.742793


def test_a_phone_without_lidar_may_send_colour_and_pose():
    said = hello(streams=[s for s in hello().streams if s.kind != "depth"])
    decoded = decode_frame(frame(depth=None, confidence=None), said)
    assert decoded.depth is None
    assert PhoneMessage.of(json.loads(decoded.message)).confidence.shape == (0, 0)
    web = hello(streams=[hello().streams[0]])
    assert decode_frame(frame(depth=None, confidence=None, K=None, T_arkit_camera=None), web).message is None


def bomb():
    """A dzp image that claims a gigabyte: the zstd header alone says so."""
    header = zstandard.ZstdCompressor(write_content_size=True).compress(b"\0" * 1_000_000)
    assert zstandard.frame_content_size(header) == 1_000_000
    return header


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "must begin with HRP1"),
        (b"HRP1" + struct.pack(">I", 10**9), "header claims"),
        (b"HRP1" + struct.pack(">I", 4) + b"}}}}", "not JSON"),
        (frame()[:-1], "add up"),
        (frame(color=b"\xff\xd8nonsense"), "not a JPEG"),
        (frame(color=simplejpeg.encode_jpeg(np.zeros((8, 8, 3), np.uint8))), "8x8 pixels, hello promised 32x24"),
        (frame("dzp", bomb()), "not dzp"),
        (frame("dzp", b"junk"), "not dzp"),
        (frame("zlib", zlib.compress(b"\0" * 10_000_000)), "has 385 bytes, 384 expected"),
        (frame("zlib", b"junk"), "not zlib"),
        (frame("raw", b"abc"), "has 3 bytes, 384 expected"),
        (frame("jpeg", COLOR), "send raw, zlib or deflate"),
        (frame(depth=None), "hello promised color and depth"),
        (frame(confidence=None), "confidence and depth come together"),
        (frame(K=None), "no K"),
        (frame(timestamp_s=-1.0), "timestamp_s"),
        (frame(timestamp_s=1e10), "timestamp_s"),  # 1e19 ns, above 2^63
        (frame(K=K.T), "row by row"),
        (frame(T_arkit_camera=MOVED.T), "last row of T_arkit_camera"),
    ],
)
def test_a_bad_frame_is_one_sentence(data, words):
    with pytest.raises(ProtocolError, match=words) as caught:
        decode_frame(data, hello())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[" * 20_000, "not JSON"),
        ("[]", "docs/phone.md"),
        ('{"type": "hack"}', "one of hello"),
        ('{"type": "ping", "t0": 1, "colour": 2}', "colour"),
        ('{"type": "ping", "t0": NaN}', "t0"),
        (" " * 70_000, "too long"),
        (to_text(hello(version=2)), "speaks version 2"),
        (to_text(hello(streams=[PhoneStream(kind="depth", rate_hz=1.0, width=3, height=3)])), "color once"),
        (to_text(hello(streams=[PhoneStream(kind="color", rate_hz=1.0)])), "no width"),
        (
            to_text(hello(streams=[COLOR_STREAM, PhoneStream(kind="depth", rate_hz=1.0, width=8192, height=16)])),
            "large",
        ),
        (to_text(hello(K=[0.0] * 9)), "row by row"),
        (to_text(hello(K=K.T.ravel().tolist())), "row by row"),
        (to_text(hello(K=[500.0, 0, 1, 0, 500, 1, 5, 5, 1])), "row by row"),
        (to_text(hello(K=[500.0, 0, 1e300, 0, 500, 1, 0, 0, 1])), "row by row"),
        (said("model", "\x1b[2Jevil"), "model: it has control characters"),
        (said("app", "two\nlines"), "control characters"),
        (said("camera", "\u202eback"), "control characters"),
        (said("model", "\ud800"), "model"),
        ('{"type": "ping", "t0": 1e17}', "t0"),
        ('{"type": "sync", "t0": 0, "t1": 0, "t2": 0, "t3": 1e16}', "t3"),
        (to_text(hello()).replace("A-1", "../../etc"), "serial"),
    ],
)
def test_a_bad_text_is_one_sentence(text, words):
    with pytest.raises(ProtocolError, match=words) as caught:
        from_phone(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@settings(max_examples=200)
@given(cut=st.integers(0, 3000), flip=st.integers(0, 3000), value=st.integers(0, 255))
def test_damaged_frames_never_raise_anything_else(cut, flip, value):
    data = bytearray(frame())
    data[flip % len(data)] = value
    with contextlib.suppress(ProtocolError):
        decode_frame(bytes(data[: cut % len(data) + 1] if cut % 2 else data), hello())
