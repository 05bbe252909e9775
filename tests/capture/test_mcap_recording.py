"""Recordings: every frame of every topic comes back, also from a file that was cut anywhere."""

import json

import mcap.writer
import numpy as np
import pytest

from capture import mcap_recording
from capture.errors import CaptureError
from capture.mcap_recording import McapReader, McapWriter

TOPICS = ("/kinect_000/color", "/kinect_000/depth", "/kinect_001/depth")
FRAMES = 40


def payload(topic, index):
    return np.random.default_rng([len(topic), ord(topic[9]), index]).bytes(3000 + 37 * index)


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """40 frames of three topics in chunks of about 20 kB."""
    monkeypatch.setattr(mcap_recording, "CHUNK_BYTES", 20_000)
    path = tmp_path / "recording" / "rig.mcap"
    with McapWriter(path, {"kinect_000/calibration.json": b"{}"}) as writer:
        for topic in TOPICS:
            writer.add_stream(topic, "dzp", {"width": "640", "height": "576"})
        for index in range(FRAMES):
            for k, topic in enumerate(TOPICS):
                writer.write(
                    topic, payload(topic, index), device_us=index * 33333 + k, host_us=5_000_000 + index * 33000
                )
        assert writer.counts == dict.fromkeys(TOPICS, FRAMES)
    return path


def test_frames_times_and_attachments_come_back_in_any_order(recording):
    with McapReader(recording) as reader:
        assert not reader.recovered
        assert reader.topics == list(TOPICS)
        assert reader.attachments == {"kinect_000/calibration.json": b"{}"}
        assert reader.metadata(TOPICS[0]) == {"width": "640", "height": "576"}
        assert reader.encoding(TOPICS[0]) == "dzp"
        for k, topic in enumerate(TOPICS):
            assert reader.count(topic) == FRAMES
            device, host = reader.timestamps_us(topic)
            np.testing.assert_array_equal(device, np.arange(FRAMES) * 33333 + k)
            np.testing.assert_array_equal(host, 5_000_000 + np.arange(FRAMES) * 33000)
            for index in np.random.default_rng(0).permutation(FRAMES):
                message = reader.read(topic, int(index))
                assert message.data == payload(topic, index)
                assert (message.device_us, message.host_us) == (device[index], host[index])
        reader.verify()


@pytest.mark.parametrize("fraction", [0.99, 0.8, 0.5, 0.2])
def test_a_truncated_recording_gives_every_complete_chunk(recording, fraction):
    whole = McapReader(recording)
    size = int(recording.stat().st_size * fraction)
    ends = [*whole._index.chunks[1:], recording.stat().st_size]
    complete = sum(end <= size for end in ends[:-1])
    cut = recording.with_name("cut.mcap")
    cut.write_bytes(recording.read_bytes()[:size])
    with McapReader(cut) as reader:
        assert reader.recovered
        assert reader.attachments == whole.attachments
        for topic in TOPICS:
            chunks = whole._entries(topic)[:, 0]
            # The chunk that holds the cut may be complete too when the cut lies in the index behind it.
            assert (chunks < complete).sum() <= reader.count(topic) <= (chunks <= complete).sum()
            for index in range(reader.count(topic)):
                assert reader.read(topic, index).data == payload(topic, index)
        assert sum(reader.count(topic) for topic in TOPICS) > 3 * FRAMES * (fraction - 0.1)


def test_a_killed_recorder_leaves_all_but_the_last_second(tmp_path, monkeypatch):
    monkeypatch.setattr(mcap_recording, "SYNC_INTERVAL_S", -1.0)  # every frame counts as a second
    writer = McapWriter(tmp_path / "a.mcap", {"calibration.json": b"[]"})
    writer.add_stream("/a/color", "jpeg")
    for index in range(5):
        writer.write("/a/color", payload("/a/color...", index), device_us=index, host_us=index)
    (tmp_path / "copy.mcap").write_bytes((tmp_path / "a.mcap").read_bytes())  # as the disk is when power goes
    reader = McapReader(tmp_path / "copy.mcap")
    assert reader.recovered
    assert reader.count("/a/color") == 5
    assert reader.attachments == {"calibration.json": b"[]"}
    writer.finish()
    assert not McapReader(tmp_path / "a.mcap").recovered


def test_attachments_are_on_disk_before_the_first_frame(tmp_path):
    McapWriter(tmp_path / "a.mcap", {"calibration.json": b"[1]"})
    assert McapReader(tmp_path / "a.mcap").attachments == {"calibration.json": b"[1]"}


def test_a_flipped_bit_is_found(recording):
    data = bytearray(recording.read_bytes())
    with McapReader(recording) as reader:
        position = reader._index.chunks[2] + 9000
    data[position] ^= 1
    recording.write_bytes(data)
    with McapReader(recording) as reader, pytest.raises(CaptureError, match="damaged"):
        reader.verify()
    recording.write_bytes(data[: len(data) * 9 // 10])  # when the file is cut as well, that chunk alone is left out
    with McapReader(recording) as reader:
        assert reader.recovered
        assert reader.lost_chunks == 1
        assert reader.count(TOPICS[0]) > FRAMES // 2


@pytest.mark.parametrize("compression", [mcap.writer.CompressionType.ZSTD, mcap.writer.CompressionType.NONE])
def test_files_of_other_writers_are_read(tmp_path, compression):
    with (tmp_path / "other.mcap").open("wb") as file:
        writer = mcap.writer.Writer(file, chunk_size=500, compression=compression)
        writer.start()
        channel = writer.register_channel("/x/imu", "json", 0)
        for index in range(100):
            writer.add_message(
                channel, log_time=index * 1000, publish_time=index * 2000, data=json.dumps(index).encode()
            )
        writer.finish()
    with McapReader(tmp_path / "other.mcap") as reader:
        assert [json.loads(reader.read("/x/imu", i).data) for i in range(100)] == list(range(100))
        np.testing.assert_array_equal(reader.timestamps_us("/x/imu")[0], 2 * np.arange(100))


def test_refusals(recording, tmp_path):
    with pytest.raises(CaptureError, match="never overwritten"):
        McapWriter(recording)
    with pytest.raises(CaptureError, match="cannot be opened"):
        McapReader(tmp_path / "missing.mcap")
    (tmp_path / "text.mcap").write_text("not a recording at all")
    with pytest.raises(CaptureError, match="not an MCAP"):
        McapReader(tmp_path / "text.mcap")
    (tmp_path / "empty.mcap").touch()
    with pytest.raises(CaptureError, match="not an MCAP"):
        McapReader(tmp_path / "empty.mcap")
    with McapReader(recording) as reader:
        with pytest.raises(CaptureError, match="no frame 40"):
            reader.read(TOPICS[0], FRAMES)
        with pytest.raises(CaptureError, match="no topic '/nobody/color'"):
            reader.count("/nobody/color")
    with McapWriter(tmp_path / "b.mcap") as writer:
        writer.add_stream("/a/color", "jpeg")
        with pytest.raises(CaptureError, match="twice"):
            writer.add_stream("/a/color", "jpeg")
        with pytest.raises(CaptureError, match="was not added"):
            writer.write("/a/depth", b"", device_us=0, host_us=0)
        with pytest.raises(CaptureError, match="negative time"):
            writer.write("/a/color", b"", device_us=-1, host_us=0)
