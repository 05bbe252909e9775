"""What the viewer draws: colours that are the distances, and sentences for what cannot be drawn."""

from __future__ import annotations

import json
import struct
import threading
import time

import numpy as np
import pytest

pytest.importorskip("viser")

from viewed_session import JOINT_SIGMA_M, KEYPOINTS, OUT_M, viewed_session

from capture.errors import CaptureError
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.viewing.coloring import UNKNOWN, Scale
from humanrig.viewing.compared import vertex_distances
from humanrig.viewing.comparing import compare_with
from humanrig.viewing.content import SessionContent
from humanrig.viewing.drawing import Drawing
from humanrig.viewing.glb_mesh import colored_glb, textured_glb
from humanrig.viewing.looking import beside, middle
from humanrig.viewing.pictures import camera_picture, field_of_view, overlaid, straight
from humanrig.viewing.private_server import PrivateServer
from humanrig.viewing.viewer import Viewer
from humanrig.viewing.wish import Wish

ASIDE_M = 0.03


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return viewed_session(tmp_path_factory.mktemp("drawn") / "take", aside_m=ASIDE_M)


@pytest.fixture(scope="module")
def content(session):
    return SessionContent(session)


@pytest.fixture(scope="module")
def server():
    found = PrivateServer("a session")
    yield found
    found.stop()


@pytest.fixture
def drawn(server, content):
    """Draws wishes into an empty scene; the value of a call is what is said."""
    server.scene.reset()
    drawing = Drawing(server, content, compare_with(content, "truth"))
    return lambda wish: drawing.draw(wish, model_ready=True)


def handle(server, name):
    return server.scene.get_handle_by_name(name)


def test_points_have_the_colour_of_their_distance(server, drawn):
    told = drawn(Wish(instant=1, cloud=True, cloud_colors="body", top_mm=40.0))
    colors = handle(server, "/cloud").colors
    wanted = Scale(title="", unit="mm", top=40.0).colors(np.array([1e3 * OUT_M]))[0]
    # between fingers, and where limbs meet, another part of the body is nearer than the face below the point
    assert (np.abs(colors.astype(int) - wanted).max(-1) <= 8).mean() > 0.8
    brightness = colors @ np.array([0.2126, 0.7152, 0.0722])
    assert brightness.max() <= wanted @ [0.2126, 0.7152, 0.0722] + 3  # no point is further away: the scale's next level
    assert [scale.title for scale in told.legends.values()] == ["points to the body"]
    assert told.problems == {}


def test_points_as_seen_by_camera_and_by_their_uncertainty(server, drawn):
    drawn(Wish(instant=0, cloud=True))
    assert (handle(server, "/cloud").colors == 77).all()
    drawn(Wish(instant=0, cloud=True, cloud_colors="camera"))
    assert len(np.unique(handle(server, "/cloud").colors, axis=0)) == 2
    drawn(Wish(instant=0, cloud=True, cloud_colors="sigma"))
    assert len(np.unique(handle(server, "/cloud").colors, axis=0)) == 1


def test_a_body_has_the_colours_of_its_joints_uncertainty(server, drawn):
    drawn(Wish(instant=0, body=True, body_colors="sigma", top_mm=10.0))
    painted = vertex_colors(handle(server, "/body/person00").glb_data)
    wanted = Scale(title="", unit="mm", top=10.0).colors(np.array([1e3 * JOINT_SIGMA_M]))[0]
    assert np.abs(painted - wanted).max() <= 1  # weights sum to 1 within float32


def test_the_difference_to_the_truth_is_what_it_was_made(server, drawn):
    told = drawn(Wish(instant=2, body=True, other=True, body_colors="other", apart_m=0.5))
    assert "to truth 30.0 mm, at most 30" in " ".join(told.lines)
    other = handle(server, "/compared/person00")
    body = handle(server, "/body/person00")
    assert tuple(other.position) == (0.5, 0.0, 0.0)
    assert len(np.unique(np.round(vertex_colors(body.glb_data)), axis=0)) == 1


def test_another_session_is_moved_into_the_shown_world_by_its_cameras(content, session, tmp_path):
    other = viewed_session(tmp_path / "other", results=("sync", "calibration", "body"))
    path = other.path("calibration", "cameras.json")
    cameras = json.loads(path.read_text())
    for camera in cameras["cameras"]:
        for row, shift in enumerate((1.0, -2.0, 0.5)):
            camera["T_world_camera"][row][3] += shift
    path.write_text(json.dumps(cameras))
    arrays = dict(np.load(other.path("body", "person00.npz")))
    arrays["transl"] = arrays["transl"] + [1.0, -2.0, 0.5]
    np.savez(other.path("body", "person00.npz"), **arrays)
    compared = compare_with(content, other.folder)
    found = compared.body("person00", 1)
    mesh = content.body("person00", 1)
    assert found is not None
    np.testing.assert_allclose(1e3 * vertex_distances(mesh, found), 1e3 * ASIDE_M, atol=1e-3)
    assert compared.same == {"person00": "person00"}
    assert "4 cameras" in compared.note


def test_what_cannot_be_compared_is_a_sentence(content, tmp_path):
    bare = viewed_session(tmp_path / "bare", results=("sync",))
    with pytest.raises(HumanrigError, match="it has no bodies"):
        compare_with(content, bare.folder)
    with pytest.raises(HumanrigError, match="was not simulated"):
        compare_with(SessionContent(bare), "truth")
    with pytest.raises(CaptureError, match="there is no session"):
        compare_with(content, tmp_path / "nothing")


def test_bodies_of_other_models_are_compared_by_their_surfaces():
    square = TriangleMesh(
        vertices=np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1.0, 0]]), faces=np.array([[0, 1, 2], [0, 2, 3]])
    )
    triangle = TriangleMesh(
        vertices=np.array([[0.5, 0.2, 0.3], [0.6, 0.2, 0.3], [0.5, 0.4, 0.3]]), faces=np.array([[0, 1, 2]])
    )
    np.testing.assert_allclose(vertex_distances(triangle, square), 0.3, atol=1e-6)


def test_a_damaged_file_hides_its_layer_and_is_told_while_the_others_are_drawn(server, tmp_path):
    session = viewed_session(tmp_path, results=("sync", "calibration", "clouds", "keypoints"))
    session.path("clouds", "000001.npz").write_bytes(b"no npz")
    server.scene.reset()
    drawing = Drawing(server, SessionContent(session), None)
    wish = Wish(instant=0, cloud=True, keypoints=True)
    assert drawing.draw(wish, model_ready=True).problems == {}
    told = drawing.draw(Wish(instant=1, cloud=True, keypoints=True), model_ready=True)
    assert "000001.npz" in told.problems["cloud"]
    assert not handle(server, "/cloud").visible
    assert len(handle(server, "/keypoints/person00").points) == KEYPOINTS - 1  # one of them is NaN
    assert drawing.draw(wish, model_ready=True).problems == {}
    assert handle(server, "/cloud").visible
    with np.load(session.path("keypoints", "person00.npz")) as arrays:
        others = {name: values for name, values in arrays.items() if name != "sigma"}
    np.savez(session.path("keypoints", "person00.npz"), **others)
    told = Drawing(server, SessionContent(session), None).draw(wish, model_ready=True)
    assert "KeyError: 'sigma" in told.problems["keypoints person00"]


def test_layers_come_and_go_and_stay_when_nothing_changed(server, drawn):
    drawn(Wish(instant=0, surface=True, body=True))
    surface, body = handle(server, "/surface/person00"), handle(server, "/body/person00")
    before = surface.glb_data
    drawn(Wish(instant=0, surface=True))
    assert surface.visible
    assert not body.visible
    assert surface.glb_data is before
    drawn(Wish(instant=1, surface=True))
    assert surface.glb_data != before
    drawn(Wish(instant=2, surface=True))  # has none
    assert not surface.visible
    drawn(Wish(instant=1, surface=True, surface_look="plain"))
    assert handle(server, "/surface/person00").vertices.shape == body.vertices.shape


def test_without_the_body_model_everything_else_is_drawn(server, content):
    server.scene.reset()
    told = Drawing(server, content, None).draw(Wish(instant=0, body=True, cloud=True), model_ready=False)
    assert handle(server, "/cloud").visible
    assert handle(server, "/body/person00") is None
    assert told.problems == {}


def test_a_doubtful_instant_is_told(drawn):
    assert "person00 is doubtful: <b>few</b> cameras" in drawn(Wish(instant=1)).lines


def test_the_page_looks_first_at_the_people_and_the_rig(content, tmp_path):
    center = middle(content)
    np.testing.assert_allclose(center[:2], content.body("person00", 1).vertices.mean(0)[:2], atol=0.1)
    cameras = list(content.cameras.values())
    place = beside(cameras, center)
    assert place[2] > center[2]
    assert np.linalg.norm(place - center) > max(np.linalg.norm(camera.center - center) for camera in cameras)
    # without bodies: where the cameras look, which here is above the origin
    bare = SessionContent(viewed_session(tmp_path, results=()))
    np.testing.assert_allclose(middle(bare)[:2], 0.0, atol=0.02)  # the pull to the origin is 1e-3 of an axis


def test_the_viewer_draws_what_its_knobs_say(session):
    content, over = SessionContent(session), threading.Event()

    def about():
        over.wait(60)
        raise RuntimeError("what comes after the end")

    with Viewer(content, about=about) as viewer:
        slider = viewer.panel.slider
        assert slider is not None
        assert viewer.url.startswith("http://127.0.0.1:")
        slider.value = 99  # a page may say so
        assert viewer.panel.wish.instant == 2
        slider.value = 1
        assert viewer.settle(), viewer.failure
        assert viewer.failure is None
        assert "instant 1, 0.033 s" in viewer.panel.said
        assert "&lt;b&gt;few&lt;/b&gt;" in viewer.panel.said  # words are words, not markup
        viewer.panel.choose_camera("kinect_001/color")
        assert viewer.settle()
        assert viewer.panel.picture.visible
        slider.value = 2
        assert viewer.settle()
        assert "kinect_001/color has no frame" in viewer.panel.said
        assert not viewer.panel.picture.visible
        viewer.panel.play(True)
        seen = set()
        end = time.monotonic() + 10
        while len(seen) < 3 and time.monotonic() < end:
            seen.add(int(slider.value))
            time.sleep(0.01)
        assert seen == {0, 1, 2}
        viewer.panel.play(False)
        assert viewer.settle()
    loading = next(thread for thread in threading.enumerate() if thread.name == "viewer's body model")
    over.set()
    loading.join(60)
    assert viewer.failure is None, "nobody is told of an error after the end"


def test_scales_and_legends():
    scale = Scale(title="<a>", unit="mm", top=20.0)
    colors = scale.colors(np.array([0.0, 5.0, 10.0, 20.0, 500.0, np.nan])).astype(int)
    brightness = colors @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness[:4]) > 0).all()
    assert (colors[3] == colors[4]).all()
    assert tuple(colors[5]) == UNKNOWN
    assert "&lt;a&gt;, mm" in scale.legend()
    assert "≥ 20" in scale.legend()


def test_a_glb_holds_the_mesh_its_colours_and_its_picture():
    vertices = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1.0]])
    mesh = TriangleMesh(
        vertices=vertices,
        faces=np.array([[0, 1, 2]]),
        uv=np.array([[0, 0], [1, 0], [0, 1.0]]),
        uv_faces=np.array([[2, 1, 0]]),
    )
    colors = np.array([[255, 0, 10], [0, 128, 255], [30, 60, 90]], np.uint8)
    data = colored_glb(mesh, colors)
    np.testing.assert_array_equal(accessor(data, "POSITION"), vertices)
    assert np.abs(vertex_colors(data) - colors).max() < 0.01
    textured = textured_glb(mesh, b"\xff\xd8 a picture \xff\xd9")
    assert b" a picture " in textured
    corners = {tuple(p): tuple(q) for p, q in zip(accessor(textured, "POSITION"), accessor(textured, "TEXCOORD_0"))}
    assert corners == {(0, 0, 1): (0, 0), (1, 0, 1): (1, 1), (0, 1, 1): (0, 1)}  # v from the top


def test_the_picture_in_a_frustum_is_that_of_a_camera_without_distortion():
    K = np.array([[300.0, 0, 170], [0, 310, 112], [0, 0, 1]])
    camera = Camera(name="c", width=320, height=240, K=K, distortion=np.array([0.1, -0.05, 0.001, 0, 0, 0, 0, 0]))
    point = np.array([0.25, -0.15, 1.0])
    image = np.zeros((240, 320, 3), np.uint8)
    x, y = np.round(camera.project(point)).astype(int)
    image[y - 1 : y + 2, x - 1 : x + 2] = 255
    rows, columns = np.nonzero(straight(image, camera)[..., 0] > 100)
    wanted = [300 * 0.25 + 159.5, 310 * -0.15 + 119.5]
    np.testing.assert_allclose([columns.mean(), rows.mean()], wanted, atol=1.0)  # the dot was put on whole pixels
    assert field_of_view(camera) == pytest.approx(2 * np.arctan(120 / 310))


def test_the_body_is_drawn_over_the_picture_where_it_is_seen(content):
    found = camera_picture(content, "kinect_000/color", 0, width=160)
    assert found is not None
    picture, camera = found
    assert picture.shape == (120, 160, 3)
    mesh = content.body("person00", 0)
    over = overlaid(picture, camera, [(mesh, (255, 0, 0))])
    changed = (over != picture).any(-1)
    q = camera.project(mesh.vertices)
    inside = np.isfinite(q).all(-1) & (q > 0).all(-1) & (q < [159, 119]).all(-1)
    at = np.round(q[inside]).astype(int)
    assert changed[at[:, 1], at[:, 0]].mean() > 0.9  # vertices of the outline fall on whole pixels beside it
    _rows, columns = np.nonzero(changed)
    assert (columns >= at[:, 0].min() - 1).all()
    assert (columns <= at[:, 0].max() + 1).all()
    assert camera_picture(content, "kinect_001/color", 2) is None


def accessor(data: bytes, name: str) -> np.ndarray:
    """A vertex attribute of the only primitive."""
    length = struct.unpack("<I", data[12:16])[0]
    document = json.loads(data[20 : 20 + length])
    binary = data[20 + length + 8 :]
    found = document["accessors"][document["meshes"][0]["primitives"][0]["attributes"][name]]
    view = document["bufferViews"][found["bufferView"]]
    columns = {"VEC2": 2, "VEC3": 3, "VEC4": 4}[found["type"]]
    raw = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    return np.frombuffer(raw, np.float32).reshape(-1, columns)


def vertex_colors(data: bytes) -> np.ndarray:
    """sRGB, 0 to 255, of the vertices."""
    linear = accessor(data, "COLOR_0")[:, :3].astype(np.float64)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
