"""Opens files of people by looking at them: which kind they are, and the people in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hps.errors import HpsError
from hps.evaluation.files import agora, agora_predictions, emdb, humanrig_bodies, three_dpw
from hps.evaluation.files.looking import SUFFIXES, Look, look_at
from hps.evaluation.files.pandas_tables import Table
from hps.evaluation.people_annotations import PersonAnnotations


@dataclass(frozen=True, kw_only=True, slots=True)
class FileKind:
    """A kind of file."""

    name: str
    about: str
    """How one looks, in a few words."""
    is_one: Callable[[Look], bool]
    read: Callable[[Look], list[PersonAnnotations]]


KINDS: Final[tuple[FileKind, ...]] = (
    FileKind(
        name="humanrig",
        about="personNN.npz of a session or of humanrig estimate",
        is_one=lambda look: humanrig_bodies.is_humanrig_npz(look.names),
        read=lambda look: humanrig_bodies.read_humanrig(look.path),
    ),
    FileKind(
        name="3dpw",
        about="a .pkl with poses, trans, cam_poses and cam_intrinsics",
        is_one=lambda look: three_dpw.has_3dpw(look.names),
        read=lambda look: three_dpw.people_of(look.entries, look.path),
    ),
    FileKind(
        name="emdb",
        about="a .pkl with smpl, camera and good_frames_mask",
        is_one=lambda look: emdb.has_emdb(look.names),
        read=lambda look: emdb.people_of(look.entries, look.path),
    ),
    FileKind(
        name="agora",
        about="a .pkl of a pandas table with imgPath, isValid and occlusion",
        is_one=lambda look: isinstance(look.content, Table) and agora.is_agora_table(look.content),
        read=lambda look: agora.people_of(look.content, look.path),
    ),
    FileKind(
        name="agora_predictions",
        about="PICTURE_personId_K.pkl",
        is_one=lambda look: agora_predictions.FILE.fullmatch(look.path.name) is not None,
        read=lambda look: agora_predictions.person_of(look.entries, look.path),
    ),
)


def read_annotations(path: Path | str, kind: str | None = None) -> list[PersonAnnotations]:
    """Everybody in a file, in a folder of files of one kind, or in a session, in the order of the files' names.

    `kind` is one of KINDS by name; None finds it out. A session's people are those of its `body/`. Raises HpsError, one
    sentence, for a path that is not there, a file of no known kind or of several, files of several kinds in a folder,
    an unknown kind, and as the kind's reader does for what is damaged or does not fit.
    """
    place = Path(path)
    if not place.exists():
        raise HpsError(f"there is nothing at {place}; check the path")
    chosen = None if kind is None else _named(kind)
    files = [place] if place.is_file() else _files_of(place)
    people: list[PersonAnnotations] = []
    first: tuple[FileKind, Path] | None = None
    for file in files:
        look = look_at(file)
        found = _kind_of(look) if chosen is None else chosen
        if first is not None and found is not first[0]:
            raise HpsError(f"{first[1]} is of the kind {first[0].name}, {file} is {found.name}; open them one by one")
        first = first or (found, file)
        people += found.read(look)
    return people


def _files_of(folder: Path) -> list[Path]:
    """A session's bodies, or every file of a folder that could hold people."""
    place = folder / "body" if (folder / "session.toml").is_file() else folder
    found = sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise HpsError(f"{place} has no files of people, which end in {', '.join(SUFFIXES)}; check the path")
    return found


def _kind_of(look: Look) -> FileKind:
    found = [one for one in KINDS if one.is_one(look)]
    if len(found) == 1:
        return found[0]
    if found:
        raise HpsError(f"{look.path} may be {' or '.join(one.name for one in found)}; say which with kind")
    holds = ", ".join(sorted(look.names)[:12]) or "nothing"
    kinds = "; ".join(f"{one.name}: {one.about}" for one in KINDS)
    raise HpsError(f"{look.path} is of no known kind: it holds {holds}, and the kinds are {kinds}")


def _named(name: str) -> FileKind:
    for one in KINDS:
        if one.name == name:
            return one
    raise HpsError(f"there is no kind of file '{name}'; the kinds are {', '.join(one.name for one in KINDS)}")
