"""The GLB is read back and posed by a small reader of our own, as a viewer would, and compared with the body model."""

import dataclasses
import itertools
import json
import struct

import cv2
import numpy as np
import pytest
import torch
from official_validator import validate
from scipy.spatial.transform import Rotation

from body.loading import OPEN_BODY, load_body_model
from body.parameters import BodyParameters
from body.skinning import Skinning
from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.files.gltf import SkinnedClip, encode_glb, skinning_difference, write_glb
from texture.files.skinned_clip import following
from texture.files.skinning import continuous
from texture.surfaces.binding import bind, strongest_influences

_DTYPES = {5121: "<u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """The parts of glTF 2.0 that a skinned animation needs, written from the specification."""

    def __init__(self, data: bytes) -> None:
        magic, version, total = struct.unpack_from("<4sII", data)
        assert (magic, version, total) == (b"glTF", 2, len(data))
        length, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        self.document = json.loads(data[20 : 20 + length])
        binary, kind = struct.unpack_from("<I4s", data, 20 + length)
        assert kind == b"BIN\0"
        self.binary = data[28 + length :]
        assert len(self.binary) == binary
        self.primitive = self.document["meshes"][0]["primitives"][0]

    def accessor(self, index: int) -> np.ndarray:
        accessor = self.document["accessors"][index]
        view = self.document["bufferViews"][accessor["bufferView"]]
        dtype, width = np.dtype(_DTYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]]
        assert view["byteOffset"] % 4 == 0
        assert view["byteLength"] == accessor["count"] * width * dtype.itemsize
        values = np.frombuffer(self.binary, dtype, accessor["count"] * width, view["byteOffset"]).reshape(-1, width)
        assert np.array_equal(values.min(0), np.array(accessor["min"], dtype))
        assert np.array_equal(values.max(0), np.array(accessor["max"], dtype))
        return values.astype(np.float64) if dtype.kind == "f" else values.astype(np.int64)

    def attribute(self, name: str) -> np.ndarray:
        return self.accessor(self.primitive["attributes"][name])

    @property
    def faces(self) -> np.ndarray:
        return self.accessor(self.primitive["indices"]).reshape(-1, 3)

    def image(self) -> bytes:
        view = self.document["bufferViews"][self.document["images"][0]["bufferView"]]
        return self.binary[view["byteOffset"] :][: view["byteLength"]]

    def vertices(self, keyframe: int | None) -> np.ndarray:
        """Skinned vertices in glTF's axes at one keyframe; None: no animation playing."""
        locals_ = [self._local(node) for node in self.document["nodes"]]
        if keyframe is not None:
            animation = self.document["animations"][0]
            for channel in animation["channels"]:
                value = self.accessor(animation["samplers"][channel["sampler"]]["output"])[keyframe]
                T = locals_[channel["target"]["node"]]
                if channel["target"]["path"] == "weights":
                    continue
                if channel["target"]["path"] == "rotation":
                    T[:3, :3] = Rotation.from_quat(value).as_matrix()
                else:
                    T[:3, 3] = value
        placed = {}

        def place(node: int, parent: np.ndarray) -> None:
            placed[node] = parent @ locals_[node]
            for child in self.document["nodes"][node].get("children", []):
                place(child, placed[node])

        for root in self.document["scenes"][0]["nodes"]:
            place(root, np.eye(4))
        skin = self.document["skins"][0]
        inverse_bind = self.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
        Ts = np.stack([placed[joint] for joint in skin["joints"]]) @ inverse_bind
        blended = np.einsum("vi,viab->vab", self.attribute("WEIGHTS_0"), Ts[self.attribute("JOINTS_0")])
        return np.einsum("vab,vb->va", blended[:, :3, :3], self._rest(keyframe)) + blended[:, :3, 3]

    def _rest(self, keyframe: int | None) -> np.ndarray:
        rest = self.attribute("POSITION")
        targets = self.primitive.get("targets", [])
        if targets:
            weights = np.array(self.document["meshes"][0]["weights"])
            if keyframe is not None:
                animation = self.document["animations"][0]
                (sampler,) = [c["sampler"] for c in animation["channels"] if c["target"]["path"] == "weights"]
                weights = self.accessor(animation["samplers"][sampler]["output"]).reshape(-1, len(targets))[keyframe]
            rest = rest + np.tensordot(weights, [self.accessor(target["POSITION"]) for target in targets], 1)
        return rest

    def _local(self, node: dict) -> np.ndarray:
        T = np.eye(4)
        T[:3, :3] = Rotation.from_quat(node.get("rotation", [0, 0, 0, 1])).as_matrix()
        T[:3, 3] = node.get("translation", [0, 0, 0])
        return T


def world_of(p_gltf: np.ndarray) -> np.ndarray:
    """glTF's y up to our z up: (x, y, z) came from (x, -z, y)."""
    return np.stack([p_gltf[:, 0], -p_gltf[:, 2], p_gltf[:, 1]], -1)


def source_vertices(model, glb: Glb) -> np.ndarray:
    """The model's vertex behind each vertex of the GLB."""
    source = np.empty(len(glb.attribute("POSITION")), np.int64)
    source[glb.faces.ravel()] = model.faces.ravel()
    return source


@pytest.fixture(scope="module")
def model():
    if not OPEN_BODY.is_file():
        pytest.skip(f"needs {OPEN_BODY}")
    return load_body_model(OPEN_BODY)


def dressed(model, parameters):
    """The shaped body at rest in clothes of changing thickness."""
    rest = model.shaped(parameters.betas)
    return rest + 0.01 * (1 + np.sin(20 * model.v_template[:, 1:2])) * model.mesh(rest).vertex_normals()


@pytest.fixture(scope="module")
def clip(model):
    rng = np.random.default_rng(7)
    frames = 6
    done, jpeg = cv2.imencode(".jpg", rng.integers(0, 256, (64, 64, 3), np.uint8))
    assert done
    parameters = BodyParameters(
        betas=rng.normal(size=10),
        global_orient=np.array([np.pi / 2, 0, 0]) + np.cumsum(rng.normal(0, 0.3, (frames, 3)), 0),
        body_pose=np.cumsum(rng.normal(0, 0.15, (frames, 69)), 0),
        transl=rng.normal(0, 1, (frames, 3)),
    )
    return SkinnedClip(
        model=model,
        parameters=parameters,
        times_s=5 + np.arange(frames) / 30,
        binding=bind(dressed(model, parameters), model.weights),
        texture_jpeg=jpeg.tobytes(),
    )


@pytest.fixture(scope="module")
def glb(clip):
    return Glb(encode_glb(clip))


@pytest.mark.parametrize("clothes", [True, False])
def test_posed_glb_equals_the_models_skinning_without_correctives(clip, clothes) -> None:
    """float32 positions and rotations of a 2 m body leave micrometres; 0.1 mm is the bound that is promised."""
    clip = clip if clothes else dataclasses.replace(clip, binding=None)
    p, skinning = clip.parameters, Skinning(clip.model, dtype=torch.float64)
    rotations = np.concatenate([p.global_orient, p.body_pose], 1).reshape(-1, 24, 3)
    Ts = skinning.transforms(*map(torch.as_tensor, (p.betas, rotations, p.transl))).Ts_world_rest
    rest = clip.model.shaped(p.betas)
    if clothes:
        rest = dressed(clip.model, p)
    expected = skinning.skin(torch.as_tensor(rest).expand(len(p), -1, -1), Ts).numpy()
    glb = Glb(encode_glb(clip))
    source = source_vertices(clip.model, glb)
    for frame in range(len(p)):
        assert np.abs(world_of(glb.vertices(frame)) - expected[frame][source]).max() < 1e-4


def test_without_animation_the_first_frame_stands_there(clip, glb) -> None:
    assert np.abs(glb.vertices(None) - glb.vertices(0)).max() < 1e-6
    assert np.abs(glb.vertices(0) - glb.vertices(4)).max() > 0.1


def test_a_standing_person_is_upright_in_gltfs_axes(model) -> None:
    standing = BodyParameters(
        betas=np.zeros(10), global_orient=np.array([[np.pi / 2, 0, 0]]), body_pose=np.zeros((1, 69)),
        transl=np.zeros((1, 3)),
    )  # fmt: skip
    glb = Glb(encode_glb(SkinnedClip(model=model, parameters=standing, times_s=np.zeros(1))))
    height = np.ptp(glb.vertices(0), axis=0)
    assert height[1] > 1.4
    assert height[2] < 0.6
    assert "z-up world" in glb.document["nodes"][1]["extras"]["axes"]
    assert "images" not in glb.document


@pytest.mark.parametrize("keyframe", [None, 0, 5])
def test_faces_point_outward(model, clip, glb, keyframe) -> None:
    posed = TriangleMesh(vertices=glb.vertices(keyframe), faces=glb.faces)
    closed = TriangleMesh(vertices=clip.rest_mesh().vertices, faces=model.faces)
    assert closed.is_watertight()
    assert posed.volume() == pytest.approx(closed.volume(), rel=0.2)  # skinning loses volume at bent joints


def test_normals_are_unit_and_point_outward(clip, glb) -> None:
    normals = glb.attribute("NORMAL")
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    mesh = TriangleMesh(vertices=glb.attribute("POSITION"), faces=glb.faces)
    corners = normals[mesh.faces].mean(1)
    assert ((corners * mesh.face_normals()).sum(1) > 0).mean() > 0.95  # folds of mouth and ears turn quickly


def test_texture_coordinates_count_from_the_top(model, glb) -> None:
    uv = glb.attribute("TEXCOORD_0")
    assert uv.min() >= 0
    assert uv.max() <= 1
    assert np.allclose(uv[glb.faces] * [1, -1] + [0, 1], model.uv[model.uv_faces], atol=1e-6)


def test_weights_sum_to_one_and_unused_joints_are_zero(glb) -> None:
    weights, joints = glb.attribute("WEIGHTS_0"), glb.attribute("JOINTS_0")
    assert np.allclose(weights.sum(1), 1, atol=1e-6)
    assert (joints[weights == 0] == 0).all()
    assert joints.max() < 24


def test_times_start_at_zero_and_quaternions_stay_on_one_side(clip, glb) -> None:
    animation = glb.document["animations"][0]
    times = glb.accessor(animation["samplers"][0]["input"])[:, 0]
    assert np.allclose(times, np.arange(len(clip.parameters)) / 30, atol=1e-6)
    for channel, sampler in zip(animation["channels"], animation["samplers"], strict=True):
        if channel["target"]["path"] == "rotation":
            xyzw = glb.accessor(sampler["output"])
            assert np.allclose(np.linalg.norm(xyzw, axis=1), 1, atol=1e-6)
            assert (np.sum(xyzw[1:] * xyzw[:-1], 1) >= 0).all()


def test_the_skeleton_can_become_fbx(clip, glb) -> None:
    """Plain unique names, one root, bones that have a length and no scale, a T-pose of unturned joints at rest."""
    nodes, skin = glb.document["nodes"], glb.document["skins"][0]
    names = [nodes[joint]["name"] for joint in skin["joints"]]
    assert len(set(names)) == 24
    assert all(name.isascii() and name.isidentifier() for name in names)
    children = [child for joint in skin["joints"] for child in nodes[joint].get("children", [])]
    assert sorted([skin["skeleton"], *children]) == sorted(skin["joints"])
    assert not any("scale" in node or "matrix" in node for node in nodes)
    bind = np.linalg.inv(glb.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2))
    assert np.array_equal(bind[:, :3, :3], np.broadcast_to(np.eye(3), (24, 3, 3)))
    for joint, parent in enumerate(clip.model.parents):
        if joint:
            bone = bind[joint, :3, 3] - bind[parent, :3, 3]
            assert np.linalg.norm(bone) > 0.01
            assert np.allclose(bone, nodes[skin["joints"][joint]]["translation"], atol=1e-6)
    left, right = (bind[names.index(f"{side}_wrist"), :3, 3] for side in ("left", "right"))
    assert left[0] - right[0] > 1.0  # arms spread along x


def test_the_jpeg_is_inside_unchanged(clip, glb) -> None:
    assert glb.image() == clip.texture_jpeg
    assert glb.document["extensionsUsed"] == ["KHR_materials_unlit"]


def test_continuous_quaternions_are_the_same_rotations() -> None:
    rng = np.random.default_rng(0)
    quaternions = Rotation.random(40, rng=rng).as_quat().reshape(20, 2, 4)
    same = continuous(quaternions)
    assert (np.sum(same[1:] * same[:-1], -1) >= 0).all()
    assert np.allclose(np.abs(np.sum(same * quaternions, -1)), 1)
    assert np.array_equal(same[0], quaternions[0])


def test_strongest_influences_keep_the_largest_and_their_proportion() -> None:
    weights = np.zeros((1, 24))
    weights[0, [3, 5, 8, 13, 21]] = [0.1, 0.3, 0.25, 0.05, 0.3]
    joints, strongest = strongest_influences(weights)
    assert set(joints[0]) == {3, 5, 8, 21}
    assert strongest[0].sum() == pytest.approx(1)
    assert np.allclose(strongest[0], weights[0, joints[0]] / 0.95)


def test_skinning_difference_is_that_of_the_correctives(model, clip) -> None:
    bare = dataclasses.replace(clip, binding=None)
    plain = dataclasses.replace(model, posedirs=None)
    assert (
        skinning_difference(dataclasses.replace(bare, model=plain)).p99_mm < 1e-3
    )  # the rest body is stored in float32
    with_correctives = skinning_difference(bare)
    assert 0.01 < with_correctives.mean_mm < with_correctives.p99_mm
    moved = plain.pose(clip.parameters).vertices + [0.003, 0, 0]
    assert skinning_difference(bare, moved).mean_mm == pytest.approx(3)


def test_shapes_bring_the_skin_to_what_was_measured(model, clip, tmp_path) -> None:
    """Correctives of the model, which no skin holds, at five of six frames; the third is not known."""
    frames = np.array([0, 1, 3, 4, 5])
    bare = dataclasses.replace(clip, binding=None)
    wanted = model.pose(clip.parameters).vertices
    shaped = following(bare, wanted[frames], frames, tolerance_m=2e-4)
    assert shaped.shapes is not None
    assert 1 <= len(shaped.shapes) <= 5
    assert skinning_difference(shaped, wanted).p99_mm < 0.5 * skinning_difference(bare, wanted).p99_mm
    glb = Glb(encode_glb(shaped))
    source = source_vertices(model, glb)
    for frame in frames:
        assert np.abs(world_of(glb.vertices(frame)) - wanted[frame][source]).max() < 4e-4  # skinning stretches folds
    assert np.abs(glb.vertices(None) - glb.vertices(0)).max() < 1e-6
    (tmp_path / "person.glb").write_bytes(encode_glb(shaped))
    assert "0 errors, 0 warnings, 0 infos" in validate(tmp_path / "person.glb").stdout


def test_clips_that_cannot_be_animated_are_refused(clip) -> None:
    still = np.zeros(len(clip.parameters))
    with pytest.raises(TextureError, match="frame 1 is not later"):
        dataclasses.replace(clip, times_s=still)
    with pytest.raises(TextureError, match="6 frames, 2 times"):
        dataclasses.replace(clip, times_s=np.arange(2.0))
    with pytest.raises(TextureError, match="10 vertices"):
        dataclasses.replace(clip, binding=bind(np.zeros((10, 3)), np.ones((10, 24))))
    with pytest.raises(TextureError, match="JPEG"):
        dataclasses.replace(clip, texture_jpeg=b"\x89PNG")
    with pytest.raises(TextureError, match="transl"):
        dataclasses.replace(clip, parameters=dataclasses.replace(clip.parameters, transl=np.full((6, 3), np.nan)))
    with pytest.raises(TextureError, match="no texture coordinates"):
        encode_glb(dataclasses.replace(clip, model=dataclasses.replace(clip.model, uv=None, uv_faces=None)))


@pytest.mark.parametrize(("textured", "frames"), list(itertools.product([True, False], [1, 6])))
def test_the_official_validator_has_nothing_to_say(tmp_path, clip, textured, frames) -> None:
    kept = slice(0, frames)
    part = dataclasses.replace(
        clip,
        parameters=clip.parameters[kept],
        times_s=clip.times_s[kept],
        texture_jpeg=clip.texture_jpeg if textured else None,
    )
    write_glb(tmp_path / "person.glb", part)
    done = validate(tmp_path / "person.glb")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 errors, 0 warnings, 0 infos, 0 hints" in done.stdout, done.stdout


def test_the_validator_script_fails_on_bad_files(tmp_path, clip) -> None:
    data = encode_glb(clip)
    (tmp_path / "broken.glb").write_bytes(data.replace(b'"WEIGHTS_0"', b'"WEIGHTS_9"'))
    (tmp_path / "cut.glb").write_bytes(data[: len(data) // 2])
    for name in ("broken.glb", "cut.glb"):
        done = validate(tmp_path / name)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "error: " in done.stdout
    assert validate(tmp_path / "missing.glb").returncode == 2
