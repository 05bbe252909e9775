"""GLB, USD and OBJ of tracked and free-form surfaces, with and without textures, from a take of a few small globes."""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from body.joints import JOINT_COUNT
from body.loading import OPEN_BODY, load_body_model
from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.export import baked, export_session
from humanrig.export.baked import BakedClip
from humanrig.export.glb import skinned_person
from humanrig.manifest import Manifest
from humanrig.manifest import write as write_manifest
from humanrig.results import Results
from texture.errors import TextureError
from texture.files.mesh_sequence import Segment, write_index, write_segment
from texture.files.texture_files import instant_texture, segment_texture
from texture.files.usd_check import usd_problems
from texture.files.usd_library import Usd, UsdGeom
from texture.surfaces.binding import Binding

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
TRACKED, FREE = (4, 5, 6), 7
INSTANTS = (*TRACKED, FREE)
CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


def cube_faces() -> np.ndarray:
    return QUADS[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)


def build(folder: Path, *, tracked: bool = True, textures: bool = True) -> Session:
    """Cubes that hang on the pelvis for three instants, and one that hangs on nothing at the fourth."""
    session = Session.create(folder, streams=[], origin="test", id="cubes", subject="p000001", action="turn")
    model, rng = load_body_model(OPEN_BODY), np.random.default_rng(0)
    for name in ("body", "mesh"):
        session.path(name).mkdir()
    body = {
        "betas": np.zeros(10), "child": 0.0, "global_orient": np.tile([np.pi / 2, 0, 0], (4, 1)),
        "body_pose": np.zeros((4, 69)), "transl": np.outer(np.arange(4), [0.1, 0, 0]) + [0, 0, 1],
    }  # fmt: skip
    np.savez(
        session.path("body", "person00.npz"), **body, joints=np.zeros((4, JOINT_COUNT, 3)),
        instants=np.array(INSTANTS), time_us=1000 + np.arange(4) * 33333, model=model.name, model_sha256=model.sha256,
    )  # fmt: skip
    rest = (0.2 * CUBE).astype(np.float32)
    upright = rest[:, [0, 2, 1]] * [1, -1, 1]  # a quarter turn about x: y up becomes z up
    folds = rng.normal(0, 0.01, (3, 8, 3))
    binding = Binding(
        rest=rest, joints=np.zeros((8, 4), np.uint8), weights=np.tile(np.eye(1, 4, dtype=np.float32), (8, 1))
    )
    pelvis = model.rest_joints(np.zeros(10), 0.0)[0]
    pelvis = body["transl"] + pelvis - np.array([pelvis[0], -pelvis[2], pelvis[1]])
    moved = (upright + pelvis[:3, None] + folds).astype(np.float32)
    layout = {"faces": cube_faces(), "uv": rng.uniform(size=(8, 2)), "uv_faces": cube_faces()}
    pieces = [(list(TRACKED), moved)] if tracked else [([i], moved[n : n + 1]) for n, i in enumerate(TRACKED)]
    pieces.append(([FREE], moved[:1] + 1))
    rows = []
    for number, (instants, vertices) in enumerate(pieces):
        hung = binding if tracked and number == 0 else None
        segment = Segment(instants=np.array(instants), vertices=vertices, **layout, binding=hung)
        write_segment(session.path("mesh"), "person00", number, segment)
        rows += [(instant, number, "") for instant in instants]
        if textures:
            path = segment_texture(session.path("texture"), "person00", number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(simplejpeg.encode_jpeg(np.full((512, 512, 3), 40 * number + 40, np.uint8)))
    write_index(session.path("mesh"), "person00", rows)
    return session


def record(session: Session, stage: str, inputs: dict[str, str], outputs: dict[str, list]) -> None:
    """The manifest of a stage."""
    written = Manifest(
        stage=stage,
        code="1",
        inputs=inputs,
        config={},
        instants=[],
        without=[],
        outputs=outputs,
        seconds=0.0,
        started="",
    )
    write_manifest(written, session.path(stage))


def glb_document(path: Path) -> dict:
    data = path.read_bytes()
    return json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    return build(tmp_path_factory.mktemp("take") / "cubes")


@pytest.fixture(scope="module")
def free(tmp_path_factory) -> Session:
    return build(tmp_path_factory.mktemp("free") / "cubes", tracked=False)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Session:
    return build(tmp_path_factory.mktemp("plain") / "cubes", textures=False)


@pytest.fixture(autouse=True)
def open_body(monkeypatch):
    monkeypatch.delenv("HUMANRIG_BODY_MODEL", raising=False)


def test_the_skin_with_its_shapes_is_the_tracked_surface(take, tmp_path) -> None:
    skinned = skinned_person(Results(take))
    assert skinned.clip.shapes is not None
    assert len(skinned.clip.shapes) in (2, 3)
    assert skinned.difference.p99_mm < 0.5  # the shapes' tolerance; the folds are 10 mm
    assert skinned_person(Results(take), TRACKED[:1]).instants == 1
    export_session(take, "glb", tmp_path / "out")
    assert len(glb_document(tmp_path / "out" / "person00.glb")["meshes"][0]["primitives"][0]["targets"]) in (2, 3)
    text = (tmp_path / "out" / "source.txt").read_text()
    assert "y up" in text
    assert "tracked at 3 of the frames" in text


def test_every_surface_is_in_the_baked_glb(take, tmp_path) -> None:
    export_session(take, "glb_baked", tmp_path / "out")
    document = glb_document(tmp_path / "out" / "person00.glb")
    assert [mesh["name"] for mesh in document["meshes"]] == ["segment_000", "segment_001"]
    assert len(document["images"]) == 2
    assert "4 frames as 2 meshes" in (tmp_path / "out" / "source.txt").read_text()


def test_usd_has_a_skin_a_package_and_every_surface(take, tmp_path) -> None:
    paths = export_session(take, "usd", tmp_path / "out")
    assert [p.relative_to(tmp_path / "out").as_posix() for p in paths] == [
        "person00.jpg", "person00.usdc", "person00.usdz", "person00_surfaces.usdc",
        "person00_surfaces_textures/segment_000.jpg", "person00_surfaces_textures/segment_001.jpg", "source.txt",
    ]  # fmt: skip
    for name in ("person00.usdc", "person00.usdz", "person00_surfaces.usdc"):
        assert usd_problems(tmp_path / "out" / name) == []
    stage = Usd.Stage.Open(str(tmp_path / "out" / "person00_surfaces.usdc"))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/person/world/segment_000"))
    for code in range(3):
        assert np.array_equal(np.array(mesh.GetPointsAttr().Get(code)), Results(take).meshes.segment(0).vertices[code])
    text = (tmp_path / "out" / "source.txt").read_text()
    for word in ("metersPerUnit 1", "upAxis Y", "30 time codes a second, whole frames", "4 frames, 2 meshes"):
        assert word in text


def test_free_surfaces_are_baked_where_a_skin_was_asked_for(free, tmp_path) -> None:
    export_session(free, "glb", tmp_path / "glb")
    document = glb_document(tmp_path / "glb" / "person00.glb")
    assert len(document["meshes"]) == 4
    assert "skins" not in document
    assert "do not follow the body" in (tmp_path / "glb" / "source.txt").read_text()
    export_session(free, "usd", tmp_path / "usd")
    assert not (tmp_path / "usd" / "person00.usdz").exists()
    assert "no skinned file" in (tmp_path / "usd" / "source.txt").read_text()
    with pytest.raises(HumanrigError, match="--surface tracked"):
        skinned_person(Results(free))


@pytest.mark.parametrize("format", ["glb", "glb_baked", "usd", "obj"])
def test_without_texture_the_geometry_is_plain_and_says_so(plain, tmp_path, format) -> None:
    paths = export_session(plain, format, tmp_path / "out")
    assert "no texture: the session has none" in paths[-1].read_text()
    assert not [path for path in paths if path.suffix in (".jpg", ".mtl")]
    for path in paths:
        if path.suffix == ".glb":
            assert "images" not in glb_document(path)
        if path.suffix in (".usdc", ".usdz"):
            assert usd_problems(path) == []


def test_a_surface_that_was_not_painted_is_named(tmp_path) -> None:
    session = build(tmp_path / "cubes")
    segment_texture(session.path("texture"), "person00", 1).unlink()
    for format, name in (("glb_baked", "segment_001"), ("usd", "segment_001"), ("obj", "000007")):
        paths = export_session(session, format, tmp_path / format)
        assert f"not painted, plain geometry: {name}" in paths[-1].read_text()
    assert not (tmp_path / "obj" / "000007.mtl").exists()
    own = instant_texture(session.path("texture"), "person00", FREE)
    own.write_bytes(segment_texture(session.path("texture"), "person00", 0).read_bytes())
    paths = export_session(session, "obj", tmp_path / "obj")
    assert {path.name for path in paths if path.suffix == ".jpg"} == {"segment_000.jpg", "000007.jpg"}
    assert "not painted" not in paths[-1].read_text()


def test_what_the_stage_left_out_wears_the_picture_of_its_segment(tmp_path) -> None:
    session = build(tmp_path / "cubes")
    picture = segment_texture(session.path("texture"), "person00", 0)
    for instant in TRACKED[:2]:
        instant_texture(session.path("texture"), "person00", instant).write_bytes(picture.read_bytes())
    with pytest.raises(HumanrigError, match=r"000006\.jpg is missing"):
        export_session(session, "obj", tmp_path / "obj")
    told = {path.relative_to(session.path("texture")).as_posix(): [0, ""] for path in picture.parent.glob("*.jpg")}
    record(session, "texture", {}, told)
    paths = export_session(session, "obj", tmp_path / "obj")
    assert "map_Kd segment_000.jpg" in (tmp_path / "obj" / "000006.mtl").read_text()
    assert "map_Kd 000004.jpg" in (tmp_path / "obj" / "000004.mtl").read_text()
    assert "in that of their segment: 000006 000007\n" in paths[-1].read_text()
    assert "not painted" not in paths[-1].read_text()


def test_pictures_that_no_viewer_could_hold_are_made_smaller(free, monkeypatch) -> None:
    clip = BakedClip.of(Results(free))
    assert clip.texture_side() is None
    monkeypatch.setattr(baked, "MOST_TEXELS", 4 * 256**2)
    assert clip.texture_side() == 256
    for number, segment in enumerate(clip.segments(256)):
        assert segment.texture_jpeg is not None
        image = simplejpeg.decode_jpeg(segment.texture_jpeg)
        assert image.shape == (256, 256, 3)
        assert image.mean() == pytest.approx(40 * number + 40, abs=2)


def test_textures_of_other_surfaces_are_refused(tmp_path) -> None:
    session = build(tmp_path / "cubes")
    record(session, "mesh", {}, {})
    record(session, "texture", {"mesh": "another"}, {})
    with pytest.raises(HumanrigError, match=r"painted on other surfaces than those in mesh/; run: .* --from texture"):
        export_session(session, "glb", tmp_path / "out")
    with pytest.raises(HumanrigError, match="no surface for the wanted instants"):
        BakedClip.of(Results(session), [99])


def changed(path: Path, **values) -> None:
    """Writes an .npz again with other values; None leaves one out."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | values
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


@pytest.mark.parametrize(
    ("file", "values", "says"),
    [
        ("body/person00.npz", {"joints": None}, "has no joints; run: .* --from register"),
        ("body/person00.npz", {"transl": np.full((4, 3), np.nan)}, "transl is not finite everywhere; run: "),
        ("body/person00.npz", {"time_us": np.zeros(4, int)}, "time_us do not increase; run: "),
        ("body/person00.npz", {"instants": np.zeros(0, int)}, "holds no instant; run: "),
        (
            "mesh/person00.npz",
            {name: np.zeros(0, int) for name in ("instants", "segment", "flags")},
            "has no surface ",
        ),
        (
            "mesh/person00/segment_001.npz",
            {"vertices": np.full((1, 8, 3), np.nan, np.float32)},
            "instant 7 .* not finite",
        ),
        ("mesh/person00/segment_001.npz", {"faces": cube_faces() + 1}, "faces name 8, there are 8; run the stage mesh"),
        ("mesh/person00/segment_001.npz", {"faces": cube_faces()[:0]}, "has 0 faces and 12 with"),
    ],
)
def test_damaged_results_are_refused_in_words(take, tmp_path, file, values, says) -> None:
    shutil.copytree(take.folder, tmp_path / "cubes")
    session = Session.open(tmp_path / "cubes")
    changed(session.path(file), **values)
    with pytest.raises((HumanrigError, TextureError), match=says):
        export_session(session, "obj" if file.startswith("body") else "glb_baked", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cubes"]


@pytest.mark.parametrize(
    "data", [b"", b"not a picture" * 9, simplejpeg.encode_jpeg(np.zeros((64, 64, 3), np.uint8))[:-9]]
)
def test_a_damaged_picture_is_no_texture(take, tmp_path, data) -> None:
    shutil.copytree(take.folder, tmp_path / "cubes")
    session = Session.open(tmp_path / "cubes")
    segment_texture(session.path("texture"), "person00", 1).write_bytes(data)
    for format in ("glb_baked", "obj"):
        with pytest.raises(HumanrigError, match=r"segment_001\.jpg is damaged; run: .* --from texture"):
            export_session(session, format, tmp_path / "out")
