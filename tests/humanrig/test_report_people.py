"""The report shows everybody: each in a colour over the pictures, and with a line of the table."""

import numpy as np
import pytest
from export_take import INSTANTS
from shown_people_take import STREAMS, shown_take

from body.loading import OPEN_BODY
from capture.session import Session
from humanrig.report.overlay import draw_body, montage
from humanrig.report.people import COLORS, shown_people
from humanrig.report.pictures import overlay_sheet

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    return shown_take(tmp_path_factory.mktemp("takes") / "take")


def test_the_table_has_everybody(take) -> None:
    first, second = (person.row() for person in shown_people(take))
    assert (first["name"], first["frames"], first["flagged"]) == ("person00", 2, 0)
    assert (second["name"], second["frames"], second["flagged"]) == ("person01", 1, 1)
    assert (first["keypoints"], first["surface"], first["sigma"]) == ("3.5 px", "2.0 mm", "–")
    assert (second["surface"], second["sigma"], second["coverage"]) == ("–", "4.2 mm", "80%")
    assert first["color"] != second["color"]


def test_a_person_who_came_later_is_shown_from_then_on(take) -> None:
    everybody = shown_people(take)
    assert everybody[1].body(INSTANTS[0]) is None
    assert everybody[1].body(INSTANTS[1]) is not None
    told = []
    sheet = overlay_sheet(take, everybody, list(INSTANTS), 120, lambda *done: told.append(done))
    assert told[-1] == (4, 4)
    assert sheet.shape[0] == 2 * 120 + 4


def test_bodies_have_their_own_colors(take) -> None:
    person = shown_people(take)[1]
    camera, mesh = take.cameras()[STREAMS[0]], person.body(INSTANTS[1])
    assert mesh is not None
    picture = np.full((camera.height, camera.width, 3), 128, np.uint8)
    drawn = draw_body(picture, camera, mesh, np.array(person.color, np.float64))
    changed = (drawn != picture).any(-1)
    assert changed.sum() > 50
    blue, red = drawn[changed][:, 2].astype(int), drawn[changed][:, 0].astype(int)
    assert person.color == COLORS[1]
    assert (blue > red).all()


def test_pictures_of_one_camera_stand_below_each_other() -> None:
    narrow, wide = np.zeros((10, 6, 3), np.uint8), np.full((10, 20, 3), 50, np.uint8)
    sheet = montage([[narrow, wide], [wide, narrow]], gap=2)
    assert sheet.shape == (22, 42, 3)
    assert (sheet[:10, 22:] == 50).all()
    assert (sheet[12:, :20] == 50).all()
    assert (sheet[:10, 6:22] == 255).all()
    assert (sheet[12:, 22:28] == 0).all()
