"""Baked GLBs are read back by our own reader of the specification and by trimesh."""

import io
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg
import trimesh
from official_validator import validate

from texture.errors import TextureError
from texture.files.baked_segment import BakedSegment
from texture.files.gltf_baked import encode_baked_glb
from texture.files.shape_keys import shape_keys

_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}
_DTYPES = {5123: "<u2", 5125: "<u4", 5126: "<f4"}


class Viewer:
    """What a viewer shows of a baked file at a time."""

    def __init__(self, data: bytes) -> None:
        length = struct.unpack_from("<I", data, 12)[0]
        self.document = json.loads(data[20 : 20 + length])
        self.binary = data[28 + length :]

    def values(self, accessor: int) -> np.ndarray:
        described = self.document["accessors"][accessor]
        view, width = self.document["bufferViews"][described["bufferView"]], _WIDTHS[described["type"]]
        dtype = _DTYPES[described["componentType"]]
        return np.frombuffer(self.binary, dtype, described["count"] * width, view["byteOffset"]).reshape(-1, width)

    def shown(self, time_s: float) -> tuple[str, np.ndarray, np.ndarray]:
        """Name, vertices in the z-up world and faces of the one mesh that is not scaled to nothing."""
        channels = [
            (channel["target"], self.document["animations"][0]["samplers"][channel["sampler"]])
            for channel in self.document.get("animations", [{"channels": []}])[0]["channels"]
        ]
        found = []
        for node in self.document["nodes"][0]["children"]:
            described = self.document["nodes"][node]
            scale, mesh = described.get("scale", [1, 1, 1])[0], self.document["meshes"][described["mesh"]]
            weights = np.array(mesh.get("weights", []))
            for target, sampler in channels:
                if target["node"] != node:
                    continue
                times, output = self.values(sampler["input"])[:, 0], self.values(sampler["output"])
                if target["path"] == "scale":
                    assert sampler["interpolation"] == "STEP"
                    scale = output[max(np.searchsorted(times, time_s + 1e-6, "right") - 1, 0), 0]
                else:
                    rows = output.reshape(len(times), -1)
                    weights = np.array([np.interp(time_s, times, column) for column in rows.T])
            if scale == 1:
                primitive = mesh["primitives"][0]
                vertices = self.values(primitive["attributes"]["POSITION"]).astype(float)
                for weight, shape in zip(weights, primitive.get("targets", []), strict=True):
                    vertices = vertices + weight * self.values(shape["POSITION"])
                found.append((mesh["name"], vertices, self.values(primitive["indices"]).reshape(-1, 3)))
            else:
                assert scale == 0
        assert len(found) == 1
        return found[0]


@pytest.fixture(scope="module")
def segments(painted) -> list[BakedSegment]:
    """A globe that tumbles, another of fewer faces that is there for one frame, and a third that grows."""
    made, rng = [], np.random.default_rng(5)
    for number, (rows, times) in enumerate([(8, [2.0, 2.1, 2.2, 2.3]), (6, [2.4]), (7, [2.5, 2.7])]):
        globe = painted.globe(rows=rows, columns=2 * rows)
        turns = np.cumsum(rng.normal(0, 0.2, (len(times), 3, 3)), 0) + np.eye(3)
        picture = np.full((16, 16, 3), 60 * number, np.uint8)
        made.append(
            BakedSegment(
                name=f"segment_{number:03d}",
                times_s=np.array(times),
                vertices=(globe.vertices @ turns).astype(np.float32),
                faces=globe.faces,
                uv=globe.uv,
                uv_faces=globe.uv_faces,
                texture_jpeg=simplejpeg.encode_jpeg(picture),
            )
        )
    return made


def corners(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    return vertices[faces.astype(np.int64)]


def test_each_frame_shows_its_own_surface(segments) -> None:
    data, figures = encode_baked_glb(segments, tolerance_m=1e-4)
    viewer = Viewer(data)
    assert (figures.segments, figures.frames) == (3, 7)
    for segment in segments:
        for time, vertices in zip(segment.times_s, segment.vertices, strict=True):
            name, shown, faces = viewer.shown(time - 2.0)
            assert name == segment.name
            apart = np.linalg.norm(corners(shown, faces) - corners(vertices, segment.faces), axis=-1)
            assert apart.max() < 1.1e-4  # the tolerance asked for, and float32


def test_between_frames_the_surface_moves_and_the_last_one_stays(segments) -> None:
    viewer = Viewer(encode_baked_glb(segments, tolerance_m=1e-5)[0])
    _, shown, faces = viewer.shown(0.05)
    between = (segments[0].vertices[0].astype(float) + segments[0].vertices[1]) / 2
    assert np.abs(corners(shown, faces) - corners(between, segments[0].faces)).max() < 1e-4
    assert viewer.shown(0.399)[0] == "segment_000"
    assert viewer.shown(9.0)[0] == "segment_002"


def test_one_surface_is_a_plain_model_that_trimesh_reads(segments) -> None:
    data, figures = encode_baked_glb(segments[1:2])
    assert figures.shapes == 0
    scene = trimesh.load(io.BytesIO(data), file_type="glb")
    assert isinstance(scene, trimesh.Scene)
    (name,) = scene.graph.nodes_geometry
    T, geometry = scene.graph[name]
    read = scene.geometry[geometry]
    y_up = trimesh.transform_points(read.vertices, T)
    world = np.stack([y_up[:, 0], -y_up[:, 2], y_up[:, 1]], -1)
    np.testing.assert_allclose(
        corners(world, read.faces), corners(segments[1].vertices[0], segments[1].faces), atol=1e-6
    )
    assert read.volume > 0
    assert np.asarray(read.visual.material.baseColorTexture).mean() == pytest.approx(60, abs=2)
    np.testing.assert_allclose(  # trimesh turns v round again: as in the segment
        read.visual.uv[read.faces], segments[1].uv[segments[1].uv_faces], atol=1e-6
    )


def test_official_validator_is_silent(segments, tmp_path) -> None:
    (tmp_path / "baked.glb").write_bytes(encode_baked_glb(segments)[0])
    assert "0 errors, 0 warnings, 0 infos" in validate(tmp_path / "baked.glb").stdout


def test_surfaces_without_texture_are_plain(segments) -> None:
    plain = [replace(segment, texture_jpeg=None) for segment in segments]
    document = Viewer(encode_baked_glb(plain)[0]).document
    assert "images" not in document
    assert "extensionsUsed" not in document


def test_what_cannot_be_baked_is_refused(segments) -> None:
    with pytest.raises(TextureError, match="no surface"):
        encode_baked_glb([])
    with pytest.raises(TextureError, match="frame 1 is not later"):
        encode_baked_glb(segments[1::-1])
    with pytest.raises(TextureError, match="no texture coordinates"):
        encode_baked_glb([replace(segments[0], uv=None, uv_faces=None)])
    broken = segments[0].vertices.copy()
    broken[2, 5] = np.nan
    with pytest.raises(TextureError, match="frame 2 has vertices that are not finite"):
        encode_baked_glb([replace(segments[0], vertices=broken)])


def test_shapes_are_few_and_hold_the_tolerance() -> None:
    """Three true motions of very different size, and noise below the tolerance."""
    rng = np.random.default_rng(2)
    frames, count = 30, 200
    truth = rng.normal(size=(3, count, 3)) * np.array([0.5, 0.02, 0.002])[:, None, None]
    vertices = np.tensordot(rng.uniform(-1, 1, (frames, 3)), truth, 1) + rng.uniform(-1e-5, 1e-5, (frames, count, 3))
    keys = shape_keys(vertices, tolerance_m=2e-4)
    assert len(keys) == 3
    apart = max(np.linalg.norm(keys.frame(f) - vertices[f], axis=1).max() for f in range(frames))
    assert apart < 2e-4
    assert np.abs(keys.weights).max() == pytest.approx(1)
    assert len(shape_keys(vertices, tolerance_m=2e-4, most=2)) == 2
    assert len(shape_keys(vertices[:1])) == 0
    long = np.tensordot(rng.uniform(-1, 1, (700, 3)), truth, 1)
    keys = shape_keys(long, tolerance_m=2e-4)
    assert len(keys) == 3
    assert max(np.linalg.norm(keys.frame(f) - long[f], axis=1).max() for f in range(700)) < 2e-4
    exact = shape_keys(vertices[:5], tolerance_m=0.0)
    assert max(np.abs(exact.frame(f) - vertices[f]).max() for f in range(5)) < 1e-6  # float32 of coordinates below 2 m
