"""The report of a small data set, made of real pictures and labels, and of one without any."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_labels import table
from small_scenes import small_table

from body.loading import load_body_model
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.production.dataset_file import DatasetInfo, write_dataset_file
from hps.synthesis.production.produce import produce
from hps.synthesis.report.contact_sheet import contact_sheet, in_rows
from hps.synthesis.report.write_report import write_report
from hps.synthesis.scenes.files import write_tables
from hps.synthesis.scenes.table import SceneTable


def begun(folder: Path, scenes: SceneTable) -> DatasetInfo:
    """A data set with tables and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    config = SynthesisConfig(people=2, views=2, frames=2, width=320, height=240, shard_pictures=4)
    info = DatasetInfo.of(config, load_body_model())
    write_dataset_file(folder, info)
    write_tables(folder / "scenes", scenes)
    return info


def test_a_data_set_without_shards_is_told_from_its_tables(tmp_path: Path):
    begun(tmp_path, table())
    found = write_report(tmp_path)
    assert found["splits"] == {"train": {"people": 2, "scenes": 1, "labels": 0}}
    report = tmp_path / "report"
    assert {path.name for path in report.iterdir()} == {
        "index.html", "statistics.json", "statistics.png", "plotly.min.js",
    }  # fmt: skip
    assert json.loads((report / "statistics.json").read_text()) == found
    page = (report / "index.html").read_text()
    assert "HuMMan" in page
    assert "samples.jpg" not in page
    with pytest.raises(HpsError, match="no finished images with labels; run humanrig synthesize"):
        contact_sheet(tmp_path)


def test_a_report_takes_the_place_of_a_former_one_and_leaves_nothing_half_made(tmp_path: Path, monkeypatch):
    begun(tmp_path, table())
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "old.txt").write_text("old")
    monkeypatch.setattr("hps.synthesis.report.write_report.report_page", _full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_report(tmp_path)
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["old.txt"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".report")]
    monkeypatch.undo()
    write_report(tmp_path)
    assert not (tmp_path / "report" / "old.txt").exists()


def _full_disk(*_):
    raise OSError(28, "No space left on device")


def test_tiles_stand_in_rows_on_white():
    tiles = [np.full((4 - (n == 0), 5, 3), n, np.uint8) for n in range(3)]  # the first is lower
    sheet = in_rows(tiles, 2, gap=1)
    assert sheet.shape == (10, 12, 3)
    assert (sheet[3, :5] == 255).all()
    assert (sheet[5:9, :5] == 2).all()
    assert (sheet[5:9, 6:11] == 255).all()


@pytest.mark.slow
def test_a_finished_data_set_is_shown_with_its_labels(tmp_path: Path):
    scenes = small_table(tmp_path / "bodies", actors=2, cameras=2, frames=2)
    produce(tmp_path, scenes, begun(tmp_path, scenes), workers=0)
    found = write_report(tmp_path)
    assert found["splits"]["train"]["labels"] == 8
    # they stand: both of them, at both instants, in both cameras
    assert found["flags"]["near_static"]["labels"] == 8
    assert found["distributions"]["people_seen"]["count"] == 4
    sheet = cv2.imread(str(tmp_path / "report" / "samples.jpg"))
    assert sheet is not None
    again = contact_sheet(tmp_path)
    assert sheet.shape == again.shape
    np.testing.assert_array_equal(again, contact_sheet(tmp_path))
    (tmp_path / "shards" / "train-00000.images.tar").write_bytes(b"cut")
    with pytest.raises(HpsError, match=r"train-00000.images.tar"):
        contact_sheet(tmp_path)
