"""The reader: samples by key and number, damage told, other processes."""

from __future__ import annotations

import multiprocessing
import pickle

import cv2
import numpy as np
import pytest
from stub_passes import STUBS, stub_info, stub_table

from hps.errors import HpsError
from hps.synthesis.production.dataset_file import write_dataset_file
from hps.synthesis.production.produce import produce
from hps.synthesis.reading import SyntheticDataset
from hps.synthesis.sample_files import decoded


def make(folder, scenes=4):
    table = stub_table(folder, scenes=scenes)
    write_dataset_file(folder, stub_info())
    produce(folder, table, stub_info(), factory=STUBS, workers=0)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("data"))


def test_samples_come_by_number_and_by_key_with_the_files_and_rows_of_all_passes(folder):
    data = SyntheticDataset(folder, "train")
    assert len(data) == 12
    assert data.keys == tuple(sorted(data.keys))
    sample = data["s000001_001_c01"]
    assert sample.files == ("a.txt", "b.bin")
    rng = np.random.default_rng([1, 1, 1])
    assert sample.read("b.bin") == rng.bytes(2000)
    assert [row["value"] for row in sample.rows["labels"]] == [rng.uniform()]
    assert data[data.keys.index(sample.key)].rows == sample.rows
    assert [s.key for s in data] == list(data.keys)
    assert SyntheticDataset(folder, "test").keys[0] == "s000003_000_c00"
    assert SyntheticDataset(folder, "train", ["labels"])[-1].read("a.txt") == b"labels s000002_001_c01"
    assert data.table("labels", ["key"]).num_rows == 12


def test_what_there_is_not_is_told(folder, tmp_path):
    data = SyntheticDataset(folder, "train")
    for wrong, message in (
        (lambda: data["s000003_000_c00"], r"has no sample 's000003_000_c00' in train"),
        (lambda: data[0].read("c.bin"), r"has no c\.bin; it has a\.txt, b\.bin"),
        (lambda: data.table("clouds"), "not opened with the pass 'clouds'"),
        (lambda: SyntheticDataset(folder, "training"), "no split 'training'"),
        (lambda: SyntheticDataset(folder, "validation"), "no finished images of the split validation"),
        (lambda: SyntheticDataset(folder, "train", ["clouds"]), "has no clouds, only images, labels"),
        (lambda: SyntheticDataset(tmp_path), r"no data set at .*dataset\.toml is missing"),
    ):
        with pytest.raises(HpsError, match=message):
            wrong()
    with pytest.raises(IndexError):
        data[12]


def test_damaged_shards_are_refused(tmp_path):
    make(tmp_path, 2)
    path = tmp_path / "shards" / "train-00000.labels.tar"
    content = path.read_bytes()
    data = SyntheticDataset(tmp_path)
    path.write_bytes(content[:2000])
    with pytest.raises(HpsError, match=r"train-00000\.labels\.tar has 2000 bytes, it was written with"):
        SyntheticDataset(tmp_path)
    with pytest.raises(HpsError, match=r"labels\.tar ends within"):  # cut while it was open
        data[0]
    path.write_bytes(b"\1" * len(content))
    with pytest.raises(HpsError, match=r"labels\.tar is damaged at byte 0"):
        SyntheticDataset(tmp_path)[0]
    path.write_bytes(content)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(HpsError, match=r"train-00000\.labels\.json is damaged"):
        SyntheticDataset(tmp_path)
    path.with_suffix(".json").unlink()
    with pytest.raises(HpsError, match=r"train-00000\.labels\.json is missing"):
        SyntheticDataset(tmp_path)
    with pytest.raises(HpsError, match="no finished labels"):
        SyntheticDataset(tmp_path, unfinished=True)


def test_a_data_set_that_is_being_made_is_refused_unless_it_is_wanted(tmp_path):
    make(tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "shards" / "train-00001.images.json").unlink()
    with pytest.raises(HpsError, match=r"not finished: manifest\.json is missing"):
        SyntheticDataset(tmp_path)
    assert len(SyntheticDataset(tmp_path, unfinished=True)) == 8
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(HpsError, match=r"manifest\.json is damaged"):
        SyntheticDataset(tmp_path)


def _read_all(data):
    return [s.read("b.bin")[:4] for s in data]


def test_other_processes_read_the_same(folder):
    data = SyntheticDataset(folder, "train")
    here = _read_all(data)
    assert _read_all(pickle.loads(pickle.dumps(data))) == here
    with multiprocessing.get_context("fork").Pool(2) as pool:  # forked with open files, as PyTorch's loaders are
        assert pool.map(_read_all, [data, data]) == [here, here]


def test_files_come_in_the_units_of_memory():
    def png(image):
        return cv2.imencode(".png", image)[1].tobytes()

    depth = decoded("depth.png", png(np.array([[0, 5000]], np.uint16)))
    np.testing.assert_array_equal(depth, np.array([[np.nan, 1.0]], np.float32))
    sensed = decoded("sensor_depth.png", png(np.array([[0, 1234]], np.uint16)))
    np.testing.assert_allclose(sensed, [[np.nan, 1.234]], rtol=1e-6)
    n = np.array([0.6, 0.0, -0.8])
    stored = np.round((n + 1) / 2 * 255).astype(np.uint8)
    normals = decoded("normals.png", png(np.stack([stored[::-1], np.zeros(3, np.uint8)])[None]))
    np.testing.assert_allclose(normals[0, 0], n, atol=0.006)  # half a unit of 1/127.5, before it is made a unit vector
    assert np.isnan(normals[0, 1]).all()
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    np.testing.assert_array_equal(decoded("color.png", png(red))[0, 0], [255, 0, 0])
    for ending in ("depth.png", "cloud.npz"):
        with pytest.raises(HpsError, match=rf"k\.{ending} is damaged"):
            decoded(ending, b"nonsense", "k")
