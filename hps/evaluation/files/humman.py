"""HuMMan's sequence folders, `pXXXXXX_aXXXXXX`: SMPL in the world of kinect_color_000, and the cameras' file.

HuMMan-Recon has `smpl_params/%06d.npz`, one for each frame that it has; HuMMan-Point and the poses of HuMMan-MoGen have
one .npz with a row for each frame. After the releases' own description (github.com/caizhongang/humman_toolbox).
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from geometry.camera_files.humman import SIZES, read_humman_cameras
from geometry.errors import GeometryError
from hps.errors import HpsError
from hps.evaluation.files.entries import Entries
from hps.evaluation.files.npz_files import read_npz, write_npz
from hps.evaluation.files.parameters import NAMES, parameter_rows
from hps.evaluation.files.rows import repeated, told
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "humman"
RATE_HZ: Final = 30.0
SEQUENCE: Final = re.compile(r"(p\d{6})_([ar]\d{6})")
STATED_MODEL: Final = re.compile(r"^body model: (.+), sha256 ", re.MULTILINE)
PARAMETERS: Final = "smpl_params"
CAMERA: Final = re.compile(r'"(kinect_color_\d{3})"')


def sequences_in(folder: Path) -> list[Path]:
    """The folder itself where it has cameras, or the folders in it that are called as HuMMan's sequences are."""
    if (folder / "cameras.json").exists() or SEQUENCE.fullmatch(folder.name):
        return [folder]
    return sorted(p for p in folder.iterdir() if p.is_dir() and SEQUENCE.fullmatch(p.name)) if folder.is_dir() else []


def stated_model(sequence: Path) -> str:
    """The release's parameters are SMPL's; a humanrig export says in source.txt whose its own are."""
    about = sequence / "source.txt"
    text = about.read_text("utf-8", errors="replace") if about.is_file() else ""
    match = STATED_MODEL.search(text)
    return match[1] if match else "smpl"


def parameter_files(sequence: Path) -> dict[int, Path]:
    """Recon's parameters by frame; empty where the sequence has none."""
    return {int(p.stem): p for p in sorted((sequence / PARAMETERS).glob("*.npz")) if p.stem.isdigit()}


def has_humman(names: Set[str]) -> bool:
    """Whether the names of an .npz are those of HuMMan's parameters, and nothing else."""
    return set(NAMES) == set(names)


def read_humman_parameters(path: Path) -> list[PersonAnnotations]:
    """The person of one .npz of parameters alone, in the world, without cameras. Raises HpsError as readers do."""
    rows = parameter_rows(Entries(str(path), read_npz(path)))
    frames = np.arange(len(rows["transl"]))
    if path.parent.name == PARAMETERS and path.stem.isdigit() and len(frames) == 1:
        return [_person(path.parent.parent, rows, np.array([int(path.stem)]))]
    return [_person(path.parent if path.stem == PARAMETERS else path.with_suffix(""), rows, frames)]


def read_humman(sequence: Path) -> list[PersonAnnotations]:
    """The person of one sequence, once for each colour camera; once without cameras where there is no cameras.json.

    `sequence` is that of the folder, with the camera's name behind it. Raises HpsError for damaged files, for a
    sequence without parameters, and for a camera that the file does not tell whole.
    """
    files = parameter_files(sequence)
    if files:
        parts = [parameter_rows(Entries(str(p), read_npz(p))) for p in files.values()]
        shapes = {tuple(part[name].shape for name in NAMES) for part in parts}
        if len(shapes) > 1 or len(parts[0]["transl"]) != 1:
            raise HpsError(f"{sequence / PARAMETERS}: its files have parameters of different shapes; extract it again")
        rows = {name: np.concatenate([part[name] for part in parts]) for name in NAMES}
        frames = np.array(list(files), np.int64)
    else:
        path = sequence / f"{PARAMETERS}.npz"
        rows = parameter_rows(Entries(str(path), read_npz(path)))
        frames = np.arange(len(rows["transl"]))
    person, cameras = _person(sequence, rows, frames), sequence / "cameras.json"
    if not cameras.is_file():
        return [person]
    names = sorted(set(CAMERA.findall(cameras.read_text("utf-8", errors="replace"))))
    streams = {f"kinect_{name[-3:]}/color": SIZES["color"] for name in names}
    try:
        found = read_humman_cameras(cameras, streams)
    except GeometryError as error:
        raise HpsError(str(error)) from None
    people = []
    for stream, camera in found.items():
        device = stream.split("/")[0]
        n = len(frames)
        people.append(
            replace(
                person,
                sequence=f"{sequence.name}/{device}",
                images=tuple(f"{sequence.name}/kinect_color/{device}/{f:06d}.png" for f in frames) if files else (),
                K=repeated(camera.K, n),
                image_size=np.repeat(np.array([SIZES["color"]], np.int64), n, 0),
                Ts_camera_world=repeated(camera.T_camera_world, n),
            )
        )
    return people


def _person(sequence: Path, rows: dict[str, np.ndarray], frames: np.ndarray) -> PersonAnnotations:
    match = SEQUENCE.fullmatch(sequence.name)
    model = stated_model(sequence)
    return PersonAnnotations(
        dataset=NAME,
        sequence=sequence.name,
        person=match[1] if match else "0",
        frames=frames,
        frame="world",
        fps=RATE_HZ,
        body="open body" if model == "open body" else "smpl",
        betas=rows["betas"],
        global_orient=rows["global_orient"],
        body_pose=rows["body_pose"],
        transl=rows["transl"],
        extra={"model": model},
    )


def write_humman(sequence: Path, person: PersonAnnotations, per_frame: bool) -> None:
    """Writes the parameters of a sequence: one .npz a frame as Recon has them, or one of all frames as Point has them.

    Point counts rows from frame 0. Raises HpsError for a person in a camera's frame, and for frames that Point cannot
    number.
    """
    values = told(person, sequence, *NAMES)
    if person.frame != "world":
        raise HpsError(f"{sequence} needs a person in the world; '{person.sequence}' is in the camera's frame")
    if per_frame:
        for row, frame in enumerate(person.frames):
            content = {name: value[row] for name, value in zip(NAMES, values, strict=True)}
            write_npz(sequence / PARAMETERS / f"{frame:06d}.npz", content)
        return
    if not np.array_equal(person.frames, np.arange(len(person))):
        raise HpsError(f"{sequence} has a row for each frame from 0 on; those of '{person.sequence}' have gaps")
    write_npz(sequence / f"{PARAMETERS}.npz", dict(zip(NAMES, values, strict=True)))
