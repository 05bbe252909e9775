"""Where a picture's focal length is known from: the session, the user, the file, or the people in it."""

from hps.rgb.field_of_view.exif import ExifReading, read_exif
from hps.rgb.field_of_view.field_of_view import FieldOfView, given, supposed
from hps.rgb.field_of_view.people import focal_from_people
from hps.rgb.field_of_view.video_metadata import video_field_of_view

__all__ = [
    "ExifReading",
    "FieldOfView",
    "focal_from_people",
    "given",
    "read_exif",
    "supposed",
    "video_field_of_view",
]
