"""Every export of a tiny take is read back and compared with what went in."""

import json
import shutil
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from export_take import COLOR, DEPTH, INSTANTS, build_take, color_at, depth_at, parameters, pixel_rays

from body.loading import OPEN_BODY, load_body_model
from body.motion.amass import read_amass
from body.parameters import BodyParameters
from capture.session import Session
from geometry.mesh_files import read_obj, read_ply_cloud, read_ply_mesh
from geometry.rigid import transform
from humanrig.errors import HumanrigError
from humanrig.export import FORMATS, export_session
from humanrig.results import Results
from humanrig.stage import StageContext
from humanrig.stages.export import STAGE

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")


@pytest.fixture(autouse=True)
def open_body(monkeypatch):
    monkeypatch.delenv("HUMANRIG_BODY_MODEL", raising=False)


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        return build_take(tmp_path_factory.mktemp("takes") / "take")


@pytest.fixture
def copy(take, tmp_path) -> Session:
    """A take that a test may damage."""
    shutil.copytree(take.folder, tmp_path / "copy")
    return Session.open(tmp_path / "copy")


@pytest.fixture(scope="module")
def humman(take, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("humman") / "out"
    export_session(take, "humman", folder)
    return folder


def test_obj_round_trip(take, tmp_path) -> None:
    calls = []
    paths = export_session(take, "obj", tmp_path / "out", on_progress=lambda *call: calls.append(call))
    assert [p.name for p in paths] == [f"00000{i}.{e}" for i in INSTANTS for e in ("jpg", "mtl", "obj")] + [
        "source.txt"
    ]
    assert calls == [(1, 2), (2, 2)]
    for row, instant in enumerate(INSTANTS):
        mesh = read_obj(tmp_path / "out" / f"{instant:06d}.obj")
        assert np.array_equal(mesh.vertices.astype(np.float32), Results(take).meshes.segment(0).vertices[row])
        assert np.array_equal(mesh.faces, Results(take).model.faces)
        copied = (tmp_path / "out" / f"{instant:06d}.jpg").read_bytes()
        assert copied == take.path("texture", "person00", f"{instant:06d}.jpg").read_bytes()
        assert mesh.texture is not None
    seen_by_others = trimesh.load(tmp_path / "out" / "000004.obj", process=False)
    assert seen_by_others.visual.uv is not None
    assert "metres, z up" in (tmp_path / "out" / "source.txt").read_text()


def test_ply_round_trip(take, tmp_path) -> None:
    export_session(take, "ply", tmp_path / "out")
    for row, instant in enumerate(INSTANTS):
        mesh = read_ply_mesh(tmp_path / "out" / "meshes" / f"{instant:06d}.ply")
        assert np.array_equal(mesh.vertices, Results(take).meshes.segment(0).vertices[row])
        cloud, wanted = read_ply_cloud(tmp_path / "out" / "clouds" / f"{instant:06d}.ply"), Results(take).cloud(instant)
        assert wanted is not None
        for name in ("points", "normals", "colors", "camera", "sigma", "time_us"):
            assert np.array_equal(getattr(cloud, name), getattr(wanted, name))


def test_amass_round_trip(take, tmp_path) -> None:
    export_session(take, "amass", tmp_path / "out")
    motion, wanted = read_amass(tmp_path / "out" / "person00_amass.npz"), parameters()
    assert motion.rate_hz == pytest.approx(30, abs=1e-3)
    for name in ("betas", "global_orient", "body_pose", "transl"):
        assert np.allclose(getattr(motion.parameters, name), getattr(wanted, name), atol=1e-12)


def test_glb_holds_the_clip(take, tmp_path) -> None:
    paths = export_session(take, "glb", tmp_path / "out")
    data = (tmp_path / "out" / "person00.glb").read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    assert paths[0].name == "person00.glb"
    assert take.path("texture", "person00", "segment_000.jpg").read_bytes() in data
    times = document["accessors"][document["animations"][0]["samplers"][0]["input"]]
    assert (times["count"], times["min"]) == (2, [0.0])
    assert times["max"][0] == pytest.approx(0.033333, abs=1e-6)
    assert len(document["skins"][0]["joints"]) == 24
    assert "pose correctives" in (tmp_path / "out" / "source.txt").read_text()


def test_humman_has_the_releases_files(humman) -> None:
    found = {p.relative_to(humman).as_posix() for p in humman.rglob("*") if p.is_file()}
    frames = [f"{i:06d}" for i in INSTANTS]
    images = {f"kinect_{k}/kinect_00{n}/{f}.png" for k in ("color", "depth", "mask") for n in (0, 1) for f in frames}
    meshes = {f"textured_meshes/{f}{end}" for f in frames for end in (".obj", ".mtl", "_0.png")}
    assert found == images | meshes | {f"smpl_params/{f}.npz" for f in frames} | {"cameras.json", "source.txt"}


def test_humman_world_is_the_first_colour_camera(take, humman) -> None:
    cameras = json.loads((humman / "cameras.json").read_text())
    assert set(cameras) == {f"kinect_{kind}_00{n}" for kind in ("color", "depth") for n in (0, 1)}
    assert np.allclose(cameras["kinect_color_000"]["R"], np.eye(3), atol=1e-12)
    assert np.allclose(cameras["kinect_color_000"]["T"], 0, atol=1e-12)
    p_world = np.array([[0.2, 0.1, 1.0], [-0.3, 0.2, 0.4]])
    ours = take.cameras()
    p_first = transform(ours["kinect_000/color"].T_camera_world, p_world)
    for kind in ("color", "depth"):
        camera, written = ours[f"kinect_001/{kind}"], cameras[f"kinect_{kind}_001"]
        p_camera = p_first @ np.array(written["R"]).T + written["T"]
        assert np.allclose(p_camera, transform(camera.T_camera_world, p_world), atol=1e-12)
        assert np.allclose(written["K"], camera.K)


def test_humman_body_and_meshes_stand_in_that_world(take, humman) -> None:
    """The first ten betas of sixteen leave millimetres of shape; the pelvis and the pose are exact."""
    model, wanted = load_body_model(), parameters()
    T = take.cameras()["kinect_000/color"].T_camera_world
    for row, instant in enumerate(INSTANTS):
        with np.load(humman / "smpl_params" / f"{instant:06d}.npz") as arrays:
            shapes = {name: arrays[name].shape for name in arrays.files}
            read = {name: arrays[name].astype(np.float64) for name in arrays.files}
        assert shapes == {"betas": (10,), "body_pose": (69,), "global_orient": (3,), "transl": (3,)}
        posed = model.pose(BodyParameters(betas=read.pop("betas"), **{k: v[None] for k, v in read.items()}))
        expected = model.pose(wanted)
        assert np.allclose(posed.joints[0, 0], transform(T, expected.joints[row, 0]), atol=1e-6)  # float32
        apart = np.linalg.norm(posed.vertices[0] - transform(T, expected.vertices[row]), axis=1)
        assert apart.mean() < 0.01
        mesh = read_obj(humman / "textured_meshes" / f"{instant:06d}.obj")
        assert np.allclose(
            mesh.vertices, transform(T, Results(take).meshes.segment(0).vertices[row].astype(float)), atol=1e-6
        )
        texture = cv2.imdecode(np.fromfile(take.path("texture", "person00", f"{instant:06d}.jpg"), np.uint8), 1)
        assert mesh.texture is not None
        assert np.array_equal(mesh.texture[..., ::-1], texture)


def test_humman_images_are_those_of_pinholes(take, humman) -> None:
    """The scene is a function of the ray, so each pixel of a true pinhole image is known."""
    cameras = take.cameras()
    for n in (0, 1):
        camera = cameras[f"kinect_00{n}/color"]
        color = cv2.imread(str(humman / "kinect_color" / f"kinect_00{n}" / "000004.png"))[..., ::-1].astype(float)
        assert color.shape == (COLOR[1], COLOR[0], 3)
        inner = (slice(6, -6), slice(6, -6))
        expected = color_at(pixel_rays(camera, distorted=False))
        unchanged = color_at(pixel_rays(camera, distorted=True))
        assert np.abs(color - expected)[inner].mean() < 0.7  # JPEG leaves 0.5
        assert np.abs(unchanged - expected)[inner].mean() > 1.5
        camera = cameras[f"kinect_00{n}/depth"]
        depth = cv2.imread(str(humman / "kinect_depth" / f"kinect_00{n}" / "000005.png"), cv2.IMREAD_UNCHANGED)
        assert (depth.shape, depth.dtype) == ((DEPTH[1], DEPTH[0]), np.uint16)
        expected = 1000 * depth_at(pixel_rays(camera, distorted=False))
        seen = depth > 0
        assert seen.mean() > 0.7
        half_a_pixel = 1000 * 0.3 / camera.K[0, 0] * 0.75
        assert np.abs(depth - expected)[seen].max() < half_a_pixel
        mask = cv2.imread(str(humman / "kinect_mask" / f"kinect_00{n}" / "000005.png"), cv2.IMREAD_UNCHANGED)
        assert set(np.unique(mask)) == {0, 255}


def test_humman_says_what_it_is(humman) -> None:
    text = (humman / "source.txt").read_text()
    for word in ("world to camera", "undistorted", "uint16 millimetres", "kinect_001 = kinect_001", "10"):
        assert word in text


def test_humman_lists_frames_that_are_missing(copy, tmp_path) -> None:
    copy.path("masks", "kinect_001", "color", "000005.png").unlink()
    export_session(copy, "humman", tmp_path / "out")
    assert not (tmp_path / "out" / "kinect_mask" / "kinect_001" / "000005.png").exists()
    assert "kinect_mask/kinect_001/000005.png" in (tmp_path / "out" / "source.txt").read_text()


def test_humman_meshes_share_the_sequence_texture(copy, tmp_path) -> None:
    for instant in INSTANTS:
        copy.path("texture", "person00", f"{instant:06d}.jpg").unlink()
    export_session(copy, "humman", tmp_path / "out")
    picture = cv2.imdecode(np.fromfile(copy.path("texture", "person00", "segment_000.jpg"), np.uint8), 1)
    for instant in INSTANTS:
        worn = tmp_path / "out" / "textured_meshes" / f"{instant:06d}_0.png"
        assert np.array_equal(cv2.imread(str(worn)), picture)
        assert worn.name in worn.with_name(f"{instant:06d}.mtl").read_text()


def test_humman_without_texture_is_plain_geometry(copy, tmp_path) -> None:
    shutil.rmtree(copy.path("texture"))
    export_session(copy, "humman", tmp_path / "out")
    found = sorted(p.name for p in (tmp_path / "out" / "textured_meshes").iterdir())
    assert found == [f"{i:06d}.obj" for i in INSTANTS]
    assert "no texture" in (tmp_path / "out" / "source.txt").read_text()


def test_colour_sessions(tmp_path) -> None:
    session = build_take(tmp_path / "videos", devices=("cam01", "cam02"), depth=False)
    with pytest.raises(HumanrigError, match="this session has none; use the formats glb, obj"):
        export_session(session, "humman", tmp_path / "humman")
    assert not (tmp_path / "humman").exists()
    export_session(session, "ply", tmp_path / "ply")
    assert not (tmp_path / "ply" / "clouds").exists()
    assert "no depth" in (tmp_path / "ply" / "source.txt").read_text()


@pytest.mark.parametrize(
    ("gone", "format", "stage"),
    [
        ("texture/person00/segment_000.jpg", "glb", "texture"),
        ("texture/person00/000005.jpg", "obj", "texture"),
        ("texture/person00/000005.jpg", "humman", "texture"),
        ("mesh/person00.npz", "obj", "mesh"),
        ("body/person00.npz", "amass", "register"),
        ("clouds", "ply", "clouds"),
        ("masks", "humman", "masks"),
    ],
)
def test_a_missing_output_names_the_command(copy, tmp_path, gone, format, stage) -> None:
    path = copy.path(gone)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(HumanrigError, match=f"run: humanrig reconstruct {copy.folder} --from {stage}$"):
        export_session(copy, format, tmp_path / "deep" / "out")
    assert list((tmp_path / "deep").iterdir()) == []


def test_unknown_format(take, tmp_path) -> None:
    with pytest.raises(HumanrigError, match=f"no export format 'fbx'; the formats are: {' '.join(FORMATS)}"):
        export_session(take, "fbx", tmp_path / "out")


def test_the_stage_writes_glb_and_amass(take, tmp_path) -> None:
    assert (STAGE.name, STAGE.folder, STAGE.needs) == ("export", "export", ("register", "mesh", "texture"))

    def run(instants: list[int], output: Path) -> dict:
        output.mkdir()
        return STAGE.run(
            StageContext(
                session=take, output=output, config=STAGE.config(), instants=instants, without=frozenset(),
                progress=lambda done, total: None,
            )
        )  # fmt: skip

    figures = run(list(INSTANTS), tmp_path / "all")
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == ["person00.glb", "person00_amass.npz"]
    assert figures["frames"] == 2
    assert figures["glb_mb"] == pytest.approx((tmp_path / "all" / "person00.glb").stat().st_size / 1e6, abs=1e-3)
    assert 0 <= figures["skin_difference_mean_mm"] <= figures["skin_difference_p99_mm"] < 0.5  # the shapes' tolerance
    assert json.dumps(figures)
    assert run([INSTANTS[1]], tmp_path / "one")["frames"] == 1
    one = read_amass(tmp_path / "one" / "person00_amass.npz")
    assert np.allclose(one.parameters.transl, parameters().transl[1:])
    with pytest.raises(HumanrigError, match="no body for the wanted instants"):
        run([99], tmp_path / "none")
