"""What a session's exports are made from, as one word: it changes when a stage runs again or the recording changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from capture.session import INFO_FILE, Session
from humanrig import __version__, manifest

FOLDERS = ("recording", "sync", "calibration", "masks", "clouds", "keypoints", "body", "mesh", "texture")


def state_of(session: Session, version: int) -> str:
    """Twelve hexadecimal digits, of one version of a format's writer.

    No image is read: stages go by their manifests, other files by size and time.
    """
    digest = hashlib.sha256(f"{__version__} {version}".encode())
    digest.update((session.folder / INFO_FILE).read_bytes())
    for name in FOLDERS:
        for text in _parts(session.path(name)):
            digest.update(f"{name}/{text}\n".encode())
    return digest.hexdigest()[:12]


def _parts(folder: Path) -> Iterator[str]:
    done = folder / manifest.NAME
    if done.is_file():
        yield hashlib.sha256(done.read_bytes()).hexdigest()
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            about = path.stat()
            yield f"{path.relative_to(folder).as_posix()} {about.st_size} {about.st_mtime_ns}"
