"""AMASS: one .npz of motion without pictures, in a world with z up; the layout is told in `body.motion.amass`."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Final, Literal

import numpy as np

from body.errors import BodyError
from body.motion.amass import read_amass, write_amass
from body.parameters import BodyParameters
from hps.errors import HpsError
from hps.evaluation.files.npz_files import read_npz
from hps.evaluation.files.rows import gender_of, once, repeated, told
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "amass"
BODIES: Final = {72: "smpl", 156: "smplh", 165: "smplx"}
"""By columns of `poses`."""


def has_amass(names: Set[str]) -> bool:
    """Whether the names of an .npz are AMASS's."""
    return {"poses", "trans", "betas"} <= names and bool({"mocap_framerate", "mocap_frame_rate"} & names)


def read_amass_file(path: Path) -> list[PersonAnnotations]:
    """The person of one file; of SMPL-H and SMPL-X the body without hands. Raises HpsError for a damaged file."""
    try:
        motion = read_amass(path)
    except BodyError as error:
        raise HpsError(str(error)) from None
    kind = BODIES[read_npz(path, ("poses",))["poses"].shape[1]]
    p, n = motion.parameters, len(motion.parameters)
    return [
        PersonAnnotations(
            dataset=NAME,
            sequence=f"{path.parent.name}/{path.stem}",
            person=path.parent.name,
            frames=np.arange(n),
            frame="world",
            fps=motion.rate_hz,
            body=kind,
            gender=gender_of(motion.gender),
            betas=repeated(p.betas, n),
            child=np.full(n, p.child) if p.child else None,
            global_orient=p.global_orient,
            body_pose=p.body_pose if kind == "smpl" else p.body_pose[:, :63],
            transl=p.transl,
        )
    ]


def write_amass_file(path: Path, person: PersonAnnotations) -> None:
    """Writes one file, of 156 columns for everything but SMPL. Raises HpsError for what AMASS needs otherwise."""
    orient, pose, transl, betas = told(person, path, "global_orient", "body_pose", "transl", "betas")
    if person.frame != "world":
        raise HpsError(f"{path} needs a person in a world with z up; '{person.sequence}' is in the camera's frame")
    joints: Literal["smplh", "smpl"] = "smpl" if person.body == "smpl" else "smplh"
    child = 0.0 if person.child is None else float(once(person.child, "child", path))
    try:
        parameters = BodyParameters(
            betas=once(betas, "betas", path),
            global_orient=orient,
            body_pose=np.concatenate([pose, np.zeros((len(pose), 69 - pose.shape[1]))], 1),
            transl=transl,
            child=child,
        )
        write_amass(path, parameters, person.fps, person.gender, joints)
    except BodyError as error:
        raise HpsError(str(error)) from None
