"""The smallest results and options that once ended in a traceback, or led out of their folder: one sentence now."""

from __future__ import annotations

import json

import numpy as np
import pytest

from humanrig.commands.reconstruct import read_configs
from humanrig.errors import HumanrigError
from humanrig.manifest import NAME, Manifest, read, write
from texture.errors import TextureError
from texture.files.mesh_sequence import MeshSequence, Segment, write_index, write_segment

WHOLE = Manifest(
    stage="sync", code="1", inputs={}, config={}, instants=[0], without=[], outputs={"a": [1, "0" * 64]}, seconds=1.0,
    started="2026-01-01T00:00:00+00:00",
)  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("outputs", {"a": 5}),
        ("outputs", {"a": [1]}),
        ("outputs", {"../a": [1, "x"]}),
        ("outputs", {"/etc/passwd": [1, "x"]}),
        ("outputs", {"a\x1b[2J": [1, "x"]}),
        ("outputs", []),
        ("config", None),
        ("instants", "x"),
        ("schema", "2"),
        ("seconds", None),
    ],
)
def test_a_manifest_of_other_kinds_is_a_sentence(tmp_path, key, value):
    write(WHOLE, tmp_path)
    assert read(tmp_path) == WHOLE
    content = json.loads((tmp_path / NAME).read_text())
    (tmp_path / NAME).write_text(json.dumps(content | {key: value}))
    with pytest.raises(HumanrigError, match="to redo the stage") as caught:
        read(tmp_path)
    assert "\x1b" not in str(caught.value)


def test_a_manifest_nested_without_end_is_a_sentence(tmp_path):
    (tmp_path / NAME).write_text('{"stage":' * 100_000)
    with pytest.raises(HumanrigError, match="nested too deeply"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "a = "])
def test_options_that_are_none_are_a_sentence(tmp_path, text):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(HumanrigError, match="is not TOML"):
        read_configs(tmp_path / "a.toml", ())
    assert read_configs(None, ("register.betas=16",)) == {"register": {"betas": 16}}


@pytest.mark.parametrize(
    "change",
    [
        {"vertices": np.zeros(3)},
        {"vertices": np.zeros((1, 3, 3), "S3")},
        {"faces": np.zeros((0, 3), int)},
        {"uv": np.zeros((3, 5))},
        {"rest": np.zeros(3)},
        {"faces": np.array([[0, 1, 9]])},
    ],
)
def test_a_surface_of_another_shape_is_a_sentence(tmp_path, change):
    faces = np.array([[0, 1, 2]])
    segment = Segment(
        instants=np.arange(1),
        vertices=np.eye(3, dtype=np.float32)[None],
        faces=faces,
        uv=np.zeros((3, 2)),
        uv_faces=faces,
    )
    write_segment(tmp_path, "person00", 0, segment)
    write_index(tmp_path, "person00", [(0, 0, "")])
    sequence = MeshSequence.open(tmp_path, "person00")
    path = next((tmp_path / "person00").glob("*.npz"))
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **(arrays | {"../strange": np.zeros(3)}))
    assert sequence.surface(0).vertices.shape == (3, 3)  # what nobody asked for is passed over
    np.savez(path, **(arrays | change))
    with pytest.raises(TextureError, match=r"segment_000\.npz"):
        sequence.surface(0)
