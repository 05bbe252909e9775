"""Brings a session from a store to this node and stage outputs back; only what changed, and manifests last."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from humanrig import manifest
from humanrig.batch.places_scratch import Copy, Scratch
from humanrig.batch.places_store import Kept, Store, inside
from humanrig.errors import HumanrigError
from humanrig.manifest import NAME, Manifest

LEFT_OUT: Final = ("exported",)
"""Folders that no stage reads."""
CACHE: Final = "cache"


@dataclass(frozen=True, kw_only=True)
class Need:
    """A file that is to be brought."""

    name: str
    size: int
    sha256: str = ""
    """Empty where nothing says what it must be."""


def bring(store: Store, copy: Copy, scratch: Scratch) -> None:
    """Makes the copy hold what the store holds: what was recorded, whole stages, and what was made ahead.

    A stage without its manifest, or one of whose files is not there as the manifest says, does not count: it is not
    brought. Raises HumanrigError when the store cannot be read or there is no room.
    """
    files = store.files()
    known = copy.known()
    plain: dict[str, Kept] = {}
    stages: list[tuple[Manifest, bytes, str]] = []
    sent: dict[str, str] = {}
    """Hashes of the manifests that the store has."""
    for folder, names in _by_folder(files).items():
        if folder in LEFT_OUT:
            continue
        text = store.read(f"{folder}/{NAME}") if f"{folder}/{NAME}" in files else None
        if text is None:
            if folder not in _stage_folders():
                plain.update({name: files[name] for name in names})
        elif _is_newer_here(copy, folder, text):
            sent[folder] = _hash(text)
        elif (published := _whole(text, folder, files)) is not None:
            stages.append((published, text, folder))
    wanted = [Need(name=n, size=k.size) for n, k in plain.items() if not _here(copy, n, k, known.get("plain", {}))]
    missing = {folder: _missing(published, copy.folder / folder) for published, _, folder in stages}
    size = sum(need.size for need in wanted) + sum(need.size for needs in missing.values() for need in needs)
    if size:
        scratch.make_room(copy, size)
    for need in wanted:
        _fetch(store, need, need.name, copy.folder / need.name)
    for gone in set(known.get("plain", {})) - set(plain):
        (copy.folder / gone).unlink(missing_ok=True)
    copy.note(plain={name: [kept.size, kept.tag] for name, kept in plain.items()})
    came = {f: _bring_stage(store, published, text, copy.folder / f, missing[f]) for published, text, f in stages}
    sent.update({folder: _hash(text) for _, text, folder in stages if came[folder]})
    copy.note(damaged=[folder for folder, whole in came.items() if not whole], sent=sent)


def fetch_whole(store: Store, to: Path) -> None:
    """Brings the one file that the store's address names, unless it is gone; others may read the former one."""
    part = to.with_name(f".{to.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        if store.get("", part):
            part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def publish_stage(store: Store, copy: Copy, stage: str) -> None:
    """Keeps a finished stage of the copy. Whoever looks meanwhile, or after this was cut off, finds no manifest, and so
    no stage.

    Raises HumanrigError when the store cannot be written, and when it does not hold what was written.
    """
    folder = copy.folder / stage
    made = manifest.read(folder)
    if made is None:
        raise HumanrigError(f"{folder} has no {NAME}: only finished stages are kept")
    text = (folder / NAME).read_bytes()
    place = f"{folder.name}/"
    there = {name[len(place) :]: kept for name, kept in store.files(folder.name).items()}
    former = store.read(place + NAME) if NAME in there else None
    damaged = copy.known().get("damaged", [])
    if former == text and stage not in damaged:
        return
    before = _parsed(former) if former is not None and stage not in damaged else None
    same = {
        name
        for name, (size, digest) in made.outputs.items()
        if before and before.outputs.get(name) == [size, digest] and name in there and there[name].size == size
    }
    if former is not None:
        store.remove([place + NAME])
    for name in sorted(set(made.outputs) - same):
        store.put(folder / name, place + name)
    store.remove(place + name for name in sorted(set(there) - set(made.outputs) - {NAME}))
    now = {name[len(place) :]: kept.size for name, kept in store.files(folder.name).items()}
    if wrong := [name for name, (size, _) in made.outputs.items() if now.get(name) != size]:
        raise HumanrigError(
            f"{store.url}/{place}{wrong[0]} is not there as it was written; does another program write this session? "
            "Run the same command again"
        )
    store.put(folder / NAME, place + NAME)
    sent = {**copy.known().get("sent", {}), stage: _hash(text)}
    copy.note(damaged=[other for other in damaged if other != stage], sent=sent)


def is_sent(copy: Copy, stage: str) -> bool:
    """Whether the store had the finished stage of the copy when it was last looked at."""
    return _hash((copy.folder / stage / NAME).read_bytes()) == copy.known().get("sent", {}).get(stage)


def publish_cache(store: Store, copy: Copy) -> None:
    """Keeps what was made ahead of stages, and removes what stages have used up. Its names hash its contents."""
    folder = copy.folder / CACHE
    here = {path.relative_to(copy.folder).as_posix() for path in folder.rglob("*") if _is_piece(path)}
    known = {name for name in copy.known().get("plain", {}) if name.startswith(f"{CACHE}/")}
    there = store.files(CACHE)
    for name in sorted(here - set(there)):
        store.put(copy.folder / name, name)
    store.remove(sorted((known - here) & set(there)))
    after = store.files(CACHE)
    plain = {name: [kept.size, kept.tag] for name, kept in after.items() if name in here}
    copy.note(plain={**{n: k for n, k in copy.known().get("plain", {}).items() if n not in known}, **plain})


def _is_piece(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and not path.name.endswith(".partial")


def _by_folder(files: Iterable[str]) -> dict[str, list[str]]:
    """Names by their first folder; files beside the folders are under the empty name."""
    found: dict[str, list[str]] = {}
    for name in sorted(files):
        parts = PurePosixPath(name).parts
        if not parts[0].startswith("."):
            found.setdefault(parts[0] if len(parts) > 1 else "", []).append(name)
    return found


def _stage_folders() -> frozenset[str]:
    from humanrig.pipeline import STAGES, load_stage

    return frozenset(load_stage(name).folder for name in STAGES)


def _parsed(text: bytes) -> Manifest | None:
    try:
        found = Manifest(**json.loads(text))
        return found if all(len(entry) == 2 for entry in found.outputs.values()) else None
    except (ValueError, TypeError, AttributeError):
        return None


def _whole(text: bytes, folder: str, files: Mapping[str, Kept]) -> Manifest | None:
    """The manifest, where every file that it names is there as long as it says."""
    published = _parsed(text)
    if published is None:
        return None
    names = [(f"{folder}/{inside(name, folder)}", size) for name, (size, _) in published.outputs.items()]
    return published if all(name in files and files[name].size == size for name, size in names) else None


def _is_newer_here(copy: Copy, stage: str, text: bytes) -> bool:
    """Whether the copy's stage was made on this node, after the store's, and could not be sent."""
    try:
        mine = manifest.read(copy.folder / stage)
    except HumanrigError:
        return False
    if mine is None or not mine.intact(copy.folder / stage) or is_sent(copy, stage):
        return False
    return copy.known().get("sent", {}).get(stage) == _hash(text)


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _here(copy: Copy, name: str, kept: Kept, known: Mapping[str, Any]) -> bool:
    path = copy.folder / name
    return known.get(name) == [kept.size, kept.tag] and path.is_file() and path.stat().st_size == kept.size


def _missing(published: Manifest, folder: Path) -> list[Need]:
    """What the copy lacks of a stage; the files of its own manifest are those that it wrote."""
    try:
        mine = manifest.read(folder)
    except HumanrigError:
        mine = None
    outputs = mine.outputs if mine is not None and mine.intact(folder) else {}
    return [
        Need(name=name, size=size, sha256=digest)
        for name, (size, digest) in published.outputs.items()
        if outputs.get(name) != [size, digest]
    ]


def _bring_stage(store: Store, published: Manifest, text: bytes, folder: Path, missing: list[Need]) -> bool:
    """Puts the stage into the copy at once; False, and not at all, where a file is not what its manifest says."""
    if (folder / NAME).is_file() and (folder / NAME).read_bytes() == text and not missing:
        return True
    partial = folder.with_name(f".{folder.name}.bringing")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        lacking = {need.name for need in missing}
        for name in set(published.outputs) - lacking:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(folder / name, partial / name)
        if not all(_fetch(store, need, f"{folder.name}/{need.name}", partial / need.name) for need in missing):
            return False
        (partial / NAME).write_bytes(text)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        return True
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fetch(store: Store, need: Need, name: str, to: Path) -> bool:
    """Whether the file came as it must be; it appears whole or not at all."""
    part = to.with_name(f".{to.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        came = store.get(name, part) and part.stat().st_size == need.size
        if not came or (need.sha256 and manifest.sha256(part) != need.sha256):
            if need.sha256:
                return False
            raise HumanrigError(f"{store.url}/{name} changed while it was read; run the same command again")
        part.replace(to)
        return True
    finally:
        part.unlink(missing_ok=True)
