"""Folders of Stray Scanner, old and new: axes turned once, pictures never encoded anew, times of the phone."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from capture.checking import check_session
from capture.errors import CaptureError
from capture.importers.detect import import_recording, layout_of
from capture.importers.stray_scanner import LAYOUT
from capture.iphone.message import PhoneMessage
from capture.video import VideoStream

WIDTH, HEIGHT, START_S = 256, 192, 52345.123
K = np.array([[180.0, 0, 127.5], [0, 181.0, 96.0], [0, 0, 1]])


def phone_poses(frames):
    """T_arkit_camera of a phone that walks and turns: ARKit's axes."""
    poses = np.tile(np.eye(4), (frames, 1, 1))
    for index, pose in enumerate(poses):
        pose[:3, :3] = Rotation.from_euler("yx", [0.1 * index, -0.3]).as_matrix()
        pose[:3, 3] = [0.05 * index, 1.5, -0.2]
    return poses


def phone_times(frames):
    """Seconds, with a frame that the phone skipped after the fifth."""
    return START_S + (np.arange(frames) + (np.arange(frames) > 5)) / 60


def write_stray(folder, picture, frames=12, *, version="new", times=None, b_frames=2, codec="libx265"):
    """A folder as the application writes it; `version` is old, new or with_intrinsics. Returns depth by frame."""
    (folder / "depth").mkdir(parents=True)
    (folder / "confidence").mkdir()
    (folder / "camera_matrix.csv").write_text("\n".join(", ".join(map(str, row)) for row in K))
    (folder / "imu.csv").write_text(
        "timestamp, a_x, a_y, a_z, alpha_x, alpha_y, alpha_z\n52345.1, 0, -9.8, 0, 0, 0, 0\n"
    )
    rng = np.random.default_rng(1)
    depths = rng.integers(0, 4000, (frames, 192, 256)).astype(np.uint16)
    for index, depth in enumerate(depths):
        cv2.imwrite(str(folder / f"depth/{index:06d}.png"), depth)
        cv2.imwrite(str(folder / f"confidence/{index:06d}.png"), np.full((192, 256), index % 3, np.uint8))
    times = phone_times(frames) if times is None else times
    lines = [] if version == "old" else ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
    if version == "with_intrinsics":
        lines[0] += ", fx, fy, cx, cy"
    for index, T in enumerate(phone_poses(frames)):
        R_world_opencv = T[:3, :3] @ np.diag([1.0, -1, -1])
        pose = ", ".join(repr(float(v)) for v in [*T[:3, 3], *Rotation.from_matrix(R_world_opencv).as_quat()])
        line = pose if version == "old" else f"{float(times[index])!r}, {index:06d}, {pose}"
        lines.append(line + (f", {180 + index}, 181, 127.5, 96" if version == "with_intrinsics" else ""))
    (folder / "odometry.csv").write_text("\n".join(lines) + "\n")
    with av.open(str(folder / "rgb.mp4"), "w") as container:
        stream = container.add_stream(codec, rate=60)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, 600)
        params = f"log-level=none:bframes={b_frames}:keyint=6:pools=1:frame-threads=1"
        stream.codec_context.options = {"preset": "ultrafast", "x265-params": params}
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, WIDTH, HEIGHT), format="rgb24")
            frame.pts, frame.time_base = index * 10, Fraction(1, 600)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return depths


def coded_pictures(path):
    """Bytes of the pictures in coded order."""
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(video=0) if p.size]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_folder_keeps_pictures_times_depth_and_poses(tmp_path, video, b_frames):
    depths = write_stray(tmp_path / "stray", video.picture, b_frames=b_frames)
    assert layout_of(tmp_path / "stray") is LAYOUT
    session = import_recording(tmp_path / "stray", tmp_path / "session")
    times_us = np.rint(1e6 * phone_times(12)).astype(np.int64)
    for kind in ("color", "depth", "imu"):
        np.testing.assert_array_equal(session.timestamps_us(f"iphone_000/{kind}")[0], times_us)
    kept = session.path(session.stream("iphone_000/color").file)
    assert coded_pictures(kept) == coded_pictures(tmp_path / "stray/rgb.mp4")
    for index in (0, 5, 6, 11, 3):
        frame = session.frame("iphone_000/color", index)
        assert video.number(frame.payload) == index
        assert frame.device_us == times_us[index]
    for index, T_arkit_camera in enumerate(phone_poses(12)):
        depth = session.frame("iphone_000/depth", index).payload
        np.testing.assert_array_equal(np.nan_to_num(depth * 1000).round(), depths[index])
        message = PhoneMessage.of(session.frame("iphone_000/imu", index).payload)
        np.testing.assert_allclose(message.T_arkit_camera, T_arkit_camera, atol=1e-12)
        np.testing.assert_array_equal(message.K, K)
        assert (message.confidence == index % 3).all()
        assert message.timestamp_s == pytest.approx(times_us[index] / 1e6, abs=1e-9)
    note = session.devices["iphone_000"].note
    assert "replaced by the odometry's" in note
    assert "K of the last frame" in note
    assert not [f for f in check_session(session) if f.level == "error"]


def test_the_phones_own_files_are_attached(tmp_path, video):
    from mcap.reader import make_reader

    write_stray(tmp_path / "stray", video.picture, frames=3)
    session = import_recording(tmp_path / "stray", tmp_path / "session")
    with session.path("recording/iphone_000.mcap").open("rb") as file:
        attached = {a.name: a.data for a in make_reader(file).iter_attachments()}
    assert attached["iphone_000/imu.csv"] == (tmp_path / "stray/imu.csv").read_bytes()
    assert {"iphone_000/odometry.csv", "iphone_000/camera_matrix.csv"} < attached.keys()


def test_a_video_whose_times_are_right_is_copied_byte_for_byte(tmp_path, video):
    write_stray(tmp_path / "stray", video.picture, times=START_S + np.arange(12) / 60)
    # The file's own clock has ticks of 1/600 s: 1/60 s is ten of them.
    session = import_recording(tmp_path / "stray", tmp_path / "session")
    assert session.path("recording/iphone_000.mp4").read_bytes() == (tmp_path / "stray/rgb.mp4").read_bytes()
    assert session.timestamps_us("iphone_000/color")[0][0] == round(1e6 * START_S)


def test_intrinsics_of_each_frame_are_used_where_the_version_has_them(tmp_path, video):
    write_stray(tmp_path / "stray", video.picture, frames=4, version="with_intrinsics")
    session = import_recording(tmp_path / "stray", tmp_path / "session")
    Ks = [PhoneMessage.of(frame.payload).K for frame in session.frames("iphone_000/imu")]
    assert [K[0, 0] for K in Ks] == [180, 181, 182, 183]
    assert "last frame" not in session.devices["iphone_000"].note


def test_columns_that_are_not_needed_may_be_blank(tmp_path, video):
    write_stray(tmp_path / "stray", video.picture, frames=3, version="with_intrinsics")
    table = tmp_path / "stray/odometry.csv"
    head, *rows = table.read_text().splitlines()
    lines = [f"{head}, distortion_center_x, distortion_center_y", *(f"{row}, , " for row in rows)]
    table.write_text("\n".join(lines) + "\n")
    session = import_recording(tmp_path / "stray", tmp_path / "session")
    assert PhoneMessage.of(session.frame("iphone_000/imu", 2).payload).K[0, 0] == 182
    lines[2] = lines[2].replace(", 181,", ", ,")  # a focal length
    table.write_text("\n".join(lines) + "\n")
    with pytest.raises(CaptureError, match="line 3 is damaged"):
        import_recording(tmp_path / "stray", tmp_path / "second")


def test_an_old_version_without_times_has_those_of_its_video(tmp_path, video):
    write_stray(tmp_path / "stray", video.picture, version="old")
    session = import_recording(tmp_path / "stray", tmp_path / "session")
    times = session.timestamps_us("iphone_000/color")[0]
    np.testing.assert_array_equal(times, VideoStream(tmp_path / "stray/rgb.mp4").timestamps_us)
    np.testing.assert_array_equal(session.timestamps_us("iphone_000/imu")[0], times)
    message = PhoneMessage.of(session.frame("iphone_000/imu", 7).payload)
    np.testing.assert_allclose(message.T_arkit_camera, phone_poses(12)[7], atol=1e-12)
    assert "the phone's clock is not known" in session.devices["iphone_000"].note


def test_rows_without_pictures_at_the_end_are_left_out_and_said(tmp_path, video):
    write_stray(tmp_path / "stray", video.picture)
    table = tmp_path / "stray/odometry.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-2]) + "\n")
    session = import_recording(tmp_path / "stray", tmp_path / "session")
    assert {stream.frames for stream in session.streams.values()} == {10}
    assert "the last 2 pictures" in session.devices["iphone_000"].note


def cut_table(folder, rows):
    lines = (folder / "odometry.csv").read_text().splitlines()
    (folder / "odometry.csv").write_text("\n".join(lines[: 1 + rows]) + "\n")


def replace_in_table(folder, old, new):
    text = (folder / "odometry.csv").read_text()
    assert old in text
    (folder / "odometry.csv").write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: cut_table(f, 5), "12 pictures, its table 5 rows"),
        (lambda f: cut_table(f, 0), "has no row"),
        (lambda f: replace_in_table(f, "000003", "three"), "line 5 is damaged"),
        (lambda f: replace_in_table(f, " qw", " q"), "no column qw"),
        (lambda f: (f / "odometry.csv").write_bytes(b"\xff\xfe\x00"), "damaged|no column"),
        (lambda f: (f / "camera_matrix.csv").write_text("1, 2\n"), "no 3x3 matrix"),
        (lambda f: (f / "rgb.mp4").write_bytes((f / "rgb.mp4").read_bytes()[:2000]), "cannot be read|truncated"),
        (lambda f: (f / "depth/000004.png").write_bytes(b"no"), "000004.png is damaged"),
        (lambda f: [p.rename(p.with_suffix(".npy")) for p in (f / "depth").iterdir()], "depth as .npy"),
        (lambda f: replace_in_table(f, repr(float(phone_times(12)[3])), "1.0"), "do not increase at row 3"),
    ],
)
def test_a_damaged_folder_gives_one_sentence_and_no_session(tmp_path, video, spoil, says):
    write_stray(tmp_path / "stray", video.picture)
    spoil(tmp_path / "stray")
    with pytest.raises(CaptureError, match=says) as caught:
        import_recording(tmp_path / "stray", tmp_path / "session")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "session").exists()
