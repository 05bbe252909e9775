"""session.toml: round trip, strictness, upgrades."""

from datetime import UTC, datetime

import pytest

from capture import session_info
from capture.errors import CaptureError
from capture.session import Session
from capture.session_info import SCHEMA, DeviceInfo, SessionInfo, StreamInfo, read_info, write_info

INFO = SessionInfo(
    id="20260301T101500_walk",
    created=datetime(2026, 3, 1, 10, 15, tzinfo=UTC),
    origin="virtual",
    subject="p000001",
    devices=[DeviceInfo(name="kinect_000", serial="0001", clock="pulse", sync="master")],
    streams=[
        StreamInfo(name="kinect_000/color", kind="color", file="recording/a.mcap", topic="/kinect_000/color", frames=3,
                   encoding="jpeg", width=1280, height=720, rate_hz=30.0, delay_us=-80),
        StreamInfo(name="cam01/color", kind="color", file="recording/cam01.mp4", encoding="video", frames=100),
    ],
    links={"calibration_from": "../board"},
)  # fmt: skip


def test_round_trip(tmp_path):
    write_info(tmp_path / "session.toml", INFO)
    assert read_info(tmp_path / "session.toml") == INFO
    assert [p.name for p in tmp_path.iterdir()] == ["session.toml"]  # no partial file stays


def edited(tmp_path, old, new):
    write_info(tmp_path / "session.toml", INFO)
    text = (tmp_path / "session.toml").read_text()
    assert old in text
    (tmp_path / "session.toml").write_text(text.replace(old, new))
    return tmp_path / "session.toml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('subject = "p', 'subjekt = "p', "subjekt"),
        ("frames = 100", 'frames = "many"', "frames"),
        ('encoding = "video"', 'encoding = "hologram"', "encoding"),
        (f"schema = {SCHEMA}", f"schema = {SCHEMA + 1}", "install a newer humanrig"),
        (f"schema = {SCHEMA}", "schema = -4", "cannot upgrade"),
        (f"schema = {SCHEMA}", 'schema = "one"', "a number was expected"),
        ('id = "', "id = ", "not valid TOML"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, old, new, message):
    with pytest.raises(CaptureError, match=message):
        read_info(edited(tmp_path, old, new))


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(CaptureError, match="humanrig import"):
        read_info(tmp_path / "session.toml")


def test_an_older_schema_is_upgraded_step_by_step(tmp_path, monkeypatch):
    def from_minus_1(values):
        return {"origin": values.pop("source"), **values}

    def from_0(values):
        return {**values, "streams": [{**s, "kind": "color"} for s in values["streams"]]}

    monkeypatch.setattr(session_info, "UPGRADES", {-1: from_minus_1, 0: from_0})
    path = edited(tmp_path, f"schema = {SCHEMA}", "schema = -1")
    path.write_text(path.read_text().replace("origin = ", "source = ").replace('kind = "color"\n', ""))
    assert read_info(path) == INFO


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "kinect_000/color"', 'name = "../../kinect_000/color"'),
        ('name = "kinect_000/color"', 'name = "/tmp/kinect_000/color"'),
        ('name = "kinect_000/color"', 'name = "kinect_000/\\u001b[2Jcolor"'),
        ('name = "kinect_000"', 'name = ".."'),
        ('file = "recording/a.mcap"', 'file = "../other/recording/a.mcap"'),
        ('file = "recording/a.mcap"', 'file = "/etc/passwd"'),
        ('id = "take"', 'id = "../take"'),
        ('subject = "p000001"', 'subject = "../../p000001"'),
    ],
)
def test_names_that_lead_out_of_the_session_are_refused(tmp_path, old, new):
    stream = StreamInfo(name="kinect_000/color", kind="color", file="recording/a.mcap", encoding="jpeg", frames=1)
    devices = [DeviceInfo(name="kinect_000")]
    Session.create(tmp_path, streams=[stream], devices=devices, id="take", subject="p000001", origin="test")
    text = (tmp_path / "session.toml").read_text()
    assert old in text
    (tmp_path / "session.toml").write_text(text.replace(old, new))
    with pytest.raises(CaptureError, match=r"session\.toml: .*correct that line") as caught:
        Session.open(tmp_path)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "changed", [{"action": "sit/stand"}, {"subject": ".."}, {"devices": [DeviceInfo(name="a//b")]}]
)
def test_a_session_that_could_not_be_opened_again_is_not_made(tmp_path, changed):
    stream = StreamInfo(name="kinect_000/color", kind="color", file="recording/a.mcap", encoding="jpeg", frames=1)
    with pytest.raises(CaptureError, match="choose another"):
        Session.create(tmp_path / "take", streams=[stream], id="take", origin="test", **changed)
    assert not (tmp_path / "take").exists()


def test_words_of_any_language_are_names(tmp_path):
    stream = StreamInfo(name="Küche 1/color", kind="color", file="recording/a.mcap", encoding="jpeg", frames=1)
    Session.create(tmp_path, streams=[stream], id="take", subject="p 1", action="座る (1)", origin="test")
    assert Session.open(tmp_path).info.action == "座る (1)"
