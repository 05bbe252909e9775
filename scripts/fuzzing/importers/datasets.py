"""Data sets of clouds with people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzzing.importer import Importer
from fuzzing.importers import of_tests


def _read(path: Path, to: Path) -> None:
    from hps.datasets.opening import open_dataset

    reader = open_dataset(path)
    for key in range(min(2, len(reader))):
        reader[key]


def _gta(folder: Path) -> None:
    annotation = of_tests("test_gta_human").annotation
    write_pcd = of_tests("test_gta_human").write_pcd

    top = folder / "gta"
    (top / "annotations" / "seq_00000003").mkdir(parents=True)
    values: Any = annotation(69, True)
    np.savez(top / "annotations" / "seq_00000003" / "000001.npz", **values)
    for frame in range(2):
        points = np.random.default_rng(frame).normal(size=(200, 3)) + [0, 0, 4]
        write_pcd(top / "point_clouds" / "seq_00000003" / f"pcd_000001_{frame:04d}.pcd", points)


def _surreal(folder: Path) -> None:
    write_clip = of_tests("test_surreal").write_clip

    write_clip(folder / "surreal" / "cmu/test/run2/ung_94_16", "ung_94_16_c0002")


def _human_data(folder: Path) -> None:
    import cv2

    arrays = of_tests("test_human_data").arrays

    top = folder / "data"
    for kind in ("depth", "masks"):
        (top / kind).mkdir(parents=True)
    for row in range(2):
        depth, mask = np.full((144, 160), 2200, np.uint16), np.full((144, 160), 255, np.uint8)
        cv2.imwrite(str(top / f"depth/{row}.png"), depth)
        cv2.imwrite(str(top / f"masks/{row}.png"), mask)
    np.savez_compressed(top / "a.npz", **arrays(compressed=False))
    np.savez_compressed(top / "b.npz", **arrays(compressed=True))


def _synthetic(folder: Path) -> None:
    stub_info = of_tests("stub_passes").stub_info
    stub_table = of_tests("stub_passes").stub_table
    FACTORY = of_tests("test_synthetic_reader").FACTORY
    model = of_tests("test_synthetic_reader").model

    from hps.synthesis.production.dataset_file import write_dataset_file
    from hps.synthesis.production.produce import produce

    top = folder / "set"
    info = replace(stub_info(passes=("clouds",)), model_sha256=model().sha256)
    top.mkdir()
    table = stub_table(top, scenes=1, frames=1)
    write_dataset_file(top, info)
    produce(top, table, info, factory=FACTORY, workers=0)


IMPORTERS: Final = (
    Importer(name="dataset_gta", reads="GTA-Human II (npz and PCD)", read=_read, seeds=_gta),
    Importer(name="dataset_surreal", reads="SURREAL with depth (.mat)", read=_read, seeds=_surreal),
    Importer(name="dataset_humandata", reads="HumanData with depth (npz and PNG)", read=_read, seeds=_human_data),
    Importer(name="dataset_synthetic", reads="shards of humanrig synthesize", read=_read, seeds=_synthetic),
)
