"""What people write by hand or export from a spreadsheet: rigs, boards, actions, subjects, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fuzzing.importer import Importer

RIG: Final = """schema = 1
catalogue = "catalogue"
[recording]
host = "rig"
[chain]
order = ["kinect_000", "kinect_001"]
spacing_us = 160
[[devices]]
name = "kinect_000"
driver = "azure_kinect"
[devices.settings]
serial = "000123"
[[devices]]
name = "kinect_001"
driver = "azure_kinect"
[devices.settings]
serial = "000124"
[azure_kinect]
color_resolution = "720P"
"""
SUBJECTS: Final = """schema = 1
[[subjects]]
id = 12
height_m = 1.75
weight_kg = 70.0
age_years = 30
sex = "female"
[[subjects]]
id = 13
"""
ACTIONS: Final = """schema = 1
[[actions]]
id = 11
name = "wave"
prompts = ["Wave", "with both arms"]
seconds = 5.0
[actions.limbs]
left_arm = "waves"
"""
CSV: Final = 'id,name,left_arm,prompts,seconds\n900,wave,waves,Wave|now,4.5\n901,"jump, twice",,Jump,3\n'
CONFIG: Final = """[register]
iterations = 4
[clouds]
voxel_mm = 4.0
enabled = true
names = ["a", "b"]
"""


def _rig(folder: Path) -> None:
    (folder / "rig.toml").write_text(RIG)


def _read_rig(path: Path, to: Path) -> None:
    from capture.rig.rig_file import read_rig

    read_rig(path)


def _subjects(folder: Path) -> None:
    (folder / "catalogue").mkdir()
    (folder / "catalogue" / "subjects.toml").write_text(SUBJECTS)


def _read_subjects(path: Path, to: Path) -> None:
    from capture.catalogue.subjects import read_subjects

    read_subjects(path)


def _actions(folder: Path) -> None:
    (folder / "a.toml").write_text(ACTIONS)
    (folder / "a.csv").write_text(CSV)


def _read_actions(path: Path, to: Path) -> None:
    from capture.catalogue.action_import import import_actions

    import_actions(path, to / "catalogue")


def _board(folder: Path) -> None:
    from capture.board_file import parse_board, write_board

    write_board(folder / "charuco.toml", parse_board("charuco 8x11 60mm"))
    write_board(folder / "checker.toml", parse_board("checkerboard 9x6 80mm"))


def _read_board(path: Path, to: Path) -> None:
    from capture.board_file import read_board

    read_board(path)


def _words(folder: Path) -> None:
    (folder / "board.txt").write_text("checkerboard 9x6 80mm")
    (folder / "charuco.txt").write_text("charuco 8x11 60mm")


def _read_words(path: Path, to: Path) -> None:
    from capture.board_file import parse_board

    parse_board(path.read_bytes().decode("utf-8", "replace"))


def _config(folder: Path) -> None:
    (folder / "options.toml").write_text(CONFIG)


def _read_config(path: Path, to: Path) -> None:
    from humanrig.commands.reconstruct import read_configs

    read_configs(path, ())


def _plan(folder: Path) -> None:
    from importlib.resources import files

    for source in sorted(files("hps.points.augmentation").iterdir(), key=lambda entry: entry.name):
        for entry in [source] if source.name.endswith(".toml") else source.iterdir() if source.is_dir() else ():
            if entry.name.endswith(".toml"):
                (folder / entry.name).write_bytes(entry.read_bytes())


def _read_plan(path: Path, to: Path) -> None:
    from hps.points.augmentation.plan import load_plan

    load_plan(path)


IMPORTERS: Final = (
    Importer(name="rig_toml", reads="rig.toml", read=_read_rig, seeds=_rig),
    Importer(name="subjects", reads="subjects.toml", read=_read_subjects, seeds=_subjects),
    Importer(name="actions", reads="actions, .csv and .toml", read=_read_actions, seeds=_actions),
    Importer(name="board_file", reads="calibration boards (TOML)", read=_read_board, seeds=_board),
    Importer(name="board_words", reads="calibration boards in words", read=_read_words, seeds=_words),
    Importer(name="options", reads="options of stages (TOML)", read=_read_config, seeds=_config),
    Importer(name="augmentation", reads="plans of augmentation (TOML)", read=_read_plan, seeds=_plan),
)
