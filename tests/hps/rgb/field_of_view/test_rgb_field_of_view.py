"""Fields of view: from EXIF written here, tag by tag; from angles; from metadata; from people whose camera is known."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from hps.errors import HpsError
from hps.rgb.field_of_view import given, read_exif, supposed, video_field_of_view
from hps.rgb.field_of_view.people import pooled

ORIENTATION, EXIF_IFD, GPS_IFD = 0x0112, 0x8769, 0x8825
FOCAL, FOCAL_35MM, PLANE_X, PLANE_UNIT, ZOOM, WIDE, HIGH = 0x920A, 0xA405, 0xA20E, 0xA210, 0xA404, 0xA002, 0xA003


def picture(size=(400, 300), orientation=None, gps=None, **tags) -> io.BytesIO:
    """A JPEG whose EXIF has these tags: `t920a` for tag 0x920A."""
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    own = exif.get_ifd(EXIF_IFD)
    for name, value in tags.items():
        own[int(name[1:], 16)] = value
    if gps is not None:
        exif.get_ifd(GPS_IFD).update(gps)
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "JPEG", exif=exif)
    out.seek(0)
    return out


def test_a_focal_length_as_of_film_sees_the_same_angle_along_the_diagonal():
    field = read_exif(picture(ta405=26)).field_of_view
    # film: 36 x 24 mm; the picture's diagonal has 500 pixels
    film_angle = np.arctan(np.hypot(36, 24) / 2 / 26)
    assert np.isclose(np.arctan(250 / field.focal_px), film_angle, rtol=1e-12)
    assert field.known
    assert 0 < field.sigma < 0.1


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_picture_has_its_sides_exchanged_and_the_same_focal_length(orientation):
    reading = read_exif(picture(orientation=orientation, ta405=26))
    field = reading.field_of_view
    assert reading.orientation == orientation
    assert (field.width, field.height) == ((400, 300) if orientation < 5 else (300, 400))
    assert np.isclose(field.focal_px, read_exif(picture(ta405=26)).field_of_view.focal_px)
    assert np.allclose(field.K[:2, 2], [(field.width - 1) / 2, (field.height - 1) / 2])


@pytest.mark.parametrize(("unit", "dense"), [(2, 25.4 * 200), (3, 2000.0), (4, 200.0), (5, 0.2)])
def test_millimetres_on_a_sensor_whose_pixels_are_known(unit, dense):
    # 200 pixels a millimetre, 4.25 mm: 850 px
    tags = {"t920a": 4.25, "ta20e": IFDRational(Fraction(dense).limit_denominator(10**6)), "ta210": unit}
    assert np.isclose(read_exif(picture(**tags)).field_of_view.focal_px, 850, rtol=1e-5)


def test_a_picture_made_smaller_keeps_its_angle():
    tags = {"t920a": 4.25, "ta20e": 200.0, "ta210": 4}
    small = read_exif(picture((200, 150), ta002=400, ta003=300, **tags)).field_of_view
    assert np.isclose(small.focal_px, 425, rtol=1e-5)


def test_a_cropped_picture_is_not_believed():
    reading = read_exif(picture((300, 300), ta405=26, ta002=400, ta003=300))
    assert reading.field_of_view is None
    assert "cropped" in reading.note
    # turned sides are no crop
    assert read_exif(picture((300, 400), ta405=26, ta002=400, ta003=300)).field_of_view is not None


@pytest.mark.parametrize(
    "tags",
    [{}, {"ta405": 0}, {"ta405": 65535}, {"t920a": 4.25}, {"t920a": IFDRational(0, 0), "ta20e": 200.0}, {"ta20e": 9.0}],
)
def test_exif_that_does_not_tell_says_why(tags):
    reading = read_exif(picture(**tags))
    assert reading.field_of_view is None
    assert reading.note.startswith("its EXIF")


def test_digital_zoom_makes_it_less_sure():
    plain, zoomed = (read_exif(picture(ta405=26, ta404=IFDRational(z, 10))).field_of_view for z in (10, 20))
    assert zoomed.sigma > 3 * plain.sigma


def test_where_a_picture_was_taken_is_never_read(monkeypatch):
    asked = []
    own = Image.Exif.get_ifd
    monkeypatch.setattr(Image.Exif, "get_ifd", lambda self, tag: asked.append(int(tag)) or own(self, tag))
    data = picture(gps={1: "N", 2: (48.0, 1.0, 2.0)}, ta405=26)
    asked.clear()
    assert read_exif(data).field_of_view is not None
    assert asked == [EXIF_IFD]


def test_a_picture_without_exif_and_a_file_that_is_none():
    out = io.BytesIO()
    Image.new("L", (20, 10)).save(out, "PNG")
    reading = read_exif(io.BytesIO(out.getvalue()))
    assert reading.orientation == 1
    assert reading.field_of_view is None
    for wrong in (b"", b"not a picture", out.getvalue()[:20]):
        with pytest.raises(HpsError, match="not a picture"):
            read_exif(io.BytesIO(wrong))
    with pytest.raises(HpsError, match="nowhere"):
        read_exif("nowhere.jpg")


def test_damaged_exif_is_never_more_than_one_sentence():
    data = bytearray(picture(orientation=6, ta405=26, t920a=4.25).getvalue())
    rng = np.random.default_rng(1)
    start, told = data.index(b"Exif"), set()
    for _ in range(150):
        wrong = bytearray(data)
        for at in rng.integers(start, start + 120, 3):
            wrong[at] = rng.integers(256)
        try:
            reading = read_exif(io.BytesIO(bytes(wrong)))
        except HpsError:
            continue
        assert 1 <= reading.orientation <= 8
        assert reading.field_of_view is None or reading.field_of_view.focal_px > 0
        told.add(reading.note)
    assert "its EXIF is damaged" in told


def test_degrees_are_upright():
    field = given(60.0, 1920, 1080)
    assert np.isclose(field.vertical_deg, 60)
    assert field.horizontal_deg > 90
    assert "60.0° upright), given" in field.told()
    with pytest.raises(HpsError, match="1 to 170"):
        given(200.0, 1920, 1080)


def test_what_is_supposed_says_so():
    field = supposed(4000, 3000, "its EXIF does not tell a focal length")
    assert not field.known
    assert field.sigma >= 0.25
    assert "supposed: its EXIF" in field.told()


def test_phones_write_focal_lengths_into_videos():
    key = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
    field = video_field_of_view(1080, 1920, {"encoder": "x"}, {key: "26.00mm"})
    assert np.isclose(field.focal_px, 26 / np.hypot(36, 24) * np.hypot(1080, 1920))
    assert video_field_of_view(1080, 1920, {key: "broken"}, {}) is None
    assert video_field_of_view(1080, 1920, {key: "0"}) is None


def test_pooling_is_the_product_of_gaussians():
    # two looks at a zoom of 0.2 with sigmas 0.1 and 0.3 beside a prior of 0.25, drawn without noise
    prior, own = 0.25, np.array([0.1, 0.3])
    posterior = 1 / np.sqrt(1 / own**2 + 1 / prior**2)
    zoom = 0.2 * posterior**2 / own**2
    mean, sigma = pooled(zoom, posterior, prior, spread=1.0)
    total = (1 / own**2).sum() + 1 / prior**2
    assert np.isclose(sigma, 1 / np.sqrt(total))
    assert np.isclose(mean, 0.2 * (1 / own**2).sum() / total)
    # fits that say nothing leave the prior
    assert np.allclose(pooled(np.zeros(3), np.full(3, prior), prior), (0, prior), atol=1e-6)
    # those that contradict each other are less sure than one of them
    assert pooled(np.array([-0.2, 0.2]), np.full(2, 0.05), prior, spread=1.0)[1] > 0.1
