"""A recording that was cut at any byte: what is complete comes back with an index, and the rest is named."""

import itertools
import shutil
from dataclasses import replace

import numpy as np
import pytest
from mcap.reader import make_reader
from rig_of_frames import depth, jpeg, write_playable

from capture import mcap_recording
from capture.checking import check_session
from capture.device_frames import EncodedFrame
from capture.errors import CaptureError
from capture.mcap_recording import McapReader
from capture.recorder import repair
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.repair import repair_session
from capture.recorder.status import RecorderLimits
from capture.session import Session
from capture.virtual.rig_playback import open_virtual_devices

FRAMES = 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A take of three devices in chunks of about 8 kB."""
    folder = tmp_path_factory.mktemp("repair")
    patch = pytest.MonkeyPatch()
    patch.setattr(mcap_recording, "CHUNK_BYTES", 8000)
    played = write_playable(folder / "played", frames=FRAMES)
    with LiveRig(open_virtual_devices(played)) as rig:
        recorder = Recorder(
            rig, folder / "take", subject="p1", action="walk", host="pc", limits=RecorderLimits(least_s=0.0)
        )
        recorder.start()
        for k in range(FRAMES):
            for d, kind in itertools.product(range(3), ("color", "depth")):
                us = 1_000_000 + k * 33_333
                recorder._accept(
                    EncodedFrame(
                        stream=f"kinect_{d:03d}/{kind}",
                        sequence=k,
                        device_us=us,
                        host_us=us + 500,
                        data=jpeg(k) if kind == "color" else depth(k),
                    )
                )
        recorder.stop()
    patch.undo()
    return folder / "take"


def killed(whole, folder, size, info=False):
    """The take as it is when the recorder is killed and the recording has this many bytes."""
    (folder / "recording").mkdir(parents=True)
    data = (whole / "recording" / "pc.mcap").read_bytes()
    (folder / "recording" / "pc.mcap").write_bytes(data[:size])
    (folder / ".reserve").write_bytes(b"0")
    if info:
        shutil.copy(whole / "session.toml", folder)
    return folder


def complete_frames(whole, size):
    """Frames of each topic in the chunks that end before `size`."""
    with McapReader(whole / "recording" / "pc.mcap") as reader:
        ends = [*reader._index.chunks[1:], 1 << 60]
        complete = sum(end <= size for end in ends)
        return {topic: int((reader._entries(topic)[:, 0] < complete).sum()) for topic in reader.topics}


@pytest.mark.slow
def test_a_recording_cut_at_any_byte_opens_after_repair(tmp_path, whole):
    """Forty cuts, from the first frame to the last byte."""
    size = (whole / "recording" / "pc.mcap").stat().st_size
    with McapReader(whole / "recording" / "pc.mcap") as reader:
        first = reader._index.chunks[1]
    cuts = [first, size - 1, *np.random.default_rng(4).integers(first, size, 38)]
    before = Session.open(whole)
    for number, cut in enumerate(cuts):
        folder = killed(whole, tmp_path / str(number), int(cut))
        repaired = repair_session(folder)
        session = repaired.session
        assert repaired.changed[-1].startswith("session.toml was made")
        least = complete_frames(whole, cut)
        for name, stream in session.streams.items():
            assert stream.frames >= least.get(f"/{name}", 0)
            for index in {0, stream.frames - 1} if stream.frames else ():
                data = session.recording("recording/pc.mcap").read(f"/{name}", index).data
                assert data == (jpeg(index) if stream.kind == "color" else depth(index))
        assert [replace(d, note="") for d in session.info.devices] == before.info.devices
        assert all("pc.mcap was cut short or damaged" in device.note for device in session.info.devices)
        assert session.info.hosts == before.info.hosts
        assert (session.info.subject, session.info.action) == ("p1", "walk")
        assert session.recorded_cameras().keys() == before.streams.keys()
        assert not any(f.level == "error" for f in check_session(session))
        assert sorted(p.name for p in folder.rglob("*")) == ["cameras.json", "pc.mcap", "recording", "session.toml"]
        with (folder / "recording" / "pc.mcap").open("rb") as file:  # an independent reader, every checksum
            reader = make_reader(file, validate_crcs=True)
            summary = reader.get_summary()
            assert summary is not None
            assert summary.statistics is not None
            frames = sum(stream.frames for stream in session.streams.values())
            assert summary.statistics.message_count == frames == sum(1 for _ in reader.iter_messages())
        again = repair_session(folder)
        assert (again.changed, again.lost) == ((), ())


def test_what_is_lost_is_said_in_seconds(tmp_path, whole):
    with McapReader(whole / "recording" / "pc.mcap") as reader:
        chunk = reader._index.chunks[-1]
        times = np.concatenate([reader._entries(topic)[:, (0, 2)] for topic in reader.topics])
        kept = times[times[:, 0] < len(reader._index.chunks) - 1, 1].max()
        seconds = (times[:, 1].max() - kept) / 1e9
    repaired = repair_session(killed(whole, tmp_path / "a", chunk + 1000))
    assert repaired.lost_s == pytest.approx(seconds, abs=1e-6)
    assert repaired.lost == (f"pc.mcap: 0.0 MB of a chunk that was not complete, the last {seconds:.2f} s",)
    size = (whole / "recording" / "pc.mcap").stat().st_size
    assert repair_session(killed(whole, tmp_path / "b", size - 5)).lost == ()  # only the index was cut


def test_a_damaged_chunk_is_left_out_and_named(tmp_path, whole):
    size = (whole / "recording" / "pc.mcap").stat().st_size
    folder = killed(whole, tmp_path / "a", size - 30)
    with McapReader(whole / "recording" / "pc.mcap") as reader:
        position = reader._index.chunks[2] + 500
    data = bytearray((folder / "recording" / "pc.mcap").read_bytes())
    data[position] ^= 1
    (folder / "recording" / "pc.mcap").write_bytes(data)
    repaired = repair_session(folder)
    said = "pc.mcap: 1 chunk whose checksum does not match; the original is kept as recording/pc.mcap.damaged"
    assert repaired.lost == (said,)
    assert (folder / "recording" / "pc.mcap.damaged").read_bytes() == data
    assert "lost: 1 chunk whose checksum does not match" in repaired.session.info.devices[0].note
    assert not any(f.level == "error" for f in check_session(repaired.session))


def test_a_damaged_chunk_of_a_recording_with_its_index_is_named_and_kept(tmp_path, whole):
    folder = shutil.copytree(whole, tmp_path / "a")
    file = folder / "recording" / "pc.mcap"
    with McapReader(file) as reader:
        position = reader._index.chunks[2]
        inside = sum(int((reader._entries(topic)[:, 0] == 2).sum()) for topic in reader.topics)
    data = bytearray(file.read_bytes())
    data[position + 500] ^= 1
    file.write_bytes(data)
    repaired = repair_session(folder)
    assert (repaired.changed, repaired.lost) == ((), ())
    (said,) = repaired.damaged
    assert f"pc.mcap: the checksum fails of the chunk at byte {position} ({inside} frames of " in said
    assert file.read_bytes() == data
    dropped = repair_session(folder, drop_damaged=True)
    assert dropped.damaged == ()
    assert f"the chunk at byte {position} ({inside} frames of " in dropped.lost[0]
    assert sum(s.frames for s in dropped.session.streams.values()) == 6 * FRAMES - inside
    assert (folder / "recording" / "pc.mcap.damaged").read_bytes() == data
    assert not any(f.level == "error" for f in check_session(dropped.session))


def test_a_damaged_index_is_made_anew(tmp_path, whole):
    size = (whole / "recording" / "pc.mcap").stat().st_size
    folder = killed(whole, tmp_path / "a", size)
    data = bytearray((folder / "recording" / "pc.mcap").read_bytes())
    data[-200] ^= 1
    (folder / "recording" / "pc.mcap").write_bytes(data)
    with pytest.raises(CaptureError, match="index is damaged"):
        McapReader(folder / "recording" / "pc.mcap")
    assert {s.frames for s in repair_session(folder).session.streams.values()} == {FRAMES}


def test_a_session_that_is_whole_is_left_alone(whole):
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    repaired = repair_session(whole)
    assert (repaired.changed, repaired.lost, repaired.lost_s) == ((), (), 0.0)
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


def test_numbers_of_frames_follow_a_shortened_recording(tmp_path, whole):
    size = (whole / "recording" / "pc.mcap").stat().st_size
    folder = killed(whole, tmp_path / "a", size // 2, info=True)
    repaired = repair_session(folder)
    assert "kinect_000/color has" in repaired.changed[1]
    assert f"session.toml said {FRAMES}" in repaired.changed[1]
    assert all(0 < stream.frames < FRAMES for stream in repaired.session.streams.values())


def test_the_original_stays_until_the_repaired_file_is_verified(tmp_path, whole, monkeypatch):
    folder = killed(whole, tmp_path / "a", 20_000)
    before = (folder / "recording" / "pc.mcap").read_bytes()

    def fails(*args):
        raise CaptureError("does not hold all frames")

    monkeypatch.setattr("capture.mcap_repair._compare", fails)
    with pytest.raises(CaptureError, match="does not hold all frames"):
        repair_session(folder)
    assert (folder / "recording" / "pc.mcap").read_bytes() == before
    assert [path.name for path in (folder / "recording").iterdir()] == ["pc.mcap"]
    monkeypatch.undo()
    monkeypatch.setattr(repair, "MARGIN_BYTES", 1 << 60)
    with pytest.raises(CaptureError, match=r"needs .* GB, .* GB are free; make room"):
        repair_session(folder)
    assert (folder / "recording" / "pc.mcap").read_bytes() == before


def test_refusals(tmp_path, whole):
    with pytest.raises(CaptureError, match="has no recording"):
        repair_session(tmp_path)
    (tmp_path / "a" / "recording").mkdir(parents=True)
    (tmp_path / "a" / "recording" / "pc.mcap").write_text("text")
    with pytest.raises(CaptureError, match="not an MCAP recording"):
        repair_session(tmp_path / "a")
    folder = killed(whole, tmp_path / "b", 300)  # within the first attachment
    with pytest.raises(CaptureError, match=r"pc.mcap has no take.json"):
        repair_session(folder)
