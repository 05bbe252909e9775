"""`humanrig repair` on a take that was cut, one that is whole, and a folder that is none."""

import json

from capture.mcap_recording import McapReader, McapWriter
from capture.recorder.take_description import ATTACHMENT, TakeDescription
from capture.session_info import HostInfo, SessionInfo, StreamInfo
from humanrig.cli import main


def cut_take(folder):
    """A recording of 20 frames that lacks its last bytes, and no session.toml."""
    from datetime import UTC, datetime

    stream = StreamInfo(
        name="a/imu", kind="imu", file="recording/pc.mcap", encoding="json", frames=0, topic="/a/imu", rate_hz=30.0
    )
    info = SessionInfo(
        id="take",
        created=datetime(2026, 3, 1, tzinfo=UTC),
        origin="recorder",
        streams=[stream],
        hosts=[HostInfo(name="pc")],
    )
    file = folder / "recording" / "pc.mcap"
    with McapWriter(file, {ATTACHMENT: TakeDescription(info=info).encode()}, syncs=False) as writer:
        writer.add_stream("/a/imu", "json")
        for k in range(20):
            writer.write("/a/imu", b"{}", device_us=k * 33_333, host_us=k * 33_333)
            if k % 5 == 4:
                writer.flush()
    with McapReader(file) as reader:
        last = reader._index.chunks[-1]
    with file.open("r+b") as opened:
        opened.truncate(last + 60)
    return folder


def test_repair(tmp_path, capsys):
    folder = cut_take(tmp_path / "take")
    assert main(["check", str(folder)]) == 1  # no session yet
    assert main(["repair", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["frames"] == {"a/imu": 15}
    assert said["lost_s"] == 5 * 33_333e-6
    assert main(["repair", str(folder)]) == 0
    assert "is whole; nothing was changed" in " ".join(capsys.readouterr().err.split())
    file = folder / "recording" / "pc.mcap"
    data = bytearray(file.read_bytes())
    with McapReader(file) as reader:
        data[reader._index.chunks[1] + 100] ^= 1
    file.write_bytes(data)
    assert main(["repair", str(folder)]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "is whole" not in said
    assert "restore the file from a copy; without one the frames that still decode can be used" in said
    assert f"humanrig repair {folder} --drop-damaged" in said
    assert main(["repair", str(folder), "--drop-damaged", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == {"a/imu": 10}
    assert main(["repair", str(tmp_path / "nothing")]) == 1
    assert "has no recording/*.mcap to repair" in " ".join(capsys.readouterr().err.split())
