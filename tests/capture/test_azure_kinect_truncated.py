"""Azure Kinect files cut short: an error that says so, or a session of whole frames with its loss stated."""

import shutil

import numpy as np
import pytest
from k4a_stand_in.stand_in import COLOR_CAMERA, DEPTH_CAMERA, depth_pattern

from capture.errors import CaptureError
from capture.importers.detect import import_recording
from capture.matroska_writer import MatroskaWriter, Track
from capture.mcap_recording import McapReader
from geometry.camera_files.azure_kinect_writing import calibration_json

FRAMES = 4
SEGMENT = b"\x18\x53\x80\x67"


def picture(k):
    """Bytes in the place of a JPEG, as long as one: a cut falls into them as often as into depth."""
    return b"\xff\xd8" + np.random.default_rng(k).bytes(180_000) + b"\xff\xd9"


def whole_file(path):
    calibration = calibration_json(DEPTH_CAMERA, COLOR_CAMERA, "7").encode()
    tracks = [
        Track(name="COLOR", width=1280, height=720, fourcc=b"MJPG", bits=24, tags={"K4A_COLOR_MODE": "MJPG_720P"}),
        Track(name="DEPTH", width=320, height=288, fourcc=b"b16g", tags={"K4A_DEPTH_MODE": "NFOV_2X2BINNED"}),
    ]
    tags = {"K4A_DEVICE_SERIAL_NUMBER": "7", "K4A_START_OFFSET_NS": "0"}
    named = {"calibration.json": {"K4A_CALIBRATION_FILE": "calibration.json"}}
    with MatroskaWriter(path, tracks, tags, {"calibration.json": calibration}, named) as writer:
        for k in range(FRAMES):
            writer.write("COLOR", k * 33_333, picture(k))
            writer.write("DEPTH", k * 33_333, depth_pattern(0, k).astype(">u2").tobytes())
    return path


def as_killed(data):
    """The bytes of a recorder that never came to write the size of its Segment."""
    at = data.index(SEGMENT) + 4
    length = 9 - data[at].bit_length()
    return data[:at] + ((1 << 7 * length + 1) - 1).to_bytes(length, "big") + data[at + length :]


def frames_of(session):
    """Bytes of every frame by stream."""
    found = {}
    for stream in session.streams.values():
        with McapReader(session.path(stream.file)) as reader:
            found[stream.name] = [reader.read(stream.topic, k).data for k in range(stream.frames)]
    return found


def cuts(data, rng):
    """All through the head from where a Kinect's file can be told from others, and all through the frames."""
    known, head = data.index(b"b16g") + 4, data.index(b"\x1f\x43\xb6\x75")  # the first cluster
    return sorted({*rng.integers(known, head, 12).tolist(), *rng.integers(head, len(data), 24).tolist()})


def import_cut(data, at, folder):
    """The session of the first `at` bytes, or what was said against it."""
    path = folder / "cut.mkv"
    path.write_bytes(data[:at])
    shutil.rmtree(folder / "cut", ignore_errors=True)
    try:
        return import_recording(path, folder / "cut"), ""
    except CaptureError as error:
        assert not (folder / "cut").exists()
        return None, str(error)


@pytest.mark.parametrize("seed", range(2))
def test_a_closed_file_that_was_cut_is_refused(tmp_path, seed):
    data = whole_file(tmp_path / "a.mkv").read_bytes()
    for at in cuts(data, np.random.default_rng(seed)):
        session, message = import_cut(data, at, tmp_path)
        assert session is None
        assert f"is truncated: {at} of {len(data)} bytes are there; copy it again" in message


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_recording_keeps_its_whole_frames_and_says_so(tmp_path, seed):
    data = as_killed(whole_file(tmp_path / "a.mkv").read_bytes())
    full = frames_of(import_cut(data, len(data), tmp_path)[0])
    assert {name: len(frames) for name, frames in full.items()} == {"kinect_7/color": FRAMES, "kinect_7/depth": FRAMES}
    lengths = set()
    for at in cuts(data, np.random.default_rng(seed)):
        session, message = import_cut(data, at, tmp_path)
        if session is None:
            assert at < data.index(picture(0)) + len(picture(0))  # nothing whole was there
            assert len(message) > 40
            continue
        assert "did not close this file; its last frames may be missing" in session.devices["kinect_7"].note
        for name, frames in frames_of(session).items():
            assert frames == full[name][: len(frames)]  # whole ones only, byte for byte
            lengths.add(len(frames))
    assert {1, 2, 3} <= lengths


@pytest.mark.real_data
@pytest.mark.parametrize("cuts_made", [6, pytest.param(30, marks=pytest.mark.slow)])
def test_a_real_file_cut_anywhere_is_refused(real_data, tmp_path, cuts_made):
    path = real_data / "azure_kinect_mkv" / "recording.mkv"
    if not path.exists():
        pytest.skip(f"needs {path}")
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in [1, 5, 40, 100, 300, *rng.integers(1, len(data), cuts_made).tolist(), len(data) - 1]:
        session, message = import_cut(data, at, tmp_path)
        assert session is None
        assert len(message) > 40
    killed = as_killed(data)
    for at in rng.integers(1, len(data), 2 * cuts_made // 3).tolist():
        session, message = import_cut(killed, at, tmp_path)
        assert message or "did not close" in next(iter(session.devices.values())).note
