"""Copies of a take to measure in: the recording and the truth stay where they are, results are hard links at first."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

from capture.session import INFO_FILE, Session
from capture.session_info import write_info
from humanrig import manifest
from humanrig.pipeline import load_stage

SHARED = ("recording", "truth")
"""Never written into."""
RESULTS = ("sync", "calibration", "masks", "clouds", "keypoints", "cache")
"""A stage replaces its folder whole, so that a link is never written through."""


def copy_take(take: Path, to: Path) -> Path:
    """A copy that can be worked on; an existing one is kept as it is. Links to other sessions still lead there.

    A copy beside the folder of its take keeps what was done there; elsewhere, the stages are run again.
    """
    if to.exists():
        return to
    partial = to.with_name(f".{to.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in SHARED:
        if (take / name).exists():
            (partial / name).symlink_to((take / name).resolve(), target_is_directory=True)
    for name in RESULTS:
        if (take / name).is_dir():
            shutil.copytree(take / name, partial / name, copy_function=_linked)
    session = Session.open(take)
    links = {name: _from(to, take / link) for name, link in session.info.links.items()}
    if links == session.info.links:
        shutil.copy2(take / INFO_FILE, partial / INFO_FILE)
    else:
        write_info(partial / INFO_FILE, replace(session.info, links=links))
    partial.rename(to)
    return to


def changed_by_hand(session: Session, stage: str) -> None:
    """Makes the manifest of a stage hold what now lies in its folder, so that it is not run again."""
    folder = session.folder / load_stage(stage).folder
    done = manifest.read(folder)
    assert done is not None, f"{folder} has no manifest"
    manifest.write(manifest.Manifest(**{**asdict(done), "outputs": manifest.hash_outputs(folder)}), folder)


def unlinked(path: Path) -> Path:
    """The file as one of its own, no hard link of another."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    return path


def _from(folder: Path, target: Path) -> str:
    """A link inside the session stays one; another is relative to the copy."""
    target = Path(os.path.normpath(target.absolute()))
    inside = target.parts[len(folder.parts) :] if folder in target.parents else None
    return os.path.join(*inside) if inside else os.path.relpath(target, folder.absolute())


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
