"""Around the live Azure Kinect loop: library, settings, chain, discovery, firmware, and what is said of each."""

import os
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from k4a_stand_in.stand_in import StandIn, build
from pydantic import ValidationError

from capture.azure_kinect.chain import chain_settings, chain_warnings, flash_gap_us
from capture.azure_kinect.discovery import discover, usbfs_problem
from capture.azure_kinect.display import display_problem
from capture.azure_kinect.exposure import exposure_step_us
from capture.azure_kinect.finding import SETTING, LibraryUnavailable, find_library, load_failure
from capture.azure_kinect.library import K4aLibrary
from capture.azure_kinect.messages import MessageLog, reason_of
from capture.azure_kinect.sequence import FrameCounter
from capture.azure_kinect.settings import KinectSettings
from capture.azure_kinect.usb_ports import kinect_ports, port_problems
from capture.errors import CaptureError

HERE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("k4a"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "/lib/libc.so.6: version `GLIBC_2.38' not found (required by x)",
            "needs a newer C library .glibc., version 2.38",
        ),
        (
            "libstdc++.so.6: version `GLIBCXX_3.4.32' not found",
            "needs a newer C.. library .libstdc.*, version 3.4.32",
        ),
        ("libGL.so.1: cannot open shared object file: No such file", "needs libGL.so.1, .* apt install libgl1"),
        ("libk4a.so: cannot open shared object file: No such file", "/opt/libk4a.so does not exist"),
        ("invalid ELF header", r"cannot be loaded \(invalid ELF header\)"),
    ],
)
def test_why_a_library_is_refused(text, message):
    assert re.search(message, str(load_failure(Path("/opt/libk4a.so"), OSError(text))))


def test_where_the_library_is(tmp_path, monkeypatch):
    monkeypatch.delenv(SETTING, raising=False)
    with pytest.raises(LibraryUnavailable, match=r"package pyk4a-bundle .* is missing; run pip install"):
        find_library(search=[str(tmp_path)])
    wheel = tmp_path / "pyk4a_bundle.libs"
    wheel.mkdir()
    with pytest.raises(LibraryUnavailable, match=r"there is no libk4a\.so"):
        find_library(search=[str(tmp_path)])
    for name in ("libk4a-f64cb9eb.so.1.4.2", "libk4arecord-939c473c.so.1.4.2", "libudev-8c6321fd.so.1.7.2"):
        (wheel / name).write_bytes(b"not a library")
    files = find_library(search=["", str(tmp_path)])
    assert (files.k4a.name[:7], files.record.name[:13]) == ("libk4a-", "libk4arecord-")
    with pytest.raises(LibraryUnavailable, match="cannot be loaded"):
        K4aLibrary.load(wheel)
    monkeypatch.setenv(SETTING, str(tmp_path / "nothing"))
    with pytest.raises(LibraryUnavailable, match=r"the setting HUMANRIG_K4A_LIBRARY leads to .*nothing"):
        find_library()
    assert "HUMANRIG_K4A_LIBRARY" in discover().unavailable  # discovery never raises


def test_the_real_library_says_nothing_on_the_terminal(tmp_path):
    """The SDK prints its log unless it is told not to; without a device it has two errors to tell."""
    try:
        find_library()
    except LibraryUnavailable as error:
        pytest.skip(f"needs the SDK: {error}")
    code = (
        "from capture.azure_kinect.discovery import discover\n"
        "from capture.azure_kinect.library import K4aLibrary\n"
        "from capture.azure_kinect.unit import KinectUnit\n"
        "from capture.device import DeviceError\n"
        "report = discover()\n"
        "assert not report.unavailable, report\n"
        "try:\n    KinectUnit(K4aLibrary.load(), 'kinect_000', 0)\n"
        "except DeviceError as error:\n    open('reason', 'w').write(str(error))\n"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("K4A") and k not in ("DISPLAY", SETTING)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(HERE)},
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    reason = (tmp_path / "reason").read_text()
    assert reason.startswith("kinect_000 cannot be opened: ")
    assert "unavalable" in reason
    assert "returned failure" not in reason


def test_messages_belong_to_the_call_that_they_explain():
    log = MessageLog()

    def other_device():
        with log.collecting() as mine:
            log.add(1, "other(). Something of the other device")
        heard.append([m.text for m in mine])

    heard = []
    with log.collecting() as mine:
        log.add(1, "depth_start(). Depth engine create and initialize failed with error code: 204.")
        log.add(1, "depth_start(device->depth, config) returned failure in k4a_device_start_cameras()")
        for work in (other_device, lambda: log.add(2, "usb_thread(). From a thread of the SDK")):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    reason = reason_of(mine)
    assert reason.startswith("Depth engine create and initialize failed with error code: 204; From a thread of the SDK")
    assert reason.endswith("set DISPLAY to a running X server")
    assert heard == [["other(). Something of the other device"]]
    assert [m.text for m in log.recent()] == ["usb_thread(). From a thread of the SDK"]
    assert reason_of([]) == "the SDK gave no reason; power the device off and on"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depth_mode": "WFOV_UNBINNED"}, "WFOV_UNBINNED runs at 15 Hz at most"),
        ({"color_resolution": "3072P"}, "3072P runs at 15 Hz at most"),
        ({"color_resolution": "OFF", "depth_mode": "OFF"}, "both OFF"),
        ({"color_resolution": "OFF", "sync": "master"}, "the master's colour camera makes the pulse"),
        ({"subordinate_delay_us": 160}, "only a subordinate has one"),
        ({"sync": "subordinate", "subordinate_delay_us": 40_000}, "must be 0 to one frame .33333 us."),
        ({"depth_delay_us": -33_334}, "must be within one frame"),
        ({"color_resolution": "OFF", "depth_delay_us": 160}, "needs both cameras"),
        ({"exposure_us": 40_000}, "exposure_us is 40000, it must be 500 to one frame"),
        ({"white_balance_k": 4505}, "must be a multiple of 10"),
        ({"colour_resolution": "720P"}, "colour_resolution"),
        ({"rate_hz": 25}, "rate_hz"),
    ],
)
def test_settings_that_a_device_would_refuse(wrong, message):
    with pytest.raises(ValidationError, match=message):
        KinectSettings(**wrong)


def test_exposure_takes_the_next_step():
    """`color_priv.h`: rounded up to a step that the power line's frequency decides."""
    assert [exposure_step_us(us, 50) for us in (500, 501, 8000, 30_001)] == [500, 1250, 10_000, 40_000]
    assert [exposure_step_us(us, 60) for us in (8000, 8331, 999_999)] == [8330, 16_670, 133_330]


def test_a_chain_is_spaced_and_nine_fit():
    names = [f"k{i}" for i in range(10)]
    chain = chain_settings(names, KinectSettings(exposure_us=8000))
    assert [s.sync for s in chain.values()] == ["master"] + ["subordinate"] * 9
    assert [s.depth_delay_us for s in chain.values()] == [160 * k for k in range(10)]
    assert {s.subordinate_delay_us for s in chain.values()} == {0}
    assert chain_warnings(chain_settings(names[:9], KinectSettings())) == ()
    warnings = chain_warnings(chain)
    assert len(warnings) == 2
    assert "9 subordinates in one chain, the maker allows 8" in warnings[0]
    assert "k0 and k9 flash 18 us apart" in warnings[1]
    assert flash_gap_us(0, 160) == 160
    assert flash_gap_us(0, 16_000) > 1400  # after the whole group of nine flashes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({1: {"exposure_us": 20_000}}, "exposure differs .k0 10000 us, k1 20000 us, k2 10000 us.; make it equal"),
        ({2: {"exposure_us": None}}, "k2 has automatic exposure"),
        ({1: {"power_line_hz": 60}}, "power-line frequency differs .k0 50 Hz, k1 60 Hz"),
        ({1: {"rate_hz": 15}}, "rate differs"),
        ({1: {"white_balance_k": 4500}}, "white balance differs .k0 automatic, k1 4500 K"),
        ({1: {"sync": "master"}}, "k0 and k1 are both master"),
        ({0: {"sync": "subordinate"}}, "no master among k0, k1, k2"),
        ({1: {"sync": "standalone"}, 2: {"sync": "standalone"}}, "k0 is master of no subordinate"),
        ({2: {"depth_delay_us": 200}}, "k1 and k2 flash 40 us apart .depth 160 and 200 us late"),
    ],
)
def test_what_a_chain_is_warned_of(changes, message):
    chain = chain_settings(["k0", "k1", "k2"], KinectSettings())
    for k, change in changes.items():
        chain[f"k{k}"] = replace(chain[f"k{k}"], **change)
    assert any(re.search(message, warning) for warning in chain_warnings(chain))


@pytest.mark.parametrize(
    ("order", "base", "spacing", "message"),
    [
        (["a"], {}, 160, "at least 2 devices"),
        (["a", "b", "a"], {}, 160, "a is in the chain twice"),
        (["a", "b", "c"], {}, 20_000, "delay the last by 40000 us, a frame is 33333 us"),
        (["a", "b"], {"color_resolution": "OFF"}, 160, "the master's colour camera makes the pulse"),
    ],
)
def test_a_chain_that_cannot_be(order, base, spacing, message):
    with pytest.raises(CaptureError, match=message):
        chain_settings(order, KinectSettings(**base), spacing)


def test_frame_numbers_follow_times_not_counts():
    counter = FrameCounter(1e6 / 30)
    period = 33_333.33 * (1 + 100e-6)  # a clock 100 ppm off, 2.0 frames in all
    assert counter.number(500) == 0
    for k in range(1, 20_000):
        assert counter.number(500 + round(k * period)) == k
    assert counter.number(500 + round(20_004 * period)) == 20_004
    before = counter.number(500 + round(20_005 * period))
    assert counter.number(20_000) == before + 1
    assert counter.jumps_back == 1


def test_what_is_attached(built):
    stand_in = StandIn(built)
    stand_in.chain(3, firmware=110)
    stand_in.add("000009", firmware=102, unsigned=2)
    stand_in.add("000010", busy=1)
    report = discover(stand_in.library)
    assert [(d.serial, d.sync) for d in report.devices] == [
        ("000000", "master"), ("000001", "subordinate"), ("000002", "subordinate"), ("000009", "standalone"), ("", ""),
    ]  # fmt: skip
    assert report.devices[0].firmware == "color 1.6.110, depth 1.6.79"
    assert report.devices[0].problems == ()
    assert [p[:60] for p in report.devices[3].problems] == [
        "its firmware (colour camera 1.6.102) is old: a subordinate's",
        "its firmware (colour camera 1.6.102) is old: a device does n",
        "its firmware is not a release of the maker; install 1.6.1100",
    ]
    assert "cannot be opened: libusb device(s) are all unavalable; close programs" in report.devices[4].problems[0]
    assert [call.split()[0] for call in stand_in.calls] == ["open", "close"] * 4


def test_usb_memory(tmp_path):
    setting = tmp_path / "usbfs_memory_mb"
    assert usbfs_problem(5, setting) is None  # not this kind of system
    setting.write_text("16\n")
    assert "usbfs_memory_mb is 16, at least 160 are needed for 5" in usbfs_problem(5, setting)
    setting.write_text("0\n")
    assert usbfs_problem(5, setting) is None


def test_no_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    assert any(text in display_problem() for text in ("DISPLAY is not set", "is missing, which the Azure Kinect's"))
    monkeypatch.setenv("DISPLAY", ":987")
    assert any(text in display_problem() for text in ("':987' does not answer", "is missing"))


def test_a_display_is_found():
    if shutil.which("xvfb-run") is None:
        pytest.skip("needs xvfb-run")
    code = "from capture.azure_kinect.display import display_problem as p; print(p())"
    done = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(HERE)}, capture_output=True
    )
    assert done.stdout.decode().strip() == "None"


def test_usb_ports(tmp_path):
    """A tree as the kernel has it: five at one controller, one of them slow, beside a keyboard."""
    root = tmp_path / "devices"
    root.mkdir()
    bus = tmp_path / "pci0000:00" / "0000:03:00.0" / "usb2"
    for k in range(5):
        folder = bus / f"2-{k}"
        folder.mkdir(parents=True)
        speed = "480" if k == 1 else "5000"
        for name, text in {"idVendor": "045e", "idProduct": "097c", "serial": f"00000{k}", "speed": speed}.items():
            (folder / name).write_text(f"{text}\n")
        (root / folder.name).symlink_to(folder)
    keyboard = bus / "2-9"
    keyboard.mkdir()
    (keyboard / "idVendor").write_text("046d\n")
    (root / "2-9").symlink_to(keyboard)
    ports = kinect_ports(root)
    assert [port.serial for port in ports] == [f"00000{k}" for k in range(5)]
    slow, many = port_problems(ports)
    assert "Azure Kinect 000001 hangs at USB port 2-1 with 480 Mbit/s; plug it into a USB 3 port" in slow
    assert "5 Azure Kinects hang at the USB controller 0000:03:00.0, which carries 3 at 30 Hz; move 2" in many
    assert port_problems(ports[2:]) == ()
    assert kinect_ports(tmp_path / "nothing") == ()
