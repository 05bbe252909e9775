"""Every device of a session in its maker's own files: through the command, for rigs that have some of them or none."""

import subprocess
import sys

import numpy as np
import pytest

from capture.importers.detect import import_recording
from capture.session import Session
from capture.session_info import DeviceInfo
from humanrig.cli import main
from humanrig.errors import HumanrigError
from humanrig.export import export_session
from humanrig.export.every import export_all
from humanrig.export_formats import FORMATS
from humanrig.simulation import simulate_session

KINDS = ("mkv", "db3", "r3d", "stray")


@pytest.mark.parametrize("format", [*KINDS, "native"])
def test_a_session_without_such_a_device_is_told_so(tmp_path, format):
    devices = [DeviceInfo(name="video_000", model="a camera")]
    session = Session.create(tmp_path / "s", streams=[], devices=devices, origin="test")
    with pytest.raises(HumanrigError, match=r"no device has what .*; its devices are video_000") as caught:
        export_session(session, format, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*out*"))


def test_all_formats_leave_out_what_only_gathers_them():
    assert not FORMATS["native"].of_all
    assert all(FORMATS[name].of_all for name in KINDS)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Two wired Kinects, a RealSense unit and a phone that film a stack of boxes for a sixth of a second."""
    folder = tmp_path_factory.mktemp("native") / "s"
    return simulate_session(
        folder, scenario="boxes", seconds=1 / 6, cameras=2, phones=1, realsense=1, infrared=True, noise=False, workers=1
    )


@pytest.fixture(scope="module")
def written(simulated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("native") / "out"
    assert main(["export", str(simulated.folder), "--format", "native", "--to", str(folder)]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("azure_kinect", {"kinect_000": "kinect_000", "kinect_001": "kinect_001"}),
        ("realsense/realsense_000.db3", {"realsense_000": "realsense_000"}),
        ("record3d/iphone_000.r3d", {"iphone_000": "iphone_000"}),
        ("stray_scanner/iphone_000", {"iphone_000": "iphone_000"}),
    ],
)
def test_a_simulated_rig_comes_back_from_the_files_of_its_makers(simulated, written, tmp_path, place, names):
    """Times to the microsecond, depth and infrared to the bit, of every frame."""
    made = import_recording(written / place, tmp_path / "made")
    assert set(made.devices) == set(names)
    for stream in (s for s in simulated.info.streams if s.device in names):
        assert made.stream(stream.name).frames == stream.frames
        np.testing.assert_array_equal(
            made.timestamps_us(stream.name)[0], simulated.timestamps_us(stream.name)[0], err_msg=stream.name
        )
        for index in range(stream.frames):
            if stream.kind in ("depth", "ir"):
                first, second = (
                    s.recording(s.stream(stream.name).file).read(f"/{stream.name}", index).data
                    for s in (made, simulated)
                )
                assert first == second
            elif stream.kind == "color" and not place.startswith("stray"):
                pictures = [s.frame(stream.name, index).payload for s in (made, simulated)]
                np.testing.assert_array_equal(*pictures)


@pytest.mark.slow
def test_source_txt_says_what_is_made_up(written):
    about = (written / "source.txt").read_text()
    for text in (
        "realsense_000/color: jpeg is decoded",
        "iphone_000: there is no imu.csv",
        "not in these files: arrival times",
    ):
        assert text in about


@pytest.mark.slow
def test_a_frame_that_is_damaged_leaves_no_export(simulated, tmp_path):
    """And `--format all` goes on with the other formats."""
    import shutil

    shutil.copytree(simulated.folder, tmp_path / "s")
    session = Session.open(tmp_path / "s")
    path = session.path("recording", "realsense_000.mcap")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096] = bytes(4096)
    path.write_bytes(data)
    made = {one.format: one for one in export_all(session, tmp_path / "out")}
    assert made["db3"].outcome == "skipped"
    assert not (tmp_path / "out" / "db3").exists()
    assert not list((tmp_path / "out").glob(".*"))
    assert {made[name].outcome for name in ("mkv", "r3d", "stray")} == {"written"}


KILLED = """
import sys, time
from pathlib import Path
from capture.session import Session
from humanrig.export import export_session
def told(done, total):
    if done == 12:
        print("half", flush=True)
        time.sleep(60)
export_session(Session.open(Path(sys.argv[1])), "native", Path(sys.argv[2]), told)
"""


@pytest.mark.slow
def test_an_export_that_is_killed_leaves_nothing_under_its_name(simulated, tmp_path):
    command = [sys.executable, "-c", KILLED, str(simulated.folder), str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.wait()
    assert not (tmp_path / "out").exists()
    export_session(simulated, "native", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]  # what the killed one left is cleared away
    assert not list((tmp_path / "out").rglob(".*"))


FULL_DISK = """
import resource, signal, sys
from humanrig.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(["export", sys.argv[1], "--format", sys.argv[2], "--to", sys.argv[3]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("format", KINDS)
def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(simulated, tmp_path, format):
    """A limit on the size of files stands for the disk."""
    command = [sys.executable, "-c", FULL_DISK, str(simulated.folder), format, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    said = " ".join(done.stderr.split())
    assert done.returncode == 1, said
    assert "the disk is full" in said or "is the disk full?" in said
    assert "Traceback" not in said
    assert str(tmp_path / "out") in said  # and no hidden name
    assert ".partial" not in said
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_simulation_writes_them_too(tmp_path):
    words = ["--scenario", "empty", "--cameras", "1", "--seconds", "0.05", "--native", "--workers", "1"]
    assert main(["simulate", str(tmp_path / "s"), *words]) == 0
    files = tmp_path / "s" / "exported" / "native"
    assert [p.name for p in files.iterdir() if p.is_dir()] == ["azure_kinect"]
    assert import_recording(files / "azure_kinect" / "kinect_000.mkv", tmp_path / "t").of_kind("depth")
