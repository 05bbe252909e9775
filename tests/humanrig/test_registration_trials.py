"""Takes made worse for measuring, and the tables of what came out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bodies_take
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from registration_trials import tables
from registration_trials.cases import CASES
from registration_trials.copies import copy_take
from registration_trials.measuring import Measured
from registration_trials.variants import VARIANTS

from capture.frame_sets import HOLE, read_instants
from capture.session import Session


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = bodies_take.build(tmp_path_factory.mktemp("trials") / "takes" / "take").folder
    (folder / "recording").mkdir(exist_ok=True)
    return folder


def test_a_copy_can_be_changed_without_the_take(take: Path, tmp_path: Path) -> None:
    kept = {path: path.read_bytes() for path in take.rglob("*") if path.is_file()}
    for name in ("dropped30", "camera_off10mm"):
        copy = copy_take(take, tmp_path / name)
        assert copy_take(take, copy) == copy
        VARIANTS[name].change(Session.open(copy))
    assert {path: path.read_bytes() for path in take.rglob("*") if path.is_file()} == kept
    index = [list(i.index.values()) for i in read_instants(tmp_path / "dropped30" / "sync" / "frames.parquet")]
    assert 0.1 < np.mean(np.array(index) == HOLE) < 0.5  # 24 draws with a chance of 0.3
    moved = json.loads((tmp_path / "camera_off10mm" / "calibration" / "cameras.json").read_text())["cameras"]
    before = json.loads((take / "calibration" / "cameras.json").read_text())["cameras"]
    shift = {
        a["name"]: 1e3 * np.linalg.norm(np.array(a["T_world_camera"]) - np.array(b["T_world_camera"]))
        for a, b in zip(before, moved, strict=True)
    }
    assert {name for name, mm in shift.items() if mm > 0} == {"kinect_003/color", "kinect_003/depth"}
    assert shift["kinect_003/depth"] == pytest.approx(10)


def test_cameras_that_are_kept_stand_all_around(take: Path) -> None:
    assert VARIANTS["camera1"].without(Session.open(take)) == {"kinect_001", "kinect_002", "kinect_003"}
    assert VARIANTS["cameras4"].without(Session.open(take)) == set()


def person(error: float, frames: int) -> dict:
    return {
        "person": "person00", "true": "person00", "frames": frames, "flagged": 1,
        "pve_mm": {"mean": error, "worst_instant_mean": 2 * error}, "height_error_mm": -error,
        "mpjpe_mm": {"mean": error, "worst_instant_mean": error}, "pa_mpjpe_mm": {"mean": error},
        "pve_mm_by_part": {"head": error, "trunk": None}, "foot_skate_mm": {"mean": error, "max": 9.0, "contacts": 3},
        "still_jitter_mm": None, "sigma_coverage": None, "instants_off": {"count": 2, "unflagged": 1},
    }  # fmt: skip


def measured(case: str, error: float, frames: int) -> Measured:
    figures = {"people": [person(error, frames)], "frames": {"total": frames, "lost": 0}}
    cloud = {"mean": 0.8, "p99_9": 4.0, "covered": 0.98}
    return Measured(
        case=case, row="tight", variant="base", error=None, figures={**figures, "cloud_to_true_surface_mm": cloud},
        registered={"people": {"person00": {"fit_seconds": 2.0}}}, clouds={}, seconds={"masks": 3.0, "register": 3.0},
    )  # fmt: skip


def test_tables_count_instants_and_keep_failures(tmp_path: Path) -> None:
    failed = Measured(
        case="c", row="tight", variant="camera1", error="too few", figures={}, registered={}, clouds={}, seconds={}
    )
    everything = [measured("a", 4.0, 10), measured("b", 10.0, 20), failed]
    rows = tables.bodies_by_row(everything).splitlines()
    assert rows[2].startswith("| tight | base | 2 | 8.0 | 20.0 | 8.0 |")  # (4 · 10 + 10 · 20) / 30
    assert "7, at most 10 | 4 (2) | 2 of 30 | 0 of 30 | 0 |" in rows[2]
    assert rows[3].startswith("| tight | camera1 | 1 | – |")
    assert rows[3].endswith("| 1 |")
    assert "too few" in tables.takes(everything)
    assert "| 5.0 | 0.60 |" in tables.takes(everything)
    assert tables.movement_and_certainty(everything).splitlines()[2].startswith("| tight | base | 7.00 | 6 |")
    assert "| 0.80 | 4.0 | 4.0 | 98.0% | 98.0% |" in tables.clouds(everything)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    tables.replace(page, "new")
    tables.replace(page, "newer")
    assert page.read_text() == f"before\n{tables.BEGIN}\nnewer\n{tables.END}\nafter\n"


def test_no_person_and_no_clip_of_the_tests_was_tuned_on() -> None:
    tuned = {s for case in CASES if case.split == "validation" for s in case.subjects}
    assert not tuned & {s for case in CASES if case.split == "test" for s in case.subjects}
    assert len({case.name for case in CASES}) == len(CASES)
