"""USD files are read back, skinned and checked by USD's own library."""

from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from body.joints import JOINT_NAMES
from body.loading import OPEN_BODY, load_body_model
from body.parameters import BodyParameters
from texture.errors import TextureError
from texture.files.baked_segment import BakedSegment
from texture.files.skinned_clip import SkinnedClip, following
from texture.files.skinning import joint_motion, skin
from texture.files.time_codes import time_codes
from texture.files.usd_cache import write_usd_cache
from texture.files.usd_check import usd_problems
from texture.files.usd_library import Gf, Usd, UsdGeom, UsdShade, UsdSkel
from texture.files.usd_skin import pack_usdz, write_usd_skin

FRAMES = 4


def world_of(points: np.ndarray, prim, code: float) -> np.ndarray:
    """Points of a prim in the session's z-up world."""
    T = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(code))
    y_up = points @ T[:3, :3] + T[3, :3]
    return np.stack([y_up[:, 0], -y_up[:, 2], y_up[:, 1]], -1)


@pytest.fixture(scope="module")
def clip() -> SkinnedClip:
    """A body of four frames, the third of the clip missing; its shapes hold the model's pose correctives."""
    if not OPEN_BODY.is_file():
        pytest.skip(f"needs {OPEN_BODY}")
    model, rng = load_body_model(OPEN_BODY), np.random.default_rng(7)
    parameters = BodyParameters(
        betas=rng.normal(size=10),
        global_orient=np.array([np.pi / 2, 0, 0]) + np.cumsum(rng.normal(0, 0.3, (FRAMES, 3)), 0),
        body_pose=np.cumsum(rng.normal(0, 0.15, (FRAMES, 69)), 0),
        transl=rng.normal(0, 1, (FRAMES, 3)),
    )
    bare = SkinnedClip(
        model=model,
        parameters=parameters,
        times_s=5 + np.array([0, 1, 3, 4]) / 30 + rng.normal(0, 1e-4, FRAMES),
        texture_jpeg=simplejpeg.encode_jpeg(rng.integers(0, 256, (32, 32, 3), np.uint8)),
    )
    return following(bare, model.pose(parameters).vertices, np.arange(FRAMES))


@pytest.fixture(scope="module")
def package(clip, tmp_path_factory):
    """The .usdz; the .usdc and its picture lie beside it."""
    path = tmp_path_factory.mktemp("usd") / "person00.usdc"
    write_usd_skin(path, clip)
    return pack_usdz(path)


def test_usd_itself_skins_the_file_to_the_posed_body(clip, package) -> None:
    wanted = clip.model.pose(clip.parameters).vertices
    skinned = skin(clip.bound(), joint_motion(clip.model, clip.parameters), clip.shapes)
    stage = Usd.Stage.Open(str(package))
    root = UsdSkel.Root(stage.GetPrimAtPath("/person/world/body"))
    boxes = [world_of(np.array(root.GetExtentAttr().Get(code)), root, code) for code in (0, 1, 3, 4)]
    assert UsdSkel.BakeSkinning(root, Gf.Interval(0, 4))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/person/world/body/mesh"))
    for frame, code in enumerate((0, 1, 3, 4)):
        world = world_of(np.array(mesh.GetPointsAttr().Get(code)), mesh, code)
        assert np.abs(world - skinned[frame]).max() < 2e-6  # float32 of a body a few metres from the origin
        assert np.abs(world - wanted[frame]).max() < 1e-3  # the shapes' tolerance
        assert (world >= boxes[frame].min(0)).all()
        assert (world <= boxes[frame].max(0)).all()


def test_axes_units_rate_and_names_are_stated(clip, package) -> None:
    stage = Usd.Stage.Open(str(package.with_suffix(".usdc")))
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert (stage.GetTimeCodesPerSecond(), stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (30, 0, 4)
    assert str(stage.GetDefaultPrim().GetPath()) == "/person"
    joints = UsdSkel.Skeleton(stage.GetPrimAtPath("/person/world/body/skeleton")).GetJointsAttr().Get()
    assert [path.split("/")[-1] for path in joints] == list(JOINT_NAMES)
    assert "pelvis/left_hip/left_knee" in joints
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/person/world/body/mesh"))
    rest = np.array(mesh.GetPointsAttr().Get())
    faces = np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
    a, b, c = (rest[faces[:, k]] for k in range(3))
    assert (a * np.cross(b, c)).sum() > 0  # faces point outward
    st = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st")
    model = clip.model
    assert model.uv is not None
    assert np.allclose(np.array(st.ComputeFlattened()), model.uv[model.uv_faces].reshape(-1, 2), atol=1e-6)


def test_the_texture_is_in_the_package(clip, package) -> None:
    assert clip.texture_jpeg in package.read_bytes()
    stage = Usd.Stage.Open(str(package))
    material, _ = UsdShade.MaterialBindingAPI(stage.GetPrimAtPath("/person/world/body/mesh")).ComputeBoundMaterial()
    assert material
    picture = stage.GetPrimAtPath("/person/materials/skin/texture").GetAttribute("inputs:file").Get()
    assert picture.resolvedPath.endswith("person00.usdz[person00.jpg]")


def test_usds_own_validators_find_nothing(package, clip, tmp_path) -> None:
    assert usd_problems(package) == []
    assert usd_problems(package.with_suffix(".usdc")) == []
    plain = tmp_path / "plain.usdc"
    write_usd_skin(plain, replace(clip, texture_jpeg=None, shapes=None))
    assert usd_problems(plain) == []
    stage = Usd.Stage.Open(str(package.with_suffix(".usdc")))
    stage.ClearMetadata("upAxis")
    stage.Export(str(tmp_path / "broken.usda"))
    assert any("upAxis" in problem for problem in usd_problems(tmp_path / "broken.usda"))
    with pytest.raises(TextureError, match="cannot be opened"):
        usd_problems(tmp_path / "missing.usdc")


@pytest.fixture(scope="module")
def segments(painted) -> list[BakedSegment]:
    made, rng = [], np.random.default_rng(5)
    for number, (rows, times) in enumerate([(8, [2.0, 2.1, 2.2]), (6, [2.3])]):
        globe = painted.globe(rows=rows, columns=2 * rows)
        moved = globe.vertices + rng.normal(0, 0.1, (len(times), 1, 3))
        picture = simplejpeg.encode_jpeg(np.full((16, 16, 3), 60 * number, np.uint8))
        made.append(
            BakedSegment(
                name=f"segment_{number:03d}", times_s=np.array(times), vertices=moved.astype(np.float32),
                faces=globe.faces, uv=globe.uv, uv_faces=globe.uv_faces, texture_jpeg=picture,
            )
        )  # fmt: skip
    return made


def test_a_cache_holds_every_surface_and_shows_one(segments, tmp_path) -> None:
    path = tmp_path / "cache.usdc"
    codes = write_usd_cache(path, segments, np.concatenate([s.times_s for s in segments]))
    assert (codes.rate_hz, codes.codes.tolist()) == (10, [0, 1, 2, 3])
    assert usd_problems(path) == []
    stage = Usd.Stage.Open(str(path))
    meshes = [UsdGeom.Mesh(stage.GetPrimAtPath(f"/person/world/segment_{number:03d}")) for number in (0, 1)]
    for code in range(4):
        visible = [mesh.ComputeVisibility(code) == "inherited" for mesh in meshes]
        assert visible == [code < 3, code == 3]
        number, row = (0, code) if code < 3 else (1, 0)
        world = world_of(np.array(meshes[number].GetPointsAttr().Get(code)), meshes[number], code)
        assert np.abs(world - segments[number].vertices[row]).max() < 1e-6
        extent = np.array(meshes[number].GetExtentAttr().Get(code))
        assert np.allclose(extent, [segments[number].vertices[row].min(0), segments[number].vertices[row].max(0)])
    assert meshes[0].ComputeVisibility(2.9) == "inherited"
    for segment in segments:
        assert (tmp_path / "cache_textures" / f"{segment.name}.jpg").read_bytes() == segment.texture_jpeg


def test_what_has_no_place_in_a_file_is_refused(segments, tmp_path) -> None:
    path, times = tmp_path / "x.usdc", segments[1].times_s
    with pytest.raises(TextureError, match="no surface"):
        write_usd_cache(path, [], np.zeros(0))
    with pytest.raises(TextureError, match="no texture coordinates"):
        write_usd_cache(path, [replace(segments[1], uv=None, uv_faces=None)], times)
    with pytest.raises(TextureError, match="segment_001: vertices that are not finite"):
        write_usd_cache(path, [replace(segments[1], vertices=segments[1].vertices * np.nan)], times)
    with pytest.raises(TextureError, match="segment_000 has more frames than times"):
        write_usd_cache(path, segments[:1], times)
    with pytest.raises(TextureError, match="2 times for 1 frames"):
        write_usd_cache(path, segments[1:], np.array([2.0, 2.3]))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TextureError, match="cannot be written"):
        write_usd_cache(tmp_path / "file" / "x.usdc", [replace(segments[1], texture_jpeg=None)], times)
    assert not path.exists()


def test_time_codes_are_whole_where_frames_are_missing_and_exact_where_they_are_uneven() -> None:
    rng = np.random.default_rng(1)
    frames = np.delete(np.arange(300), [4, 5, 90])
    even = time_codes(3 + frames / 30.003 + rng.normal(0, 5e-4, len(frames)) * (frames > 0))
    assert even.even
    assert even.rate_hz == 30
    assert np.array_equal(even.codes, frames)
    times = np.array([0, 0.1, 0.25, 0.3, 0.44])
    uneven = time_codes(times)
    assert not uneven.even
    assert np.allclose(uneven.codes / uneven.rate_hz, times)
    assert time_codes(np.array([9.0])).codes.tolist() == [0]
