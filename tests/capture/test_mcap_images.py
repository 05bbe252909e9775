"""Pictures as messages that viewers know: byte for byte what ROS 2's own layout says, and back."""

import struct

import numpy as np
import pytest
from mcap.reader import make_reader
from rig_of_frames import depth, jpeg

from capture.errors import CaptureError
from capture.mcap_images import ImageHeader, picture_of
from capture.mcap_recording import McapReader, McapWriter


def read_cdr(message):
    """sensor_msgs/msg/CompressedImage, read with the alignment rules of XCDR1: offsets count from byte 4."""
    body, at = message[4:], 0

    def number(code):
        nonlocal at
        at += -at % 4
        (value,) = struct.unpack_from("<" + code, body, at)
        at += 4
        return value

    def text():
        nonlocal at
        size = number("I")
        value = body[at : at + size]
        at += size
        assert value[-1] == 0
        return value[:-1].decode()

    stamp = (number("i"), number("I"))
    frame, form = text(), text()
    size = number("I")
    assert at + size == len(body)
    return stamp, frame, form, body[at:]


@pytest.mark.parametrize("name", ["a", "ab", "abc", "abcd", "kinect_000/color"])
@pytest.mark.parametrize("encoding", ["jpeg", "png"])
def test_the_message_is_what_ros_says(name, encoding):
    header = ImageHeader(name, encoding)
    for size in (0, 1, 7, 1000):
        picture = np.random.default_rng(size).bytes(size)
        message = header.before(size, 12_345_678) + picture
        assert read_cdr(message) == ((12, 345_678_000), name, encoding, picture)
        assert picture_of(message) == picture


@pytest.mark.parametrize("damage", [lambda m: m[:-1], lambda m: m + b"x", lambda m: m[:9], lambda m: b"\1" + m[1:]])
def test_a_damaged_message_is_refused(damage):
    with pytest.raises(ValueError, match=r"message|picture"):
        picture_of(damage(ImageHeader("a", "jpeg").before(3, 1) + b"abc"))


def test_other_readers_see_the_messages_and_ours_the_pictures(tmp_path):
    path = tmp_path / "a.mcap"
    with McapWriter(path) as writer:
        writer.add_stream("/a/color", "jpeg", {"width": "16"})
        writer.add_stream("/a/depth", "dzp")
        for k in range(5):
            writer.write("/a/color", jpeg(k), device_us=k, host_us=k)
            writer.write("/a/depth", depth(k), device_us=k, host_us=k)
    with path.open("rb") as file:
        found = list(make_reader(file, validate_crcs=True).iter_messages(topics=["/a/color"]))
    assert [read_cdr(message.data)[3] for _, _, message in found] == [jpeg(k) for k in range(5)]
    schema = found[0][0]
    assert schema is not None
    assert (schema.name, schema.encoding, found[0][1].message_encoding) == (
        "sensor_msgs/msg/CompressedImage",
        "ros2msg",
        "cdr",
    )
    with McapReader(path) as reader:
        assert [reader.encoding(topic) for topic in reader.topics] == ["jpeg", "dzp"]
        assert reader.metadata("/a/color") == {"width": "16", "encoding": "jpeg"}
        assert [reader.read("/a/color", k).data for k in range(5)] == [jpeg(k) for k in range(5)]
        assert [reader.read("/a/depth", k).data for k in range(5)] == [depth(k) for k in range(5)]


def test_files_with_bare_pictures_still_open(tmp_path):
    from mcap.writer import CompressionType, Writer

    with (tmp_path / "old.mcap").open("wb") as file:
        writer = Writer(file, compression=CompressionType.NONE)
        writer.start()
        channel = writer.register_channel("/a/color", "jpeg", 0)
        writer.add_message(channel, 1000, jpeg(1), 2000)
        writer.finish()
    with McapReader(tmp_path / "old.mcap") as reader:
        assert reader.encoding("/a/color") == "jpeg"
        assert reader.read("/a/color", 0).data == jpeg(1)


def test_a_full_disk_leaves_whole_chunks_and_can_be_tried_again(tmp_path, monkeypatch):
    import errno
    import os

    path, real = tmp_path / "a.mcap", os.writev
    writer = McapWriter(path, syncs=False)
    writer.add_stream("/a/imu", "json")
    writer.write("/a/imu", b"1", device_us=1, host_us=1)
    writer.flush()

    def half(fd, buffers):
        if os.fstat(fd).st_size > writer.size:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, [bytes(buffers[0])[:10]])

    writer.write("/a/imu", b"2", device_us=2, host_us=2)
    monkeypatch.setattr(os, "writev", half)
    with pytest.raises(OSError, match="No space"):
        writer.flush()
    assert path.stat().st_size == writer.size
    with McapReader(path) as reader:
        assert reader.count("/a/imu") == 1
    monkeypatch.setattr(os, "writev", real)
    writer.finish()
    with McapReader(path) as reader:
        assert not reader.recovered
        assert reader.count("/a/imu") == 2
        reader.verify()
    assert writer.discard() == 0


def test_a_damaged_picture_is_an_error_in_one_sentence(tmp_path):
    path = tmp_path / "a.mcap"
    with McapWriter(path) as writer:
        writer.add_stream("/a/color", "jpeg")
        writer.write("/a/color", jpeg(1), device_us=1, host_us=1)
    data = bytearray(path.read_bytes())
    data[data.index(b"\0\1\0\0\0\0\0\0")] = 7  # the encapsulation
    path.write_bytes(data)
    with McapReader(path) as reader, pytest.raises(CaptureError, match=r"frame 0 of /a/color is damaged \(not a"):
        reader.read("/a/color", 0)
