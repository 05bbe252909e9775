"""Synchronised videos with a calibration: linked untouched, matched by name, sizes never adjusted in silence."""

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.importers.detect import import_recording
from capture.importers.video_size import camera_of_size
from capture.session import Session
from capture.synchronisation import session_frame_sets
from geometry.camera import Camera
from geometry.camera_files.aniposelib import write_aniposelib
from geometry.camera_files.cameras_json import read_camera_file, write_cameras
from geometry.errors import GeometryError
from geometry.rigid import look_at

K = np.array([[60.0, 0, 31], [0, 60, 24.5], [0, 0, 1]])
FRAMES = 12


def camera(index, width=64, height=48):
    eye = np.array([3 * np.cos(index), 3 * np.sin(index), 1.2])
    return Camera(
        name=f"cam{index:02d}/color", K=K, width=width, height=height, T_world_camera=look_at(eye, np.zeros(3))
    )


@pytest.fixture
def take(tmp_path, video):
    """Three videos and their calibration in one folder."""
    for index in range(3):
        video.write(tmp_path / "take" / f"cam{index:02d}.mp4", frames=FRAMES)
    write_aniposelib(tmp_path / "take" / "calibration.toml", [camera(index) for index in range(3)])
    return tmp_path


def test_videos_become_a_session(take, video):
    calls = []
    session = import_recording(take / "take", take / "s", on_progress=lambda *call: calls.append(call))
    assert list(session.streams) == ["cam00/color", "cam01/color", "cam02/color"]
    assert {(s.frames, s.width, s.height, s.encoding) for s in session.streams.values()} == {(FRAMES, 64, 48, "video")}
    for index in range(3):
        name = f"cam{index:02d}"
        assert session.path("recording", f"{name}.mp4").read_bytes() == (take / "take" / f"{name}.mp4").read_bytes()
        made = session.recorded_cameras()[f"{name}/color"]
        np.testing.assert_allclose(made.T_world_camera, camera(index).T_world_camera, atol=1e-9)
    assert [video.number(f.payload) for f in session.frames("cam01/color")] == list(range(FRAMES))
    sets = session_frame_sets(session)
    assert [i.index for i in sets.instants] == [dict.fromkeys(session.streams, k) for k in range(FRAMES)]
    assert calls[-1] == (3, 3)
    assert session.info.id == "s"
    assert sorted(p.name for p in take.iterdir()) == ["s", "take"]


def test_calibration_in_other_places_and_formats(take):
    folder = take / "take"
    (folder / "calibration.toml").unlink()
    (folder / "calibration").mkdir()
    write_cameras(folder / "calibration" / "cameras.json", [camera(i) for i in range(5)], source="test")
    assert len(import_recording(folder, take / "a").streams) == 3  # cameras without a video are left out
    (folder / "videos").mkdir()
    for path in list(folder.glob("*.mp4")):
        path.rename(folder / "videos" / path.name)
    assert len(import_recording(folder, take / "b").streams) == 3
    assert len(import_recording(folder / "videos", take / "c").streams) == 3
    one = import_recording(folder / "videos" / "cam01.mp4", take / "d", folder / "calibration" / "cameras.json")
    assert list(one.streams) == ["cam01/color"]


def test_trimming_keeps_the_files_and_hides_the_rest(take, video):
    (take / "take" / "cam01.mp4").unlink()
    video.write(take / "take" / "cam01.mp4", frames=FRAMES - 5)
    with pytest.raises(
        CaptureError, match=r"different lengths \(cam00 12, cam01 7, cam02 12 frames\).*--trim-to-shortest"
    ):
        import_recording(take / "take", take / "s")
    session = import_recording(take / "take", take / "s", trim_to_shortest=True)
    assert {s.frames for s in session.streams.values()} == {FRAMES - 5}
    assert len(session.timestamps_us("cam00/color")[0]) == FRAMES - 5
    with pytest.raises(CaptureError, match="has 7 frames"):
        session.frame("cam00/color", 7)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, v: (t / "calibration.toml").unlink(), "no calibration beside .*--calibration FILE"),
        (lambda t, v: v.write(t / "cam07.mp4"), "has no camera 'cam07' for the video cam07.mp4; it has cam00, "),
        (lambda t, v: v.write(t / "cam01.avi", codec="mjpeg"), "both of camera 'cam01'"),
        (lambda t, v: v.write(t / "cam01.mp4", frames=FRAMES, rate=25), r"frame rates \(cam00 30.00, cam01 25.00"),
        (lambda t, v: cut(t / "cam02.mp4"), r"cam02.mp4 (cannot be read|is truncated)"),
        (lambda t, v: cut(t / "calibration.toml"), "calibration.toml"),
        (lambda t, v: write_aniposelib(t / "calib2.toml", [camera(0)]), "several calibrations"),
        (lambda t, v: v.write(t / "cam00.mp4", frames=FRAMES, size=(60, 48)),
         "'cam00/color': the video is 60x48, the calibration 64x48; .*--size-mismatch crop .*scale .*fit"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_leaves_nothing(take, video, change, message):
    change(take / "take", video)
    with pytest.raises((CaptureError, GeometryError), match=message):
        import_recording(take / "take", take / "s")
    assert [p.name for p in take.iterdir()] == ["take"]


def test_truncated_videos_without_an_index(take, video):
    """An .avi can be cut anywhere and still opens; its length gives it away."""
    for index in range(3):
        (take / "take" / f"cam{index:02d}.mp4").unlink()
        video.write(take / "take" / f"cam{index:02d}.avi", frames=FRAMES, codec="mjpeg")
    cut(take / "take" / "cam01.avi")
    with pytest.raises(CaptureError, match=r"cam01.avi is truncated|different lengths"):
        import_recording(take / "take", take / "s")


def test_targets_and_sources(take):
    (take / "full").mkdir()
    (take / "full" / "notes.txt").write_text("keep me")
    with pytest.raises(CaptureError, match="exists and is not empty"):
        import_recording(take / "take", take / "full")
    assert (take / "full" / "notes.txt").read_text() == "keep me"
    (take / "empty").mkdir()
    with pytest.raises(CaptureError, match="empty is empty"):
        import_recording(take / "empty", take / "s")
    with pytest.raises(CaptureError, match="there is nothing at"):
        import_recording(take / "nowhere", take / "s")
    with pytest.raises(CaptureError, match=r"calibration .*gone\.toml is missing"):
        import_recording(take / "take", take / "s", take / "gone.toml")
    with pytest.raises(CaptureError, match="not a recording that can be imported"):
        import_recording(take / "full" / "notes.txt", take / "s")
    assert len(import_recording(take / "take", take / "empty").streams) == 3  # an empty folder may be filled


def test_a_failing_copy_leaves_nothing(take, monkeypatch):
    monkeypatch.setattr("capture.importers.videos._copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        import_recording(take / "take", take / "s")
    assert [p.name for p in take.iterdir()] == ["take"]


POINTS = np.random.default_rng(0).uniform(-0.6, 0.6, (50, 3)) + [0, 0, 0.2]


def edges(q):
    """Pixel coordinates from the picture's edge instead of the first pixel's centre."""
    return q + 0.5


def test_what_was_done_to_the_picture_is_done_to_the_camera():
    whole = camera(0, width=64, height=48)
    q = edges(whole.project(POINTS))
    crop = camera_of_size(whole, 50, 48, "crop", (8, 0))
    np.testing.assert_allclose(edges(crop.project(POINTS)), q - [8, 0], atol=1e-9)
    scale = camera_of_size(whole, 32, 36, "scale")
    np.testing.assert_allclose(edges(scale.project(POINTS)), q * [0.5, 0.75], atol=1e-9)
    fit = camera_of_size(whole, 32, 48, "fit")  # half the size, 24 rows high, 12 rows of bar above and below
    np.testing.assert_allclose(edges(fit.project(POINTS)), q * 0.5 + [0, 12], atol=1e-9)
    for policy in ("refuse", "crop", "scale", "fit"):
        assert camera_of_size(whole, 64, 48, policy) is whole
    with pytest.raises(CaptureError, match="reaches beyond"):
        camera_of_size(whole, 60, 48, "crop", (8, 0))


def test_the_treatment_is_written_down(take, video):
    video.write(take / "take" / "cam01.mp4", frames=FRAMES, size=(32, 48))
    session = import_recording(take / "take", take / "s", size_mismatch="fit")
    assert "scaled evenly" in session.devices["cam01"].note
    assert session.devices["cam00"].note == ""
    assert (
        "cam01: calibrated at 64x48, video 32x48" in read_camera_file(session.path("recording", "cameras.json")).source
    )
    np.testing.assert_allclose(session.recorded_cameras()["cam01/color"].K[0, 0], 30)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_real_four_camera_recording(real_data, tmp_path):
    """cam01 and cam02 were scaled by 1080/1088 and have bars of 7 rows above and below (measured against the scene
    images of the calibration: 751 and 1381 matched features, mean residual of that transform below 0.04 px)."""
    root = real_data / "multicam_person_pose2sim" / "Demo_SinglePerson"
    if not root.exists():
        pytest.skip(f"needs {root}")
    with pytest.raises(CaptureError, match="the video is 1080x1920, the calibration 1088x1920"):
        import_recording(root, tmp_path / "s")
    session = import_recording(root, tmp_path / "s", size_mismatch="fit")
    assert {(s.frames, s.height, s.rate_hz) for s in session.streams.values()} == {(100, 1920, 60.0)}
    for name, width in (("cam01", 1080), ("cam02", 1080), ("cam03", 1088), ("cam04", 1088)):
        assert session.streams[f"{name}/color"].width == width
        image = session.frame(f"{name}/color", 57).payload
        assert image.shape == (1920, width, 3)
        bars = np.r_[image[:6].ravel(), image[-6:].ravel()]
        assert (bars.mean() < 10) == (width == 1080)
    assert len(session_frame_sets(session).instants) == 100
    cameras = session.recorded_cameras()
    assert all(c.center[2] > 0.5 for c in cameras.values())  # tripods higher than the deck of the treadmill, z = 0
    assert all(c.T_world_camera[2, 1] < -0.8 for c in cameras.values())  # down in the picture is down, tilted up to 35°
    # Reference intrinsics of Qualisys: cam03 as calibrated; cam01 scaled by 1080/1088.
    assert cameras["cam03/color"].K[0, 0] == pytest.approx(1681.6, abs=0.06)
    assert cameras["cam01/color"].K[0, 0] == pytest.approx(1681.2 * 1080 / 1088, abs=0.06)
    assert cameras["cam01/color"].K[1, 2] == pytest.approx((948.1 + 0.5) * 1080 / 1088 + 7.06 - 0.5, abs=0.06)
    assert Session.open(tmp_path / "s").devices["cam01"].note
