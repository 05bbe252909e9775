"""Files whose bits are flipped or that are cut off: people, or one sentence; never anything run, never memory taken."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import resource
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from file_people import dumped, emdb, person, three_dpw
from test_files_of_clips import gta_human
from test_files_of_pictures import bedlam, human_data

from geometry import unpacking
from hps.errors import HpsError
from hps.evaluation.files.npz_files import read_npz, read_npz_entries
from hps.evaluation.files.opening import read_annotations

DATA = Path(__file__).parent / "data"
MEMORY_GB = 1.5
"""Beyond what is taken already; the files are of some kilobytes."""


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """A small whole file of each way of storing things."""
    top = tmp_path_factory.mktemp("whole")
    people = {name: content for name, content in three_dpw([person(0)]).items() if name != "texture_maps"}
    found = [dumped(top / "3dpw.pkl", people), dumped(top / "emdb.pkl", emdb(person(0)), protocol=5)]
    found += [dumped(top / "gta.pkl", gta_human(), protocol=0), *sorted(DATA.glob("*.pkl"))]
    motion = {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3)), "betas": np.zeros(16), "mocap_framerate": 60.0}
    np.savez_compressed(top / "amass.npz", **motion)
    np.savez(top / "bedlam.npz", **{k: v for k, v in bedlam().items() if k != "proj_verts"})
    np.savez_compressed(top / "humandata.npz", **human_data(multi=True))
    info = {"joints3D": np.zeros((3, 24, 2)), "joints2D": np.zeros((2, 24, 2)), "pose": np.zeros((72, 2))}
    info |= {
        "shape": np.zeros((10, 2)),
        "camLoc": np.zeros((3, 1)),
        "zrot": np.zeros((2, 1)),
        "gender": np.zeros((2, 1)),
    }
    scipy.io.savemat(top / "a_c0001_info.mat", info)
    return [*found, top / "bedlam.npz", top / "humandata.npz", top / "amass.npz", top / "a_c0001_info.mat"]


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bits flipped, most of them where names and shapes are, or the end cut off."""
    if rng.random() < 0.25:
        return content[: rng.integers(len(content))]
    changed = bytearray(content)
    within = len(content) if rng.random() < 0.5 else min(len(content), 600)
    for place in rng.integers(within, size=rng.integers(1, 5)):
        changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def opened(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    said = path.name
    try:
        read_annotations(path)
    except HpsError as error:
        said = str(error)
    assert "\n" not in said
    assert path.name in said


@pytest.mark.parametrize(("times", "seed"), [(200, 0), pytest.param(4_000, 1, marks=pytest.mark.slow)])
def test_damaged_files_are_people_or_one_sentence(files, tmp_path, times, seed):
    rng = np.random.default_rng(seed)
    whole = {path: path.read_bytes() for path in files}
    kept = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + int(MEMORY_GB * 2**30), kept[1]))
    try:
        for n in range(times):
            path = files[n % len(files)]
            opened(tmp_path / path.name, damaged(whole[path], rng))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, kept)


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("where", ["first", "within", "table", "npz"])
def test_foreign_classes_are_refused_and_do_not_run(tmp_path, where):
    mark, path = tmp_path / "ran", tmp_path / f"evil.{'npz' if where == 'npz' else 'pkl'}"
    if where == "npz":
        np.savez(path, **human_data(multi=False) | {"misc": {"a": [_Evil(mark)]}})
    elif where == "table":
        whole = (DATA / "agora_pandas_1.3.pkl").read_bytes()
        path.write_bytes(whole[:-1] + b"0" + pickle.dumps(_Evil(mark), protocol=2))
    else:
        dumped(path, _Evil(mark) if where == "first" else three_dpw([person(0)]) | {"extra": [_Evil(mark)]})
    with pytest.raises(HpsError, match=rf"{path.name}.* was not opened: it names (posix|nt)\.system, which no "):
        read_annotations(path)
    assert not mark.exists()


def test_pandas_own_functions_cannot_be_called(tmp_path):
    call = b"\x80\x02cfunctools\npartial\ncpandas.core.internals.blocks\nnew_block\n\x85R)R."
    (tmp_path / "a.pkl").write_bytes(call)
    with pytest.raises(HpsError, match=r"a\.pkl"):
        read_annotations(tmp_path / "a.pkl")
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02cfunctools\npartial\ncpandas\nread_pickle\n\x85R(X\x01\x00\x00\x00atR.")
    with pytest.raises(HpsError, match=r"it names pandas\.read_pickle, which no table of annotations needs"):
        read_annotations(tmp_path / "a.pkl")


@pytest.mark.parametrize("names", [("imgname", "pose_cam", "cam_int", "trans_cam", "cam_ext"), ("poses",)])
def test_an_array_that_claims_more_than_the_file_has_takes_no_memory(tmp_path, names):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (2**42,), "fortran_order": False, "descr": "<f8"})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in (*names, "trans", "betas", "mocap_framerate"):
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(16))
    with pytest.raises(HpsError, match=r"a\.npz"):
        read_annotations(tmp_path / "a.npz")


@pytest.mark.parametrize("names", [("imgname", "pose_cam", "cam_int", "trans_cam", "cam_ext"), ("poses",)])
def test_archives_that_were_made_to_fill_the_memory_are_refused(tmp_path, monkeypatch, names):
    arrays = {name: np.zeros(2**16) for name in (*names, "trans", "betas", "mocap_framerate")}
    monkeypatch.setattr(unpacking, "ALWAYS_BYTES", 2**18)
    np.savez_compressed(tmp_path / "a.npz", **arrays)  # to a thousandth
    for read in (read_annotations, read_npz, read_npz_entries):
        with pytest.raises(HpsError, match=r"a\.npz would become 0\.0 GiB, more than the 0\.0 GiB that are allowed"):
            read(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", **arrays)
    assert read_npz(tmp_path / "a.npz")["trans"].shape == (2**16,)


def test_people_of_different_lengths_are_told(tmp_path):
    content = three_dpw([person(0), person(0)])
    content["poses"] = [content["poses"][0], content["poses"][1][:-1]]
    with pytest.raises(HpsError, match=r"poses\[1\] has shape \(3, 72\), \(4, 72\) was expected"):
        read_annotations(dumped(tmp_path / "a.pkl", content))


def test_chumpys_arrays_are_arrays(tmp_path):
    plain = three_dpw([person(0)]) | {"betas": ["BETAS"]}
    whole = pickle.dumps(plain, protocol=2)
    text = b"X\x05\x00\x00\x00BETAS"
    assert whole.count(text) == 1
    array = pickle.dumps(np.arange(10.0), protocol=2)[2:-1]
    chumpy = b"cchumpy.ch\nCh\n)\x81}X\x01\x00\x00\x00x" + _without_memo(array) + b"sb"
    (tmp_path / "a.pkl").write_bytes(whole.replace(text, chumpy))
    (read,) = read_annotations(tmp_path / "a.pkl")
    assert read.betas[0].tolist() == list(range(10))


def _without_memo(content: bytes) -> bytes:
    """A part of a pickle that may stand within another: it remembers nothing under the other's numbers."""
    whole = pickletools.optimize(b"\x80\x02" + content + b".")
    return whole[2:-1]


def test_an_array_without_numbers_is_a_sentence(tmp_path):
    """The fuzzer's input 2177 of people_pkl: numpy cannot tell how many columns nothing has."""
    path = dumped(tmp_path / "gta.pkl", gta_human() | {"betas": np.zeros((0, 10))})
    with pytest.raises(HpsError, match="betas is empty"):
        read_annotations(path)
