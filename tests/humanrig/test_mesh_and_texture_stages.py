"""The stages `mesh` and `texture` on a small recording of a painted, dressed body, with and without depth."""

import cv2
import numpy as np
import pytest
import simplejpeg

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture import depth_codec
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.depth import encode_depth_mm
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from geometry.rigid import look_at
from humanrig.errors import HumanrigError
from humanrig.pipeline import load_stage, read_config
from humanrig.stage import StageContext
from texture.files.mesh_sequence import MeshSequence
from texture.layout.atlas import Atlas
from texture.surfaces.body_mesh import DressedBody
from texture.surfaces.offsets import HANDS

FRAMES = 2
THICKNESS = 0.012
SIZE = 256


def parameters():
    pose = np.zeros((FRAMES, 69))
    pose[:, 15 * 3 + 2], pose[:, 16 * 3 + 2] = -0.9, 0.9
    pose[1, 17 * 3 + 1], pose[1, 18 * 3 + 1] = -1.2, 1.2
    return BodyParameters(
        betas=np.array([0.5, -0.5]),
        global_orient=np.tile([np.pi / 2, 0, 0], (FRAMES, 1)),
        body_pose=pose,
        transl=np.array([[0, 0, 1.15], [0.02, 0, 1.15]]),
    )


def cameras(depth):
    K = np.array([[220.0, 0, 119], [0, 220, 159], [0, 0, 1]])
    found = []
    for i in range(5):
        angle = 2 * np.pi * i / 5
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.0 + 0.5 * (i % 2)])
        place = look_at(eye, np.array([0, 0, 1.0]))
        for kind in ("color", "depth") if depth else ("color",):
            found.append(Camera(name=f"k{i}/{kind}", K=K, width=240, height=320, T_world_camera=place))
    return found


def paint(uv):
    u, v = uv[..., 0], uv[..., 1]
    return np.stack([40 + 180 * u, 40 + 180 * v, 128 + 60 * np.sin(8 * u)], -1)


def record(folder, depth):
    """A session up to the stage `register`."""
    model = load_body_model()
    bare = ~np.isin(np.argmax(model.weights, 1), HANDS)
    dressed = DressedBody(model=model, parameters=parameters(), offsets=THICKNESS * bare)
    rig, streams = cameras(depth), []
    with McapWriter(folder / "recording/rig.mcap") as writer:
        for camera in rig:
            kind = camera.name.split("/")[1]
            encoding = "jpeg" if kind == "color" else "dzp"
            writer.add_stream(f"/{camera.name}", encoding)
            streams.append(
                StreamInfo(
                    name=camera.name, kind=kind, file="recording/rig.mcap", topic=f"/{camera.name}",
                    encoding=encoding, frames=FRAMES, width=camera.width, height=camera.height,
                )
            )  # fmt: skip
        for frame, vertices in enumerate(dressed.vertices()):
            mesh = TriangleMesh(vertices=vertices, faces=model.faces)
            scene, points, normals = RayScene.of(mesh), [], []
            for camera in rig:
                hits = scene.cast_camera(camera)
                hit = hits.face >= 0
                if camera.name.endswith("color"):
                    data = simplejpeg.encode_jpeg(color_of(model, hits, hit), quality=97, colorsubsampling="444")
                else:
                    data = depth_codec.encode(encode_depth_mm(np.where(hit, hits.t, 3.5)))
                    place = camera.T_world_camera
                    rows, columns = np.nonzero(hit)
                    p = camera.unproject(np.stack([columns, rows], -1), hits.t[hit])
                    points.append(p @ place[:3, :3].T + place[:3, 3])
                    normals.append(mesh.face_normals()[hits.face[hit]])
                writer.write(f"/{camera.name}", data, device_us=33_333 * frame, host_us=33_333 * frame)
            if depth:
                (folder / "clouds").mkdir(exist_ok=True)
                cloud = {"points": np.concatenate(points), "normals": np.concatenate(normals)}
                np.savez(folder / "clouds" / f"{frame:06d}.npz", **cloud)
    for name in ("calibration", "body", "sync"):
        (folder / name).mkdir()
    write_cameras(folder / "calibration" / "cameras.json", rig, source="test")
    zero = {s.name: 0 for s in streams}
    write_instants(
        folder / "sync" / "frames.parquet",
        [
            Instant(instant=i, time_us=33_333 * i, index=dict.fromkeys(zero, i), offset_us=zero)
            for i in range(FRAMES)
        ],
    )  # fmt: skip
    p = parameters()
    np.savez(
        folder / "body" / "person00.npz", betas=p.betas, child=0.0, global_orient=p.global_orient,
        body_pose=p.body_pose, transl=p.transl, instants=np.arange(FRAMES), time_us=33_333 * np.arange(FRAMES),
        model=model.name, model_sha256=model.sha256,
    )  # fmt: skip
    return Session.create(folder, streams=streams, origin="virtual")


def color_of(model, hits, hit):
    image = np.full((*hit.shape, 3), 10, np.uint8)
    uv = hits.uv[hit]
    weights = np.stack([1 - uv.sum(-1), uv[:, 0], uv[:, 1]], -1)
    image[hit] = np.rint(paint(np.einsum("nk,nkc->nc", weights, model.uv[model.uv_faces[hits.face[hit]]])))
    return image


def run(session, name, instants=range(FRAMES), without=(), **options):
    stage, calls = load_stage(name), []
    session.path(stage.folder).mkdir(exist_ok=True)
    context = StageContext(
        session=session,
        output=session.path(stage.folder),
        config=read_config(stage, options),
        instants=list(instants),
        without=frozenset(without),
        progress=lambda done, total: calls.append((done, total)),
    )
    figures = stage.run(context)
    assert calls[-1][0] == calls[-1][1]
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    return figures


@pytest.fixture(scope="module")
def rgbd(tmp_path_factory):
    session = record(tmp_path_factory.mktemp("rgbd") / "take", depth=True)
    figures = run(session, "mesh"), run(session, "texture", size=SIZE)
    return session, *figures


@pytest.fixture(scope="module")
def rgb(tmp_path_factory):
    session = record(tmp_path_factory.mktemp("rgb") / "take", depth=False)
    figures = run(session, "mesh"), run(session, "texture", size=SIZE)
    return session, *figures


def test_mesh_carries_the_clothes_that_the_clouds_show(rgbd):
    session, figures, _ = rgbd
    segment = MeshSequence.open(session.path("mesh"), "person00").segment(0)
    model = load_body_model()
    assert segment.vertices.shape == (FRAMES, model.vertex_count, 3)
    assert segment.vertices.dtype == np.float32
    np.testing.assert_array_equal(segment.faces, model.faces)
    np.testing.assert_array_equal(segment.instants, [0, 1])
    torso = model.weights[:, [3, 6]].sum(1) > 0.95
    offsets = offsets_of(model, segment.binding.rest)
    # exact depth in whole millimetres, 10 mm pixels: the offset itself, to a fraction of its smoothing
    assert offsets[torso].mean() == pytest.approx(THICKNESS, abs=0.001)
    assert figures["offset_max_mm"] == pytest.approx(1e3 * offsets.max(), abs=0.01)
    again = DressedBody(model=model, parameters=parameters(), offsets=offsets).vertices()
    np.testing.assert_allclose(segment.vertices, again, atol=1e-6)


def offsets_of(model, rest):
    """How far a surface at rest stands off the body, metres."""
    bare = model.shaped(parameters().betas)
    normals = TriangleMesh(vertices=bare, faces=model.faces).vertex_normals()
    return ((rest - bare) * normals).sum(-1)


def test_mesh_without_clouds_is_the_body(rgb):
    session, figures, _ = rgb
    segment = MeshSequence.open(session.path("mesh"), "person00").segment(0)
    np.testing.assert_allclose(segment.vertices, load_body_model().pose(parameters()).vertices, atol=1e-6)
    assert figures["offset_mean_mm"] == 0


def test_clothes_can_be_left_out_and_instants_chosen(tmp_path):
    session = record(tmp_path / "take", depth=True)
    assert run(session, "mesh", instants=[1], clothes=False)["offset_max_mm"] == 0
    np.testing.assert_array_equal(np.load(session.path("mesh", "person00.npz"))["instants"], [1])
    figures = run(session, "texture", size=SIZE, every_instant=False, without=("k0",))
    assert figures["cameras"] == 4
    assert not list(session.path("texture", "person00").glob("0*.jpg"))
    with pytest.raises(HumanrigError, match="none of the 1 instants asked for"):
        run(session, "texture", instants=[0])
    with pytest.raises(HumanrigError, match="no calibrated colour camera"):
        run(session, "texture", without=[f"k{i}" for i in range(5)])


@pytest.mark.parametrize("kind", ["rgbd", "rgb"])
def test_textures_show_the_paint(kind, request):
    session, _, figures = request.getfixturevalue(kind)
    model = load_body_model()
    atlas = Atlas.of(model.faces, model.uv, model.uv_faces, SIZE)
    right = paint(np.einsum("nk,nkc->nc", atlas.bary, model.uv[model.uv_faces[atlas.face]]))
    confidence = cv2.imread(str(session.path("texture", "person00/segment_000_confidence.png")), cv2.IMREAD_UNCHANGED)
    assert confidence.shape == (SIZE, SIZE)
    sure = confidence.reshape(-1)[atlas.flat] > 60
    assert sure.mean() > 0.5
    names = ["person00/segment_000.jpg", *(f"person00/{i:06d}.jpg" for i in range(FRAMES))]
    for name in names:
        image = simplejpeg.decode_jpeg(session.path("texture", name).read_bytes())
        error = np.abs(image.reshape(-1, 3)[atlas.flat].astype(float) - right)[sure]
        # a pixel is 10 mm of skin or up to 4 levels of paint; 12 mm of clothes that no cloud shows move it by one more
        assert np.median(error) < 4
        assert (error.max(-1) > 60).mean() < 0.05  # outlines, and where charts meet in the picture but not in the atlas
    assert 0.7 < figures["seen_instant"] <= figures["seen_clip"] <= 1


def test_missing_stages_are_named(tmp_path):
    session = record(tmp_path / "take", depth=False)
    with pytest.raises(HumanrigError, match=r"mesh/person00\.npz is missing; run: humanrig reconstruct .*mesh"):
        run(session, "texture")
    session.path("body", "person00.npz").unlink()
    with pytest.raises(HumanrigError, match=r"body/person00\.npz is missing; run: humanrig reconstruct .*register"):
        run(session, "mesh")
