"""The real passes over a small scene: a pass gives the same bytes alone, added later, and beside the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_scenes import small_table

from body.loading import load_body_model
from hps.synthesis.production.dataset_file import DatasetInfo, validated_config, write_dataset_file
from hps.synthesis.production.produce import produce

PASSES = ("images", "labels", "clouds")
SMALL = {"people": 2, "views": 1, "frames": 1, "width": 320, "height": 240}


def made(folder: Path, *orders: tuple[str, ...]) -> dict[str, bytes]:
    """The shards of runs that ask for these passes, one run after the other."""
    folder.mkdir()
    table = small_table(folder / "bodies", cameras=1, frames=1)
    for passes in orders:
        config = validated_config({**SMALL, "passes": passes}, "here")
        info = DatasetInfo.of(config, load_body_model())
        write_dataset_file(folder, info)
        assert not produce(folder, table, info, workers=0).manifest["failures"]
    return {path.name: path.read_bytes() for path in (folder / "shards").iterdir() if path.suffix != ".json"}


@pytest.mark.slow
def test_a_pass_gives_the_same_bytes_alone_and_beside_the_others(tmp_path: Path):
    together = made(tmp_path / "together", PASSES)
    one_by_one = made(tmp_path / "one_by_one", ("clouds",), ("labels", "clouds"), PASSES)
    assert set(together) == {f"train-00000.{name}.{ending}" for name in PASSES for ending in ("tar", "parquet")}
    assert {name for name in together if together[name] != one_by_one[name]} == set()
