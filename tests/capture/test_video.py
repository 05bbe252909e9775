"""Videos: every frame is the one asked for, in any order, whatever the codec; damaged files are refused."""

import struct

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.video import VideoStream

FILES = [
    ("a.mp4", "libx264"),
    ("a.mkv", "libx264"),
    ("a.webm", "libvpx-vp9"),
    ("a.mp4", "libvpx-vp9"),
    ("a.avi", "mjpeg"),
]


@pytest.mark.parametrize(("name", "codec"), FILES)
def test_every_frame_in_any_order(tmp_path, video, name, codec):
    stream = VideoStream(video.write(tmp_path / name, frames=40, codec=codec))
    assert (len(stream), stream.width, stream.height, stream.rotation_degrees) == (40, 64, 48, 0)
    assert stream.rate_hz == pytest.approx(30, rel=0.01)  # Matroska rounds times to milliseconds
    np.testing.assert_allclose(stream.timestamps_us, np.arange(40) * 1e6 / 30, atol=501)
    assert [video.number(image) for image in stream] == list(range(40))
    for index in [39, 0, 17, 18, 5, 5, 30, 29, 38, 12, 11, *np.random.default_rng(0).permutation(40)]:
        assert video.number(stream.frame(int(index))) == index


def test_colours_are_rgb(tmp_path, video):
    image = VideoStream(video.write(tmp_path / "a.mp4", frames=1)).frame(0)
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    red, green, blue = image[10, 6]
    assert red > 200
    assert max(green, blue) < 60


def test_reading_on_does_not_seek(tmp_path, video, monkeypatch):
    stream = VideoStream(video.write(tmp_path / "a.mp4", frames=30, gop=10))
    seeks = []
    seek = stream._seek
    monkeypatch.setattr(stream, "_seek", lambda index: (seeks.append(index), seek(index)))
    for index in (0, 1, 2, 3, 10, 11, 25):
        stream.frame(index)
    assert seeks == []
    stream.frame(24)
    assert seeks == [stream._keyframes[stream._keyframes <= 24][-1]]  # once, to the keyframe before


@pytest.mark.parametrize(("turn", "degrees"), [((0, 1, -1, 0), 270), ((0, -1, 1, 0), 90), ((-1, 0, 0, -1), 180)])
def test_a_rotation_in_the_metadata_is_applied(tmp_path, video, turn, degrees):
    path = video.write(tmp_path / "a.mp4", frames=5)
    upright = VideoStream(path).frame(3)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix a b u c d v x y w follows 40 bytes
    a, b, c, d = turn
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    stream = VideoStream(path)
    assert stream.rotation_degrees == degrees
    assert (stream.width, stream.height) == ((64, 48) if degrees == 180 else (48, 64))
    # The matrix (ISO 14496-12) maps (p, q) to (a p + c q, b p + d q), y down: (0 1 -1 0) turns right becomes down,
    # a quarter turn clockwise, which is 270 degrees counter-clockwise.
    np.testing.assert_array_equal(stream.frame(3), np.rot90(upright, degrees // 90))


@pytest.mark.parametrize("fraction", [0.9, 0.6, 0.2])
@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}])
def test_a_truncated_mp4_is_refused(tmp_path, video, fraction, options):
    path = video.write(tmp_path / "a.mp4", frames=60, options=options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * fraction)])
    with pytest.raises(CaptureError, match=r"video .*a\.mp4 (cannot be read|is truncated)"):
        VideoStream(path)


def test_what_is_no_video_is_refused(tmp_path):
    with pytest.raises(CaptureError, match="is missing"):
        VideoStream(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(CaptureError, match="cannot be read"):
        VideoStream(tmp_path / "text.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(CaptureError, match="cannot be read"):
        VideoStream(tmp_path / "empty.mp4")


def test_no_such_frame(tmp_path, video):
    stream = VideoStream(video.write(tmp_path / "a.mp4", frames=3))
    with pytest.raises(CaptureError, match="has 3 frames, there is no frame 3"):
        stream.frame(3)
