"""The smallest recordings that once ended in a traceback or filled the memory: one sentence now, and no session."""

from __future__ import annotations

import struct
import zipfile

import liblzfse
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from capture import depth_codec
from capture.errors import CaptureError
from capture.frame_sets import SCHEMA, Instant, read_instants, write_instants
from capture.importers import lzfse
from capture.importers.agreement import depth_agreement
from capture.importers.detect import import_recording
from geometry.camera import Camera

DEPTH = np.linspace(0.3, 4.0, 192 * 256).astype("<f4").tobytes()


@pytest.mark.parametrize("content", [DEPTH, bytes(200_000), b"", b"x", np.random.default_rng(0).bytes(5000)])
def test_what_is_packed_says_how_large_it_is(content):
    packed = liblzfse.compress(content)
    assert lzfse.claimed_bytes(packed) == len(content)
    assert lzfse.unpacked(packed) == content


def test_whatever_is_cut_off_or_changed_is_one_error_and_takes_little_memory():
    packed = liblzfse.compress(DEPTH)
    rng = np.random.default_rng(1)
    damaged = [packed[: int(rng.integers(len(packed)))] for _ in range(100)]
    for _ in range(100):
        changed = bytearray(packed)
        changed[int(rng.integers(len(packed)))] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(changed))
    refused = 0
    for data in damaged:
        try:
            assert len(lzfse.unpacked(data)) == len(DEPTH)  # a value within may differ: there is no checksum
        except ValueError:
            refused += 1
    assert refused >= 100  # every one that was cut off


def test_an_entry_that_would_become_gigabytes_is_refused_before_it_is_unpacked():
    bomb = b"bvxn" + struct.pack("<II", 1 << 31, 4) + b"\0\0\0\0" + b"bvx$"
    with pytest.raises(ValueError, match="it would become 2048 MiB"):
        lzfse.unpacked(bomb)


@pytest.mark.parametrize(
    "metadata", [b"[" * 100_000, b'{"K": [1' + b"0" * 400 + b'], "poses": [[0,0,0,1,0,0,0]]}', b"[]", b'"x"', b"{}"]
)
def test_an_archive_with_hostile_metadata_is_a_sentence(tmp_path, metadata):
    with zipfile.ZipFile(tmp_path / "a.r3d", "w") as archive:
        archive.writestr("metadata", metadata)
    with pytest.raises(CaptureError, match=r"a\.r3d"):
        import_recording(tmp_path / "a.r3d", tmp_path / "s")
    assert [path.name for path in tmp_path.iterdir()] == ["a.r3d"]


def test_names_that_lead_out_of_an_archive_write_nothing(tmp_path):
    """Nothing is extracted by name; a member that is looked for lies where it should or is missing."""
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "a.r3d", "w") as archive:
        for name in ("../out.txt", "/tmp/out.txt", "rgbd/../../out.txt", "metadata/../x"):
            archive.writestr(name, b"x")
    with pytest.raises(CaptureError, match="has no metadata"):
        import_recording(tmp_path / "in" / "a.r3d", tmp_path / "in" / "s")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.r3d"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("instant", pa.array([b"\xff", b"x"])),
        ("stream", pa.array([[1], [2]])),
        ("index", pa.array([None, 1])),
        ("offset_us", pa.array([{"a": 1}, {"a": 2}])),
        ("timestamp_us", pa.array([float("nan"), 1.0])),
        ("index", pa.array([2**40, 1])),
    ],
)
def test_instants_of_another_kind_are_a_sentence(tmp_path, name, values):
    path = tmp_path / "frames.parquet"
    rows = [Instant(instant=n, time_us=n, index={"a/color": n}, offset_us={}) for n in range(2)]
    write_instants(path, rows)
    assert read_instants(path) == [
        Instant(instant=n, time_us=n, index={"a/color": n}, offset_us={"a/color": 0}) for n in range(2)
    ]
    table = pq.read_table(path)
    pq.write_table(table.set_column(SCHEMA.get_field_index(name), name, values), path)
    with pytest.raises(CaptureError, match=r"frames\.parquet"):
        read_instants(path)


def test_packed_depth_that_claims_gigabytes_takes_no_memory():
    """A frame's header says how much it holds, and the library allocates that before it looks at anything else."""
    claims = b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + b"\x01\0\0"
    assert zstandard.frame_content_size(claims) == 1 << 40
    for decode in (depth_codec.decode, depth_codec.decode_numpy):
        with pytest.raises(CaptureError, match="it says that it holds 1099511627776 bytes, 960 are expected"):
            decode(claims, 20, 24)


def test_a_depth_image_of_another_size_than_its_camera_is_a_sentence():
    camera = Camera(name="kinect_000/depth", K=np.diag([50.0, 50.0, 1.0]), width=48, height=40)
    with pytest.raises(CaptureError, match="is 24x20 pixels, the others are 48x40"):
        depth_agreement(
            {"a": np.ones((20, 24), np.float32), "b": np.ones((40, 48), np.float32)}, {"a": camera, "b": camera}
        )
