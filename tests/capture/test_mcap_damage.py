"""Recordings whose bytes were changed, and disks that are full in the middle of a chunk."""

import errno
import os

import numpy as np
import pytest
from rig_of_frames import write_playable

from capture import mcap_recording
from capture.errors import CaptureError
from capture.mcap_closing import INDEX_HEADER
from capture.mcap_recording import McapReader, McapWriter
from capture.recorder.repair import repair_session


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A recording of some 40 kB; its last 9 kB are index records and the closing index."""
    return write_playable(tmp_path_factory.mktemp("damage") / "take", frames=20, pad=200) / "recording" / "rig.mcap"


def contents(reader):
    """Times of all topics, and every frame read."""
    found = {}
    for topic in reader.topics:
        found[topic] = [times.tolist() for times in reader.timestamps_us(topic)]
        for index in range(reader.count(topic)):
            reader.read(topic, index)
    return found


@pytest.mark.parametrize("damage", ["a byte anywhere", "a bit near the end", "cut"])
def test_damage_is_an_error_in_a_sentence_or_harmless(tmp_path, whole, damage):
    """60 copies of each kind. What `verify` passes has the times of the original; a cut file opens as it is."""
    data, rng = whole.read_bytes(), np.random.default_rng(5)
    with McapReader(whole) as reader:
        before = contents(reader)
    copy, refused = tmp_path / "copy.mcap", 0
    for _ in range(60):
        damaged = bytearray(data)
        if damage == "a byte anywhere":
            damaged[rng.integers(len(data))] = rng.integers(256)
        elif damage == "a bit near the end":
            damaged[rng.integers(len(data) - 9000, len(data))] ^= 1 << rng.integers(8)
        else:
            damaged = damaged[: rng.integers(len(data))]
        copy.write_bytes(damaged)
        try:
            with McapReader(copy) as reader:
                found = contents(reader)
                reader.verify()
                assert reader.recovered or found == before
        except CaptureError:
            refused += 1
    assert refused > {"a byte anywhere": 40, "a bit near the end": 40, "cut": -1}[damage]


def index_record(whole, topic):
    """Byte of the first index record of a topic, and the file's bytes."""
    data = bytearray(whole.read_bytes())
    with McapReader(whole) as reader:
        channel, chunk = reader._channel[topic], reader._index.chunks[0]
    position = data.index(INDEX_HEADER.pack(7, 6 + 16 * 20, channel, 16 * 20), chunk)
    return position, data


@pytest.mark.parametrize("word", ["offset", "time", "size", "channel"])
def test_an_index_record_that_lies_is_found(tmp_path, whole, word):
    """Index records have no checksum of their own (MCAP specification, Message Index)."""
    position, data = index_record(whole, "/kinect_000/depth")
    first = position + INDEX_HEADER.size
    if word == "offset":  # entry 0 becomes entry 1: each alone is an existing message
        data[first : first + 16] = data[first + 16 : first + 32]
    elif word == "time":
        data[first] ^= 1
    elif word == "size":
        data[first - 4] ^= 16
    else:
        data[first - 6] ^= 1
    (tmp_path / "a.mcap").write_bytes(data)

    def look():
        with McapReader(tmp_path / "a.mcap") as reader:
            reader.verify()

    with pytest.raises(CaptureError, match="index"):
        look()


def test_a_chunk_whose_length_is_damaged_is_named(tmp_path, whole):
    with McapReader(whole) as reader:
        chunk = reader._index.chunks[0]
    data = bytearray(whole.read_bytes())
    data[chunk + 6 : chunk + 9] = b"\xff\xff\x7f"
    (tmp_path / "a.mcap").write_bytes(data)
    with McapReader(tmp_path / "a.mcap") as reader, pytest.raises(CaptureError, match=f"chunk at byte {chunk} is dam"):
        reader.verify()


def test_a_disk_that_is_full_in_the_middle_of_a_chunk_leaves_a_whole_file(tmp_path, monkeypatch):
    """Every write of a chunk, that of its index included, fails once; the chunk is then written again."""
    monkeypatch.setattr(mcap_recording, "BUFFERS_AT_ONCE", 4)
    real = os.writev
    for fails_at in range(8):
        path = tmp_path / f"{fails_at}.mcap"
        writer = McapWriter(path, syncs=False)
        writer.add_stream("/a/imu", "json")
        writer.flush()
        calls = []

        def writev(fd, buffers, calls=calls, fails_at=fails_at):
            calls.append(1)
            if len(calls) == fails_at + 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(fd, buffers)

        for k in range(5):  # 12 buffers: the head, two a frame, the index
            writer.write("/a/imu", b"{}", device_us=k, host_us=k)
        size = writer.size
        monkeypatch.setattr(os, "writev", writev)
        try:
            writer.flush()
        except OSError:
            assert path.stat().st_size == size
        monkeypatch.setattr(os, "writev", real)
        writer.finish()
        with McapReader(path) as reader:
            assert not reader.recovered
            reader.verify()
            assert [reader.read("/a/imu", k).device_us for k in range(reader.count("/a/imu"))] == [0, 1, 2, 3, 4]
        assert len(calls) <= 4


@pytest.mark.parametrize("has_info", [True, False])
def test_an_empty_recording_beside_others_is_named(tmp_path, has_info):
    from scripted_device import Scripted

    from capture.recorder.live_rig import LiveRig
    from capture.recorder.recorder import Recorder
    from capture.recorder.status import RecorderLimits

    with LiveRig([Scripted("a")]) as rig:
        recorder = Recorder(rig, tmp_path / "take", host="pc", limits=RecorderLimits(least_s=0.0, reserve_bytes=0))
        recorder.start()
        recorder.stop()
    (tmp_path / "take" / "recording" / "other.mcap").touch()
    if not has_info:
        (tmp_path / "take" / "session.toml").unlink()
    repaired = repair_session(tmp_path / "take")
    assert repaired.lost == ("other.mcap is empty",)
    assert list(repaired.session.streams) == ["a/imu"]
