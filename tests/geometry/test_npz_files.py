from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from geometry import unpacking
from geometry.npz_files import DAMAGED, read_npy, read_npz


def test_every_damage_is_one_of_the_named_errors(tmp_path):
    """Bytes changed anywhere, and files cut anywhere: whatever numpy makes of it is named, decompressor's too."""
    rng = np.random.default_rng(0)
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=rng.integers(0, 9, 300), b=np.array(["x", "why"]), c=rng.standard_normal((4, 3)))
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(0, len(whole), 40)]
    for at in range(0, len(whole), 3):
        damaged.append(whole[:at] + rng.bytes(5) + whole[at + 5 :])
    kinds = set()
    for data in damaged:
        path.write_bytes(data)
        try:
            with np.load(path, allow_pickle=False) as file:
                _ = [file[name] for name in ("a", "b", "c")]
        except DAMAGED as error:
            kinds.add(type(error).__name__)
    assert {"BadZipFile", "error"} <= kinds  # zlib.error is called `error`


def hostile(kind: str) -> bytes:
    """An archive of one member that numpy gives as bytes, cannot parse, or would take for Python objects."""
    objects = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        head = {"deep": "(" * 200 + "\n", "objects": objects}.get(kind, "").encode()
        array = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head
        archive.writestr("a.npy", array if head else b"no array")
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["text", "deep", "objects"])
def test_what_is_no_plain_array_is_damage(kind):
    with pytest.raises(DAMAGED):
        read_npz(hostile(kind))


def test_an_archive_made_to_fill_the_memory_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "ALWAYS_BYTES", 2**18)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(2**18))
    with pytest.raises(unpacking.TooLarge, match="would become"):
        read_npz(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", a=np.zeros(2**18))
    assert read_npz(tmp_path / "a.npz")["a"].shape == (2**18,)


def test_an_array_that_says_that_it_is_huge_takes_no_memory(tmp_path):
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(16))
    with pytest.raises(ValueError, match="it says that it is"):
        read_npy(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(read_npy(tmp_path / "b.npy"), np.arange(6.0).reshape(2, 3))
