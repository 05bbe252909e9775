"""rig.toml: what it may say, and slips that end in one sentence with the next step."""

import sys
import types
from dataclasses import replace
from typing import Literal

import pydantic.dataclasses
import pytest

from capture.device import DeviceStream
from capture.errors import CaptureError
from capture.found_device import FoundDevice
from capture.mcap_recording import McapWriter
from capture.rig import device_settings
from capture.rig.device_settings import settings_of
from capture.rig.devices_of import devices_of
from capture.rig.looking import usbfs_warning
from capture.rig.rig_file import read_rig
from capture.rig.writing import found_rig, played_rig, write_rig
from capture.session import Session
from capture.session_info import DeviceInfo
from capture.virtual.clocks import ClockEffects


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=pydantic.ConfigDict(extra="forbid"))
class Told:
    """Stands for a driver's settings."""

    serial: str = ""
    depth_mode: Literal["NFOV_UNBINNED", "WFOV_UNBINNED"] = "NFOV_UNBINNED"
    rate_hz: int = 30
    exposure_us: int | None = 8000
    sync: Literal["standalone", "master", "subordinate"] = "standalone"
    depth_delay_us: int = 0
    subordinate_delay_us: int = 0
    color_resolution: str = "1080P"
    white_balance_k: int | None = None
    power_line_hz: int = 50
    infrared: bool = False
    imu: bool = True


@pytest.fixture
def driver(monkeypatch):
    """A driver of Kinects without any library."""
    monkeypatch.setattr(device_settings, "settings_class", lambda driver: Told)
    chain = types.ModuleType("capture.azure_kinect.chain")

    def chain_settings(order, base, spacing_us=160):
        return {
            name: replace(base, sync="subordinate" if n else "master", depth_delay_us=n * spacing_us)
            for n, name in enumerate(order)
        }

    chain.chain_settings = chain_settings
    monkeypatch.setitem(sys.modules, "capture.azure_kinect.chain", chain)


def write(path, text):
    path.write_text(text)
    return path


def entry(name, serial="", more="", driver="azure_kinect"):
    return f'[[devices]]\nname = "{name}"\ndriver = "{driver}"\nserial = "{serial}"\n{more}\n'


TWO = entry("kinect_000", "1") + entry("kinect_001", "2")


def write_take(folder, devices=2, frames=5):
    """A small session of JPEG and depth that nobody decodes."""
    streams = [
        DeviceStream(name=f"kinect_{d:03d}/{kind}", kind=kind, encoding=code, rate_hz=30.0, width=8, height=8)
        for d in range(devices)
        for kind, code in (("color", "jpeg"), ("depth", "dzp"))
    ]
    with McapWriter(folder / "recording" / "rig.mcap") as writer:
        for stream in streams:
            writer.add_stream(f"/{stream.name}", stream.encoding)
        for k in range(frames):
            for stream in streams:
                writer.write(f"/{stream.name}", b"x", device_us=k * 33_333, host_us=k * 33_333)
    Session.create(
        folder,
        streams=[stream.recorded("recording/rig.mcap", frames) for stream in streams],
        devices=[DeviceInfo(name=f"kinect_{d:03d}", sync="subordinate" if d else "master") for d in range(devices)],
        origin="virtual",
    )
    return folder


def test_a_device_has_its_own_its_drivers_and_its_place_on_the_cable(tmp_path, driver):
    text = '[azure_kinect]\nexposure_us = 2500\n[chain]\norder = ["kinect_001", "kinect_000", "kinect_002"]\n'
    path = write(tmp_path / "rig.toml", text + TWO + entry("kinect_002", "3", "exposure_us = 10000"))
    settings = settings_of(read_rig(path))
    assert [settings[f"kinect_00{n}"].exposure_us for n in range(3)] == [2500, 2500, 10000]
    assert [settings[f"kinect_00{n}"].sync for n in range(3)] == ["subordinate", "master", "subordinate"]
    assert [settings[f"kinect_00{n}"].depth_delay_us for n in range(3)] == [160, 0, 320]
    assert [settings[f"kinect_00{n}"].serial for n in range(3)] == ["1", "2", "3"]


def test_a_delay_that_the_device_states_wins_over_the_computed_one(tmp_path, driver):
    text = '[chain]\norder = ["kinect_000", "kinect_001"]\n' + entry("kinect_000", "1")
    path = write(tmp_path / "rig.toml", text + entry("kinect_001", "2", "depth_delay_us = 480"))
    assert settings_of(read_rig(path))["kinect_001"].depth_delay_us == 480


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("catalog = 1\n" + TWO, ["'catalog'", "did you mean 'catalogue'"]),
        ("[chian]\n" + TWO, ["'chian'", "did you mean 'chain'"]),
        ("[chain]\nordr = []\n" + TWO, ["[chain]", "did you mean 'order'"]),
        ("[azure_kinect]\nexposur_us = 1\n" + TWO, ["[azure_kinect]", "did you mean 'exposure_us'"]),
        (entry("kinect_000", "1", "depht_mode = 'x'"), ["'kinect_000'", "did you mean 'depth_mode'"]),
        (entry("kinect_000", "1", 'depth_mode = "NFOV_UNBINED"'), ["NFOV_UNBINED", "did you mean 'NFOV_UNBINNED'"]),
        (entry("kinect_000", "1", "rate_hz = 'fast'"), ["rate_hz", "'fast'", "correct that line"]),
        (
            entry("kinect_000", "1", 'exposure_us = "8000"'),
            ["exposure_us = '8000'", "valid integer", "correct that line"],
        ),
        (entry("kinect_000", "1", "infrared = 1"), ["infrared = 1", "valid boolean"]),
        (entry("kinect_000", "1", "depth_mode = 2026-01-01"), ["depth_mode", "2026-01-01"]),
        ('[play]\nsession = "s"\nspeed = "1"\n', ["speed = '1'", "valid number"]),
        ('[virtual]\nsession = "s"\n[virtual.faults]\ndrop_rate = "0.1"\n', ["drop_rate = '0.1'", "valid number"]),
        (entry("kinect_000", driver="azure_kinekt"), ["azure_kinekt", "did you mean 'azure_kinect'"]),
        (entry("kinect_000", driver="virtual"), ["[virtual]"]),
        (entry("a/b"), ["'a/b'", "letters"]),
        (entry("kinect_000", "1") + entry("kinect_000", "2"), ["two devices are called 'kinect_000'"]),
        (entry("kinect_000", "7") + entry("kinect_001", "7"), ["one serial, 7", "humanrig devices"]),
        (entry("kinect_000", "7") + entry("kinect_001"), ["'kinect_001' has no serial"]),
        ('[chain]\norder = ["kinect_00"]\n' + TWO, ["'kinect_00'", "did you mean 'kinect_00"]),
        ('[chain]\norder = ["kinect_000", "kinect_000"]\n' + TWO, ["twice"]),
        (
            '[chain]\norder = ["kinect_000", "kinect_001"]\n'
            + entry("kinect_000", "1")
            + entry("kinect_001", "2", 'sync = "master"'),
            ["2 masters", "kinect_000", "kinect_001", "subordinates"],
        ),
        (entry("kinect_000", "1", 'sync = "subordinate"'), ["without a master", "[chain] order"]),
        ("", ["names no device", "rig init"]),
        ("schema = 9\n" + TWO, ["schema 9"]),
        ("[virtual]\nsesion = 'x'\n", ["[virtual]", "did you mean 'session'"]),
        ("[virtual]\nsession = 'x'\n[virtual.faults]\ndrop_rat = 1\n", ["faults", "did you mean 'drop_rate'"]),
        ("[virtual]\nsession = 'x'\nspeed = 0\n", ["speed", "greater than 0"]),
        ("[play]\n", ["'session' is missing"]),
        ("[recording]\nhost = 'a/b'\n" + TWO, ["host", "a/b"]),
        ("chain = 3\n", ["[chain]"]),
        ("[chain", ["not valid TOML"]),
    ],
)
def test_a_slip_ends_in_one_sentence_that_says_what_was_meant(tmp_path, driver, text, said):
    path = write(tmp_path / "rig.toml", text)
    with pytest.raises(CaptureError) as error:
        settings_of(read_rig(path))
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for part in said:
        assert part in message


def test_a_missing_and_an_unreadable_file(tmp_path):
    with pytest.raises(CaptureError, match="rig init"):
        read_rig(tmp_path / "none.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(CaptureError, match="cannot be read"):
        read_rig(tmp_path / "folder.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CaptureError, match="not valid TOML"):
        read_rig(tmp_path / "bytes.toml")


def test_a_virtual_rig_has_the_faults_it_names_and_no_other(tmp_path):
    write_take(tmp_path / "take")
    text = played_rig(tmp_path / "take", "virtual", beside=tmp_path)
    write_rig(tmp_path / "rig.toml", text)
    assert read_rig(tmp_path / "rig.toml").virtual.faults is None
    text = text.replace("# [virtual.faults]", "[virtual.faults]").replace("# drop_rate", "drop_rate")
    rig = read_rig(write(tmp_path / "faulty.toml", text))
    assert rig.virtual.faults == replace(ClockEffects.quiet(), drop_rate=0.02)
    devices = devices_of(rig)
    assert [device.name for device in devices] == ["kinect_000", "kinect_001"]
    assert devices[0].clock.effects.drop_rate == 0.02
    with pytest.raises(CaptureError, match="stall_device 'nobody' is not in this rig"):
        devices_of(read_rig(write(tmp_path / "b.toml", text + 'stall_device = "nobody"\n')))


def test_a_rig_plays_the_session_beside_it(tmp_path):
    write_take(tmp_path / "day" / "take")
    (tmp_path / "rigs").mkdir()
    write_rig(tmp_path / "rigs" / "rig.toml", played_rig(tmp_path / "day" / "take", "play", beside=tmp_path / "rigs"))
    rig = read_rig(tmp_path / "rigs" / "rig.toml")
    assert rig.play.session == "../day/take"
    assert len(devices_of(rig)) == 2
    with pytest.raises(CaptureError, match=r"\[play\]: there is no session"):
        devices_of(replace(rig, play=replace(rig.play, session="../gone")))


def test_rig_init_never_overwrites(tmp_path):
    write_rig(tmp_path / "rig.toml", "first")
    with pytest.raises(CaptureError, match="never overwritten"):
        write_rig(tmp_path / "rig.toml", "second")
    assert (tmp_path / "rig.toml").read_text() == "first"


def found(serial, sync, driver="azure_kinect"):
    return FoundDevice(driver=driver, serial=serial, model="unit", firmware="1.6.110", sync=sync)


def test_what_is_attached_becomes_a_rig_with_the_master_first(tmp_path, driver):
    units = [found("9", "subordinate"), found("3", "subordinate"), found("5", "master")]
    write_rig(tmp_path / "rig.toml", found_rig(units))
    rig = read_rig(tmp_path / "rig.toml")
    settings = settings_of(rig)
    assert rig.chain.order == ("kinect_000", "kinect_001", "kinect_002")
    assert [settings[name].serial for name in rig.chain.order] == ["5", "3", "9"]
    assert [settings[name].depth_delay_us for name in rig.chain.order] == [0, 160, 320]
    with pytest.raises(CaptureError, match="2 masters"):
        found_rig([found("1", "master"), found("2", "master")])
    with pytest.raises(CaptureError, match="--virtual SESSION"):
        found_rig([])


def test_small_usbfs_memory_is_named_with_what_to_type(tmp_path):
    path = write(tmp_path / "usbfs_memory_mb", "16\n")
    assert "echo 320" in usbfs_warning(10, path=path)
    assert usbfs_warning(0, path=path) == ""
    assert usbfs_warning(10, path=write(tmp_path / "unlimited", "0\n")) == ""
    assert usbfs_warning(10, path=tmp_path / "none") == ""


def test_whole_numbers_lists_and_tables_are_what_they_were(tmp_path):
    text = '[virtual]\nsession = "s"\nspeed = 2\n[virtual.faults]\ndrop_rate = 0\n'
    read = read_rig(write(tmp_path / "rig.toml", text))
    assert read.virtual is not None
    assert read.virtual.speed == 2.0
    text = entry("realsense_000", "1", "depth_size = [640, 480]\nlaser_power_mw = 150", driver="realsense")
    told = settings_of(read_rig(write(tmp_path / "rig.toml", text)))["realsense_000"]
    assert (told.depth_size, told.laser_power_mw) == ((640, 480), 150.0)


def test_a_rig_is_not_written_into_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(CaptureError, match=r"there is no folder .*gone for q\.toml; make it"):
        write_rig(tmp_path / "gone" / "q.toml", "schema = 1\n")
    assert not (tmp_path / "gone").exists()


def test_the_remark_at_loops_stays_true_when_the_number_is_changed(tmp_path):
    text = played_rig(write_take(tmp_path / "take"), "play", beside=tmp_path)
    (line,) = [line for line in text.splitlines() if line.startswith("loops")]
    remark = line.partition("#")[2]
    assert remark
    assert not any(letter.isdigit() for letter in remark)
