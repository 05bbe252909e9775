"""People of files grouped by picture, with projected joints in the pixels of AGORA's large pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from geometry.rigid import transform
from hps.errors import HpsError
from hps.evaluation.agora_matching import PicturePeople
from hps.evaluation.files.agora_camera import SIZE, SMALL
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.body_models import BodyModels
from hps.evaluation.scoring.posing import posed_clip

LARGE_WIDTH: Final = SIZE[0]
SMALL_COPY: Final = SMALL[0]
"""The large pictures are called the same without it."""


def by_picture(people: Sequence[PersonAnnotations]) -> dict[str, list[tuple[PersonAnnotations, int]]]:
    """Person and row of everybody in each picture, by the picture's name without folder, ending and size."""
    pictures: dict[str, list[tuple[PersonAnnotations, int]]] = {}
    for person in people:
        for row in range(len(person)):
            named = person.images[row] if person.images else f"{person.sequence}_{person.frames[row]}"
            name = PurePosixPath(named).stem.replace(SMALL_COPY, "")
            pictures.setdefault(name, []).append((person, row))
    return pictures


def picture_people(
    picture: str,
    people: Sequence[tuple[PersonAnnotations, int]],
    models: BodyModels,
    cameras: Mapping[str, np.ndarray],
) -> PicturePeople:
    """Everybody of one picture. cameras: K of each picture in large pixels, to project joints that are not projected.

    Raises HpsError where somebody has no joints, or other joints than the rest.
    """
    q, joints, vertices = [], [], []
    for person, row in people:
        own, skin = _points(person, row, models)
        joints.append(own)
        vertices.append(skin)
        q.append(_projected(picture, person, row, own, cameras))
    if len({len(one) for one in joints}) > 1:
        counts = sorted({len(one) for one in joints})
        raise HpsError(f"picture {picture}: people have {counts[0]} and {counts[-1]} joints; compare one body model")
    fewest = min((len(one) for one in q), default=24)
    skins = [one for one in vertices if one is not None]
    whole = bool(people) and len(skins) == len(people) and len({len(one) for one in skins}) == 1
    return PicturePeople(
        picture=picture,
        q=np.array([one[:fewest] for one in q]).reshape(len(q), -1, 2) if q else np.zeros((0, 24, 2)),
        joints=np.array(joints) if joints else np.zeros((0, 24, 3)),
        vertices=np.array(skins) if whole else None,
        is_valid=np.array([one.valid is None or bool(one.valid[row]) for one, row in people], bool),
        occlusion=np.array([0.0 if one.occlusion is None else one.occlusion[row] for one, row in people], np.float64),
        kid=np.array([one.child is not None and bool(one.child[row] > 0) for one, row in people], bool),
    )


def _points(person: PersonAnnotations, row: int, models: BodyModels) -> tuple[np.ndarray, np.ndarray | None]:
    """Joints and skin in the camera's frame: as stored, and posed where they are not."""
    if person.joints is not None:
        joints, skin = person.joints[row], None if person.vertices is None else person.vertices[row]
    else:
        clip = posed_clip(person, np.array([row], np.int64), models)
        if clip.joints is None:
            raise models.missing(person)
        if not clip.placed and person.keypoints2d is None:
            raise HpsError(
                f"{person.sequence}, person {person.person} has no translation and no joints in pixels, by which "
                "people of pictures are matched"
            )
        joints, skin = clip.joints[0], None if clip.vertices is None else clip.vertices[0]
    points = [None if some is None else np.asarray(some, np.float64) for some in (joints, skin)]
    if person.frame == "world":
        if person.Ts_camera_world is None:
            raise HpsError(
                f"{person.sequence}, person {person.person} is in the world, and the file does not say where the "
                "camera was; people of pictures are compared in the camera's frame"
            )
        T = np.asarray(person.Ts_camera_world[row], np.float64)
        points = [None if some is None else transform(T, some) for some in points]
    assert points[0] is not None
    return points[0], points[1]


def _projected(
    picture: str, person: PersonAnnotations, row: int, joints: np.ndarray, cameras: Mapping[str, np.ndarray]
) -> np.ndarray:
    if person.keypoints2d is not None:
        width = LARGE_WIDTH if person.image_size is None else person.image_size[row, 0]
        return np.asarray(person.keypoints2d[row, :, :2], np.float64) * (LARGE_WIDTH / width)
    if picture not in cameras:
        raise HpsError(
            f"picture {picture}, person {person.person}: no joints in pixels, and no camera to project its joints; "
            "write them as `joints` (24, 2)"
        )
    seen = joints @ cameras[picture].T
    return seen[:, :2] / seen[:, 2:]


def large_cameras(people: Sequence[PersonAnnotations]) -> dict[str, np.ndarray]:
    """K in pixels of the large picture, of every picture whose camera somebody's annotations say."""
    cameras = {}
    for picture, rows in by_picture(people).items():
        for person, row in rows:
            if person.K is not None and person.image_size is not None:
                K = np.array(person.K[row], np.float64)
                K[:2] *= LARGE_WIDTH / person.image_size[row, 0]
                cameras[picture] = K
    return cameras
