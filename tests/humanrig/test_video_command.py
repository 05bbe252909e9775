"""Films of a session: what is in them, how long they are, that players open them, and that none is ever half there."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from export_take import INSTANTS, build_take

from body.loading import OPEN_BODY
from capture.frame_sets import write_instants
from capture.session import Session
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rigid import look_at
from humanrig import manifest
from humanrig.cli import main
from humanrig.commands.video import MOST_RATE_HZ, rate_of
from humanrig.errors import HumanrigError
from humanrig.manifest import Manifest
from humanrig.results import Results
from humanrig.video import turntable as turntable_module
from humanrig.video.drawing import draw_figures
from humanrig.video.figures import Cast, Figure, has_surfaces, read_texture
from humanrig.video.floor import floor_picture, shadow_of
from humanrig.video.overlay import EMPTY, chosen, overlay
from humanrig.video.turntable import there_and_back, turntable

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
RED = (250, 20, 20)


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        return build_take(tmp_path_factory.mktemp("takes") / "take")


def square(z: float, half: float = 0.5, x: float = 0.0) -> TriangleMesh:
    """Facing up, at a height."""
    corners = np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]]) + [x, 0, 0]
    return TriangleMesh(vertices=corners, faces=np.array([[0, 1, 2], [0, 2, 3]]))


def above(width: int = 80, height: int = 60) -> Camera:
    """Looks down from four metres; a metre on the floor is 20 pixels."""
    K = np.array([[80.0, 0, width / 2 - 0.5], [0, 80, height / 2 - 0.5], [0, 0, 1]])
    T = look_at(np.array([0.0, 0, 4]), np.zeros(3), (0.0, 1.0, 0.0))
    return Camera(name="above", K=K, width=width, height=height, T_world_camera=T)


def films(path: Path) -> tuple[list[np.ndarray], av.VideoStream]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], stream


def test_a_clip_goes_forth_and_back_in_real_time() -> None:
    times = np.array([0.0, 0.1, 0.2, 0.3])
    assert there_and_back(times, 10.0, 0.6) == [0, 1, 2, 3, 2, 1]
    assert there_and_back(times, 10.0, 0.7) == [0, 1, 2, 3, 2, 1] * 2, "whole ways only: it ends where it begins"
    assert there_and_back(times, 20.0, 0.3) == [0, 0, 1, 1, 2, 2], "the nearest instant, of two the earlier"
    assert there_and_back(np.zeros(1), 10.0, 0.5) == [0] * 5
    long = np.arange(100) / 10
    assert there_and_back(long, 10.0, 8.0) == list(range(99)), "a clip longer than a turn is played once"


def test_a_figure_is_drawn_where_it_is_and_the_nearer_one_wins() -> None:
    blank = np.full((60, 80, 3), 200, np.uint8)
    low = Figure(person="person00", color=RED, mesh=square(0.0))
    high = Figure(person="person01", color=(20, 20, 250), mesh=square(1.0, half=0.25))
    for figures in ((low, high), (high, low)):
        picture = draw_figures(blank, above(), figures).astype(int)
        assert picture[30, 40].argmax() == 2, "the higher one covers the lower"
        assert picture[30, 48].argmax() == 0
        assert (picture[30, 55] == 200).all()
    edge = draw_figures(blank, above(), [replace(low, mesh=square(0.0, half=0.52))]).astype(int)
    assert (edge[30, 50] != 200).any(), "a pixel that is covered in part is mixed"
    assert edge[30, 50, 1] > edge[30, 45, 1]
    behind = Figure(person="person00", color=RED, mesh=square(9.0))
    assert (draw_figures(blank, above(), [behind]) == blank).all()
    assert draw_figures(blank, above(), []) is blank


def test_a_texture_is_seen_the_right_way_up() -> None:
    texture = np.zeros((40, 40, 3), np.uint8)
    texture[:20] = (0, 200, 0)  # rows at the top are v near 1
    texture[20:] = (200, 0, 0)
    flat = square(0.0)
    uv = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    mesh = replace(flat, uv=uv, uv_faces=flat.faces, texture=texture)
    picture = draw_figures(np.zeros((60, 80, 3), np.uint8), above(), [Figure(person="a", color=RED, mesh=mesh)])
    assert picture[24, 40].argmax() == 1, "y up is up in the picture, and there is v = 1"
    assert picture[35, 40].argmax() == 0


def test_the_floor_has_lines_at_metres_and_the_shadow_beside_the_figure() -> None:
    near = above().resized(640, 480)  # 160 pixels a metre, so that lines of 12 mm are two pixels
    nobody = floor_picture(near, shadow_of([], 0.0), np.zeros(2), 9.0, 0.0).astype(int)
    row = nobody[200, :, 0]
    assert np.flatnonzero(row < row.max() - 10).tolist() == [0, 159, 160, 319, 320, 479, 480, 639]
    raised = Figure(person="person00", color=RED, mesh=square(1.0, half=0.4))
    dark = floor_picture(near, shadow_of([raised], 0.0), np.zeros(2), 9.0, 0.0).astype(int)
    changed = np.argwhere((nobody - dark).max(-1) > 20)
    down, right = changed.mean(0) - [239.5, 319.5]
    # light from (0.35, 0.25, 0.9): a metre up is 0.39 m in -x and 0.28 m in -y; 160 pixels a metre, within a cell
    np.testing.assert_allclose([right, down], [-160 * 0.35 / 0.9, 160 * 0.25 / 0.9], atol=1.0)
    lower = floor_picture(near, shadow_of([], -1.0), np.zeros(2), 9.0, -1.0)[200, :, 0].astype(int)
    away = np.flatnonzero(lower < lower.max() - 10) - 319.5
    assert away[(away > 60) & (away < 200)].mean() == pytest.approx(128, abs=1.0), "x = 1, five metres from the eye"


def test_a_turntable_keeps_everybody_in_the_picture(take) -> None:
    cast = Cast(take, "body")
    film = turntable(cast, INSTANTS, 96, 64, 30.0, 0.4)
    assert len(film) == len(film.instants) == 14, "2 ways of 1/30 s, as often as 0.4 s take"
    centers = np.array([camera.center for camera in film.cameras])
    around = np.unwrap(np.arctan2(*(centers - film.centers).T[1::-1]))
    assert around[-1] - around[0] == pytest.approx(2 * np.pi * 13 / 14)
    for instant, camera in zip(film.instants, film.cameras, strict=True):
        q = camera.project(cast.at(instant)[0].mesh.vertices)
        assert ((q > 0) & (q < [95, 63])).all()
    pictures = list(islice(film.pictures(), 8))
    assert {picture.shape for picture in pictures} == {(64, 96, 3)}
    assert np.abs(pictures[0].astype(int) - pictures[7]).max() > 60


def test_the_floor_is_where_people_stand(take) -> None:
    cast = Cast(take, "body")
    lowest = min(cast.at(i)[0].mesh.vertices[:, 2].min() for i in INSTANTS)
    found = turntable_module.floor_below(cast, list(INSTANTS))
    assert found == (0.0 if abs(lowest) < turntable_module.NEAR_FLOOR_M else pytest.approx(lowest))


def test_an_overlay_is_played_by_everybody(take, tmp_path, capsys) -> None:
    path = tmp_path / "films" / "o.mp4"
    assert main(["video", str(take.folder), "--kind", "overlay", "--size", "160x120", "--out", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    pictures, stream = films(path)
    assert len(pictures) == 2
    assert stream.codec_context.name == "h264"
    assert stream.codec_context.pix_fmt == "yuv420p"
    assert float(stream.average_rate) == pytest.approx(30, abs=0.01)
    assert pictures[0].shape == (120, 80, 3), "two pictures of 4 to 3 below one another are largest"
    assert [p.name for p in path.parent.iterdir()] == ["o.mp4"]


def test_an_overlay_s_bodies_are_over_the_body(take) -> None:
    cast = Cast(take, "body")
    film = overlay(take, cast, [INSTANTS[1]], ["kinect_001"], 256, 192)
    camera, (picture,) = film.cells[0], film.pictures()
    plain = take.frame("kinect_001/color", 1).payload
    q = camera.project(cast.at(INSTANTS[1])[0].mesh.vertices)
    inside = np.rint(q[(q > 30).all(1) & (q < [250, 160]).all(1)]).astype(int)
    levels = picture[inside[:, 1], inside[:, 0]].astype(int)
    assert len(inside) > 100
    background = np.asarray(plain)[inside[:, 1] // 4, inside[:, 0] // 4].astype(int)
    assert np.median(np.abs(levels - background).max(-1)) > 20


def test_a_camera_without_a_picture_says_so(take, tmp_path) -> None:
    session = build_take(tmp_path / "take")
    hole = [replace(i, index=i.index | {"kinect_000/color": -1}) for i in session.instants()]
    write_instants(session.path("sync", "frames.parquet"), hole)
    film = overlay(session, Cast(session, "body"), list(INSTANTS), (), 256, 384)
    picture = next(iter(film.pictures()))
    first, second = picture[:192], picture[192:]
    assert (film.columns, first.shape) == (1, second.shape)
    assert (first[60:150] == EMPTY).mean() > 0.99
    assert (second[60:150] == EMPTY).mean() < 0.5


def test_people_wear_their_surfaces_with_texture(take, tmp_path) -> None:
    session = build_take(tmp_path / "take")
    assert not has_surfaces(session), "no manifest says that they were made from these bodies"
    for stage, folder, inputs in (("register", "body", {}), ("mesh", "mesh", {})):
        if stage == "mesh":
            body = manifest.read(session.path("body"))
            assert body is not None
            inputs = {"register": body.digest}
        made = Manifest(
            stage=stage, code="", inputs=inputs, config={}, instants=[], without=[],
            outputs={"person00.npz": [1, stage]}, seconds=0.0, started="",
        )  # fmt: skip
        manifest.write(made, session.path(folder))
    assert has_surfaces(session)
    (figure,) = Cast(session, "surface").at(INSTANTS[1])
    assert figure.mesh.texture is not None
    wanted = Results(session).surface(INSTANTS[1])
    np.testing.assert_array_equal(figure.mesh.vertices, wanted.vertices)
    (bare,) = Cast(session, "body").at(INSTANTS[1])
    assert bare.mesh.texture is None


def test_a_damaged_texture_is_a_sentence(tmp_path) -> None:
    (tmp_path / "segment_000.jpg").write_bytes(b"no picture")
    with pytest.raises(HumanrigError, match=r"segment_000\.jpg is damaged"):
        read_texture(tmp_path / "segment_000.jpg")


def test_the_rate_is_that_of_the_instants() -> None:
    assert rate_of([0.0, 0.1, 0.2]) == pytest.approx(10)
    assert rate_of([0.0]) == rate_of([5.0, 5.0]) == rate_of([0.0, 0.01]) == MOST_RATE_HZ


def test_cameras_are_named_as_streams_or_devices(take) -> None:
    assert [c.name for c in chosen(take, ())] == ["kinect_000/color", "kinect_001/color"]
    assert [c.name for c in chosen(take, ("kinect_001",))] == ["kinect_001/color"]
    with pytest.raises(HumanrigError, match="--camera kinect_009"):
        chosen(take, ("kinect_009",))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--size", "1280"), "WIDTHxHEIGHT"),
        (("--size", "127x80"), "must be even"),
        (("--size", "99999x80"), "must be even and from"),
        (("--fps", "0"), "--fps 0"),
        (("--camera", "kinect_000"), "add --kind overlay"),
        (("--turn", "0"), "--turn 0"),
        (("--out", "film.avi"), "something.mp4"),
        (("--frames", "90:99"), "has bodies at 4:6"),
        (("--shown", "surface"), "no surfaces of person00"),
    ],
)
def test_what_is_asked_wrongly_is_a_sentence(take, capfd, words, said) -> None:
    assert main(["video", str(take.folder), *words]) == 1
    assert said in capfd.readouterr().err.replace("\n", " ")


def test_a_film_that_ended_early_is_not_there(take, tmp_path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    path = tmp_path / "t.mp4"
    path.write_bytes(b"the one before")
    (tmp_path / "t.part.mp4").write_bytes(b"left by a run that was killed")
    asked = []

    def failing(*arguments):
        asked.append(arguments)
        if len(asked) == 3:
            raise OSError(28, "No space left on device")
        return draw_figures(*arguments)

    monkeypatch.setattr("humanrig.video.turntable.draw_figures", failing)
    words = ["video", str(take.folder), "--size", "64x64", "--turn", "0.5", "--out", str(path)]
    assert main(words) == 1
    assert "the disk is full" in capfd.readouterr().err
    assert path.read_bytes() == b"the one before"
    assert [p.name for p in tmp_path.iterdir()] == ["t.mp4"]
