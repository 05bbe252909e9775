"""Opens files of people by looking at them: which kind they are, and the people in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hps.errors import HpsError
from hps.evaluation.files import (
    agora,
    agora_predictions,
    amass,
    bedlam,
    camerahmr,
    emdb,
    evaluation_npz,
    gta_human,
    human_data,
    humanrig_bodies,
    humman,
    surreal,
    three_dpw,
    three_dpw_challenge,
)
from hps.evaluation.files.human_data_file import has_human_data
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
    FileKind(
        name="3dpw_challenge",
        about="a .pkl with jointPositions and orientations alone",
        is_one=lambda look: three_dpw_challenge.has_challenge(look.names),
        read=lambda look: three_dpw_challenge.people_of(look.entries, look.path),
    ),
    FileKind(
        name="bedlam",
        about="an .npz with imgname, pose_cam, trans_cam, cam_int and cam_ext, also of AGORA's training labels",
        is_one=lambda look: bedlam.has_bedlam(look.names),
        read=lambda look: bedlam.read_bedlam(look.path),
    ),
    FileKind(
        name="humandata",
        about="mmhuman3d's HumanData or MultiHumanData .npz",
        is_one=lambda look: has_human_data(look.names),
        read=lambda look: human_data.read_human_data(look.path),
    ),
    FileKind(
        name="gta_human",
        about="a .pkl or .npz with is_male, fov, num_frames and body_pose",
        is_one=lambda look: gta_human.has_gta_human(look.names),
        read=lambda look: (
            gta_human.read_gta_human(look.path)
            if look.content is None
            else gta_human.people_of(look.entries, look.path)
        ),
    ),
    FileKind(
        name="humman",
        about="a folder pXXXXXX_aXXXXXX with smpl_params, or an .npz of betas, body_pose, global_orient, transl alone",
        is_one=lambda look: humman.has_humman(look.names),
        read=lambda look: humman.read_humman_parameters(look.path),
    ),
    FileKind(
        name="surreal",
        about="NAME_c0001_info.mat",
        is_one=lambda look: surreal.has_surreal(look.names),
        read=lambda look: surreal.read_surreal(look.path),
    ),
    FileKind(
        name="amass",
        about="an .npz with poses, trans, betas and mocap_framerate",
        is_one=lambda look: amass.has_amass(look.names),
        read=lambda look: amass.read_amass_file(look.path),
    ),
    FileKind(
        name="evaluation_npz",
        about="the .npz of HMR2.0's evaluation: imgname, center, scale, body_pose and betas",
        is_one=lambda look: evaluation_npz.has_evaluation(look.names),
        read=lambda look: evaluation_npz.read_evaluation(look.path),
    ),
    FileKind(
        name="camerahmr",
        about="an .npz with imgname, cam_t, cam_int and shape",
        is_one=lambda look: camerahmr.has_camerahmr(look.names),
        read=lambda look: camerahmr.read_camerahmr(look.path),
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
    sequences = _humman_sequences(place)
    if sequences and (chosen is None or chosen.name == humman.NAME):
        return [person for sequence in sequences for person in humman.read_humman(sequence)]
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


def _humman_sequences(place: Path) -> list[Path]:
    """HuMMan's folders, which hold more than parameters; none where a path is something else."""
    there = humman.sequences_in(place) if place.is_dir() else []
    return [s for s in there if (s / f"{humman.PARAMETERS}.npz").is_file() or humman.parameter_files(s)]


def _files_of(folder: Path) -> list[Path]:
    """A session's bodies, or every file of a folder that could hold people."""
    place = folder / "body" if (folder / "session.toml").is_file() else folder
    found = sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    clips = [p for p in found if surreal.INFO.fullmatch(p.name)]
    found = clips or found  # SURREAL's depth and segmentation lie beside them
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
