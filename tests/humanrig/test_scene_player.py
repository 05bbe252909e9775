"""The scene inside a page: what is packed comes back, and its skin is where the fitted body and its surface are."""

import base64
import re

import numpy as np
import pytest
from export_take import INSTANTS, build_take

from body.loading import OPEN_BODY
from body.parameters import BodyParameters
from capture.session import Session
from geometry.rigid import transform
from humanrig import manifest
from humanrig.manifest import Manifest
from humanrig.results import Results
from humanrig.scene3d_embed import DETAILS, MOST_BYTES, embedded_scene
from humanrig.scene_player.contents import FINEST, contents
from humanrig.scene_player.packed import Packer, unpack
from humanrig.scene_player.person import clip_to_play, followed, pack_person, unpacked_binding, unpacked_rotations
from humanrig.scene_player.surroundings import FRUSTUM_DEPTH_M
from texture.files.shape_keys import ShapeKeys
from texture.files.skinned_clip import SkinnedClip
from texture.files.skinning import JointMotion, joint_motion, skin

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        return build_take(tmp_path_factory.mktemp("takes") / "take")


@pytest.fixture(scope="module")
def scene(take) -> dict:
    """Of the take, with a camera that is marked."""
    return scene_of(embedded_scene(take, marked={"kinect_001/depth": "moved"}))


@pytest.fixture
def dressed(take, tmp_path) -> Session:
    """The same with manifests that say that the surfaces were made from these bodies."""
    session = build_take(tmp_path / "take")
    body = made_of("register", {})
    manifest.write(body, session.path("body"))
    manifest.write(made_of("mesh", {"register": body.digest}), session.path("mesh"))
    return session


def made_of(stage: str, inputs: dict[str, str]) -> Manifest:
    return Manifest(
        stage=stage, code="", inputs=inputs, config={}, instants=list(INSTANTS), without=[],
        outputs={"person00.npz": [1, stage]}, seconds=0.0, started="",
    )  # fmt: skip


def scene_of(html: str) -> dict:
    """What the page unpacks."""
    (packed,) = re.findall(r'<script type="application/octet-stream">([A-Za-z0-9+/=]*)</script>', html)
    return unpack(base64.b64decode(packed))


def skinned(about: dict, row: int) -> np.ndarray:
    """Vertices of a row, from nothing but what the page has."""
    rest = about["rest_joints"].astype(np.float64)
    bones = rest.copy()
    bones[1:] -= rest[about["parents"][1:]]
    motion = JointMotion(
        parents=np.array(about["parents"]),
        rest_joints=rest,
        bones=bones,
        rotations_xyzw=unpacked_rotations(about)[row : row + 1],
        root_translation=about["root"][row : row + 1].astype(np.float64),
    )
    binding = unpacked_binding(about)
    shapes = ShapeKeys(
        base=binding.rest,
        shapes=(about["shapes"] * about["shape_step"]).astype(np.float32),
        weights=about["shape_weights"][row : row + 1],
    )
    return skin(binding, motion, shapes)[0]


def test_arrays_and_words_come_back() -> None:
    packer = Packer()
    first, second = np.arange(5, dtype=np.uint8), np.arange(6, dtype=np.float32).reshape(2, 3)
    header = {"name": "grüß", "of": [{"a": packer.add(first)}, {"b": packer.add(second)}]}
    packed = packer.pack(header)
    assert packed == packer.pack(header), "the same contents are the same bytes"
    back = unpack(packed)
    assert back["name"] == "grüß"
    np.testing.assert_array_equal(back["of"][0]["a"], first)
    np.testing.assert_array_equal(back["of"][1]["b"], second)


def test_the_skin_is_within_a_millimetre_of_the_body(take, scene) -> None:
    """The body's pose correctives are in the shapes. Measured: 0.3 mm at most for this random pose."""
    (about,) = scene["people"]
    results = Results(take)
    wanted = results.model.pose(results.parameters).vertices
    assert about["row"].tolist() == [0, 1]
    for row in range(2):
        distance = np.linalg.norm(skinned(about, row) - wanted[row], axis=-1)
        assert distance.max() < 0.001
    assert skinned(about, 0)[:, 2].std() > 0.2, "somebody stands there"


def test_frames_that_shapes_were_not_taken_from_have_their_own_weights(take, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds that come and go in two ways are found from four frames, and followed in all nine."""
    monkeypatch.setattr("humanrig.scene_player.person.LEARNT", 4)
    rng = np.random.default_rng(4)
    turning = np.linspace(0, 1, 9)[:, None]
    clip = SkinnedClip(
        model=Results(take).model,
        parameters=BodyParameters(
            betas=np.zeros(1), global_orient=turning * [0.0, 0, 1], body_pose=turning * rng.normal(0, 0.1, 69),
            transl=np.zeros((9, 3)),
        ),
        times_s=np.arange(9.0),
    )  # fmt: skip
    folds = ShapeKeys(
        base=clip.bound().rest,
        shapes=rng.normal(0, 0.01, (2, clip.model.vertex_count, 3)).astype(np.float32),
        weights=np.stack([np.sin(np.arange(9)), np.cos(2.3 * np.arange(9))], 1).astype(np.float32),
    )
    wanted = skin(clip.bound(), joint_motion(clip.model, clip.parameters), folds)
    known = np.array([0, 1, 2, 3, 5, 6, 7, 8])
    found = followed(clip, known, lambda chosen: wanted[known[chosen]], 8)
    reached = skin(clip.bound(), joint_motion(clip.model, clip.parameters), found.shapes)
    distance = np.linalg.norm(reached - wanted, axis=-1).max(1)
    assert found.shapes is not None
    assert len(found.shapes) == 2
    assert distance[known].max() < 1e-4, "float32 and the solver"
    assert distance[4] > 1e-3, "where the surface is not known it wears that of the frame beside it"


def test_a_surface_comes_with_its_texture(dressed) -> None:
    scene = scene_of(embedded_scene(dressed))
    (about,) = scene["people"]
    mesh = Results(dressed).surface(INSTANTS[1])
    assert np.linalg.norm(skinned(about, 1) - mesh.vertices, axis=-1).max() < 0.001
    assert about["texture"][:2].tolist() == [0xFF, 0xD8], "a JPEG"
    corners, uv = about["vertex"][about["faces"]], about["uv"][about["faces"]] / 65535
    np.testing.assert_array_equal(corners, mesh.faces)
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    flipped = np.clip(np.stack([mesh.uv[:, 0], 1 - mesh.uv[:, 1]], -1), 0, 1)
    np.testing.assert_allclose(uv, flipped[mesh.uv_faces], atol=1 / 65535)


def test_a_person_who_is_not_there_has_no_row(take) -> None:
    packer, clip = Packer(), clip_to_play(Results(take), [INSTANTS[1]], 4)[0]
    about = unpack(packer.pack({"p": pack_person(packer, clip, np.array([2]), 4, 64)}))["p"]
    assert about["row"].tolist() == [-1, -1, 0, -1]
    assert about["weights"].sum(1).tolist() == [65535] * len(about["weights"])


def test_clouds_and_cameras_are_where_they_are(take, scene) -> None:
    assert scene["instants"] == list(INSTANTS)
    for cloud, instant in zip(scene["clouds"], INSTANTS, strict=True):
        with np.load(take.path("clouds", f"{instant:06d}.npz")) as arrays:
            points, colors = arrays["points"], arrays["colors"]
        step = np.array(cloud["step"])
        np.testing.assert_allclose(cloud["points"] * step + cloud["low"], points, atol=1e-4)
        np.testing.assert_array_equal(cloud["colors"], colors)
    assert [(c["name"], c["marked"]) for c in scene["cameras"]] == [("kinect_000", ""), ("kinect_001", "moved")]
    camera = take.cameras()["kinect_000/color"]
    ends = np.array(scene["cameras"][0]["lines"]).reshape(-1, 3)
    np.testing.assert_allclose(ends[0], camera.center, atol=1e-4)
    p_camera = transform(camera.T_camera_world, ends[1])
    np.testing.assert_allclose(p_camera[2], FRUSTUM_DEPTH_M, atol=1e-4)
    np.testing.assert_allclose((camera.K @ p_camera / p_camera[2])[:2], [-0.5, -0.5], atol=0.05)  # 0.1 mm at 0.25 m


def test_what_is_not_there_yet_is_said(take, tmp_path) -> None:
    session = build_take(tmp_path / "take")
    session.path("body", "person00.npz").unlink()
    shown = contents(session, {})
    assert not shown.clips
    assert shown.instants == list(INSTANTS), "the clouds are shown"
    html = embedded_scene(session)
    assert "There are no bodies yet." in html
    session.path("clouds", f"{INSTANTS[0]:06d}.npz").write_bytes(b"PK no")
    assert "cannot be read" in embedded_scene(session)
    session.path("calibration", "cameras.json").unlink()
    for instant in INSTANTS:
        session.path("clouds", f"{instant:06d}.npz").unlink()
    html = embedded_scene(session)
    assert "No 3D scene" in html
    assert "<script" not in html


def test_a_damaged_body_is_a_sentence_and_names_cannot_end_the_page(take, tmp_path) -> None:
    session = build_take(tmp_path / "<img src=x>")
    session.path("body", "person00.npz").write_bytes(b"nothing")
    html = embedded_scene(session, marked={"kinect_000": "</script><b>"})
    assert "<img src=x>" not in html
    assert "&lt;img src=x&gt;" in html
    assert html.count("</script>") == 2
    assert scene_of(html)["cameras"][0]["marked"] == "</script><b>"


def test_a_scene_is_made_coarser_until_it_is_small(take, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = contents(take, {})
    monkeypatch.setattr("humanrig.scene3d_embed.contents", lambda session, marked: shown)
    whole = embedded_scene(take)
    assert len(whole) < MOST_BYTES
    monkeypatch.setattr("humanrig.scene3d_embed.MOST_BYTES", len(shown.pack(FINEST)) * 4 // 3 + 60_000 - 2_000)
    assert len(embedded_scene(take)) < len(whole) - 2_000
    monkeypatch.setattr("humanrig.scene3d_embed.DETAILS", DETAILS[-1:])
    monkeypatch.setattr("humanrig.scene3d_embed.MOST_BYTES", 70_000)
    assert "1 people take more than" in embedded_scene(take)
