"""Detections of a whole stream: people numbered along it, masks kept small, and a cache that knows when it is stale."""

from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from registration.errors import RegistrationError
from registration.keypoints import detections
from registration.keypoints.detections import detect_stream, detections_of, detections_of_streams, load, save
from registration.keypoints.detector import Person2D, PersonMask
from registration.keypoints.sets import BLAZEPOSE


class Bright:
    """Sees one person where the image is red and another where it is blue; follows whom it saw before."""

    keypoints = BLAZEPOSE

    def __init__(self, fingerprint="bright"):
        self.fingerprint = fingerprint
        self.calls = []

    def detect(self, image, previous=(), search=True):
        self.calls.append((len(previous), search))
        level = image.reshape(-1, 3).mean(0)
        people = []
        for channel in (0, 2):
            if level[channel] > 50:
                known = [p.track for p in previous if p.follow == channel]
                crop = np.zeros((16, 16), np.uint8)
                crop[4:12, 6:10] = 200 + channel
                A = np.array([[2.0, 0, 5], [0, 2.0, 3]])
                people.append(
                    Person2D(
                        q=np.full((33, 2), level[channel]),
                        visibility=np.full(33, 0.5),
                        score=0.9,
                        pixel_size=2.0,
                        track=known[0] if known else -1,
                        mask=PersonMask(crop=crop, A_image_crop=A) if channel == 0 else None,
                        follow=channel,
                    )
                )
        return people


def pictures():
    """Nobody, red, red and blue, blue, nobody, red."""
    levels = [(0, 0, 0), (100, 0, 0), (100, 0, 120), (0, 0, 120), (0, 0, 0), (90, 0, 0)]
    return [np.full((40, 48, 3), level, np.uint8) for level in levels]


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "take"
    streams = []
    with McapWriter(folder / "recording/rig.mcap") as writer:
        for device in ("a", "b"):
            writer.add_stream(f"/{device}/color", "jpeg")
            for i, picture in enumerate(pictures()):
                data = simplejpeg.encode_jpeg(picture, quality=95)
                writer.write(f"/{device}/color", data, device_us=i, host_us=i)
            streams.append(
                StreamInfo(
                    name=f"{device}/color",
                    kind="color",
                    file="recording/rig.mcap",
                    topic=f"/{device}/color",
                    encoding="jpeg",
                    frames=6,
                    width=48,
                    height=40,
                )
            )
    streams.append(
        StreamInfo(name="a/imu", kind="imu", file="recording/rig.mcap", encoding="json", frames=0, topic="/x")
    )
    return Session.create(folder, origin="test", streams=streams)


def test_people_are_numbered_along_the_stream():
    seen = []
    found = detect_stream(pictures(), Bright(), stream="a/color", search_every=4, on_image=seen.append)
    assert found.q.shape == (6, 2, 33, 2)
    np.testing.assert_array_equal(found.track, [[-1, -1], [0, -1], [0, 1], [1, -1], [-1, -1], [2, -1]])
    np.testing.assert_array_equal(np.isfinite(found.q[:, :, 0, 0]), found.track >= 0)
    assert found.q[2, 1, 0, 0] == 120
    assert seen == [1, 2, 3, 4, 5, 6]


def test_the_whole_image_is_searched_every_nth_time():
    detector = Bright()
    detect_stream(pictures(), detector, search_every=4)
    assert [search for _, search in detector.calls] == [True, False, False, False, True, False]
    assert [people for people, _ in detector.calls] == [0, 0, 1, 2, 1, 0]


def test_masks_come_back_where_they_were():
    found = detect_stream(pictures(), Bright())
    assert found.mask(0, 0) is None
    assert found.mask(2, 1) is None
    mask = found.mask(2, 0)
    image = mask.image(48, 40)
    rows, columns = np.nonzero(image > 0.5)
    # crop columns 6 to 9 lie at 2 u + 5 = 17 to 23, rows 4 to 11 at 2 u + 3 = 11 to 25
    assert (columns.min(), columns.max()) == (17, 23)
    assert (rows.min(), rows.max()) == (11, 25)
    changed = found.mask_bytes.copy()
    changed[found.mask_start[2, 0] + 20] ^= 1
    with pytest.raises(RegistrationError, match="image 2, is damaged"):
        replace(found, mask_bytes=changed).mask(2, 0)
    assert image[18, 20] == pytest.approx(200 / 255, abs=1e-3)


def test_saved_and_loaded_are_equal(tmp_path):
    found = detect_stream(pictures(), Bright(), stream="a/color", indices=range(10, 16))
    save(found, tmp_path / "x.npz")
    again = load(tmp_path / "x.npz")
    assert again.stream == "a/color"
    for name, value in vars(found).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert load(tmp_path / "y.npz") is None
    data = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(data[: len(data) // 2])
    assert load(tmp_path / "x.npz") is None


def test_the_cache_is_used_until_something_changes(session):
    first = Bright()
    found = detections_of(session, "a/color", first, [1, 2, 5])
    assert len(first.calls) == 3
    np.testing.assert_array_equal(found.indices, [1, 2, 5])
    progress = []
    again = Bright()
    same = detections_of(session, "a/color", again, [1, 2, 5], lambda *done: progress.append(done))
    assert again.calls == []
    assert progress == [(3, 3)]
    np.testing.assert_array_equal(same.q, found.q)
    for detector, indices in ((Bright("other weights"), [1, 2, 5]), (Bright(), [1, 2])):
        detections_of(session, "a/color", detector, indices)
        assert len(detector.calls) == len(indices)
    for path in session.path("cache", "detections").iterdir():
        path.write_bytes(b"torn")
    damaged = Bright()
    detections_of(session, "a/color", damaged, [1, 2, 5])
    assert len(damaged.calls) == 3


def test_long_streams_are_searched_in_parts_that_are_kept_one_by_one(session, monkeypatch):
    monkeypatch.setattr(detections, "PART", 4)
    monkeypatch.setattr(detections, "LEAD", 1)
    frames = [0, 1, 2, 3, 4, 5]
    detector, progress = Bright(), []
    whole = detections_of(session, "a/color", detector, frames, lambda *done: progress.append(done))
    assert [search for _, search in detector.calls] == [True, False, False, False, True, True, False]
    assert [people for people, _ in detector.calls] == [0, 0, 1, 2, 0, 1, 0]  # who is in frame 3 is followed into 4
    assert progress == [(n, 6) for n in range(1, 7)]
    images = [frame.payload for frame in session.frames("a/color", frames)]
    first = detect_stream(images[:4], Bright(), stream="a/color")
    second = detect_stream(images[3:], Bright(), stream="a/color", before=1)
    assert len(second) == 2
    assert (first.q.shape[1], second.q.shape[1]) == (2, 1)
    for n in range(6):
        part, m = (first, n) if n < 4 else (second, n - 4)
        people = part.q.shape[1]
        for name in ("q", "visibility", "score", "pixel_size", "A_image_crop"):
            np.testing.assert_array_equal(getattr(whole, name)[n, :people], getattr(part, name)[m], name)
        assert np.isnan(whole.q[n, people:]).all()
        assert (whole.track[n, people:] == -1).all()
        for person in range(people):
            mask, own = whole.mask(n, person), part.mask(m, person)
            assert (mask is None) == (own is None)
            if mask is not None and own is not None:
                np.testing.assert_array_equal(mask.crop, own.crop)
        if people < whole.q.shape[1]:
            assert whole.mask(n, people) is None
    tracks = set(whole.track[:4][whole.track[:4] >= 0]), set(whole.track[4:][whole.track[4:] >= 0])
    assert not tracks[0] & tracks[1]  # a number of one part is none of another
    sorted(session.path("cache", "detections").iterdir())[0].unlink()
    again = Bright()
    same = detections_of(session, "a/color", again, frames)
    assert len(again.calls) in (3, 4)  # one part alone
    for name, value in vars(whole).items():
        np.testing.assert_array_equal(getattr(same, name), value, name)


def test_several_streams_at_a_time(session):
    progress = []
    found = detections_of_streams(
        session, {"a/color": range(6), "b/color": [0, 2]}, Bright, 2, lambda *done: progress.append(done)
    )
    assert {stream: len(d) for stream, d in found.items()} == {"a/color": 6, "b/color": 2}
    assert max(progress) == (8, 8)


def test_only_colour_streams_have_keypoints(session):
    with pytest.raises(RegistrationError, match="a/imu is a imu stream"):
        detections_of(session, "a/imu", Bright())
