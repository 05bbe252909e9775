"""The pass that labels the pictures: depth, normals, masks and parts, and a row for each person in each picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from body.joints import JOINT_NAMES
from body.model import BodyModel
from geometry.camera import Camera
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.labelling.actor_labels import ActorLabels, label_actors
from hps.synthesis.labelling.alone import Alone, draw_alone
from hps.synthesis.labelling.label_images import encode_truth
from hps.synthesis.labelling.label_rows import camera_columns, flat, key_columns, person_columns
from hps.synthesis.labelling.schema import LABELS_SCHEMA
from hps.synthesis.labelling.true_picture import TruePicture, draw_truth
from hps.synthesis.labelling.visibility import keypoint_visibility
from hps.synthesis.quality.actor_flags import scene_flags
from hps.synthesis.quality.picture_flags import picture_flags
from hps.synthesis.sample import Sample, picture_key
from hps.synthesis.staging.staged import StagedMoment, StagedScene
from registration.annotations.keypoints2d import COCO17

NEAR_PX: Final = 4
"""Fingers thinner than a pixel may break off that far from the rest."""


class LabelsPass:
    """Labels of scenes staged with or without colours; one for each process."""

    name: ClassVar[str] = "labels"
    version: ClassVar[int] = 3
    schema: ClassVar[pa.Schema] = LABELS_SCHEMA

    def __init__(self, config: SynthesisConfig, model: BodyModel) -> None:
        """Labels in the body model that scenes are staged with."""
        self.config, self.model = config, model

    def samples(self, staged: StagedScene) -> Iterator[Sample]:
        """All pictures of a scene: instants, and of each the cameras."""
        labels = label_actors(staged)
        flags = scene_flags(staged)
        for frame in range(staged.frames):
            moment = staged.moment(frame)
            for row in staged.spec.cameras:
                camera, key = row.to_camera(), picture_key(staged.spec.name, frame, row.camera)
                picture = draw_truth(staged, moment, camera)
                rows = []
                for actor, mine in enumerate(labels):
                    columns: dict[str, Any] = {
                        **key_columns(staged, key, frame, row.camera),
                        **person_columns(staged, actor, frame, mine),
                        **camera_columns(mine, frame, camera.T_world_camera),
                        **_picture_columns(staged, moment, picture, camera, actor, mine),
                    }
                    rows.append({**columns, "actor_flags": flags[actor], "picture_flags": picture_flags(columns)})
                yield Sample(key=key, files=encode_truth(picture), rows=tuple(rows))


def _picture_columns(
    staged: StagedScene,
    moment: StagedMoment,
    picture: TruePicture,
    camera: Camera,
    actor: int,
    labels: ActorLabels,
) -> dict[str, Any]:
    """PICTURE_FIELDS of one actor."""
    joints, coco = labels.joints[moment.frame], labels.coco[moment.frame]
    q_joints, q_coco = camera.project(joints), camera.project(coco)
    pixels, left, right, top, bottom = (int(value) for value in picture.seen[actor + 1])
    alone = _alone(staged, moment, picture, camera, actor)
    return {
        "width": camera.width,
        "height": camera.height,
        "K": flat(camera.K),
        "joints_2d": flat(q_joints),
        "joints_visible": flat(keypoint_visibility(picture, camera, JOINT_NAMES, joints, q_joints, actor)),
        "coco_2d": flat(q_coco),
        "coco_visible": flat(keypoint_visibility(picture, camera, COCO17, coco, q_coco, actor)),
        "box_visible": [left, top, right - left + 1, bottom - top + 1] if pixels else [0, 0, 0, 0],
        "box_whole": list(alone.box),
        "pixels_visible": pixels,
        "pixels_alone": alone.pixels,
        "pixels_whole": alone.pixels_whole,
        "occluded": 1 - pixels / alone.pixels if alone.pixels else float("nan"),
        "truncated": 1 - alone.pixels / alone.pixels_whole if alone.pixels_whole else 1.0,
    }


def _alone(staged: StagedScene, moment: StagedMoment, picture: TruePicture, camera: Camera, actor: int) -> Alone:
    """The actor alone; not drawn again where neither anything else nor the frame comes near what is seen of it.

    A person is in one piece: what is hidden begins beside something that is seen.
    """
    pixels, left, right, top, bottom = (int(value) for value in picture.seen[actor + 1])
    others = np.delete(picture.seen, [0, actor + 1], axis=0)
    apart = (others[:, 1] > right + NEAR_PX) | (others[:, 2] < left - NEAR_PX)
    apart |= (others[:, 3] > bottom + NEAR_PX) | (others[:, 4] < top - NEAR_PX)
    inside = left > 0 and top > 0 and right < camera.width - 1 and bottom < camera.height - 1
    if pixels and inside and (apart | (others[:, 0] == 0)).all():
        box = (float(left), float(top), float(right - left + 1), float(bottom - top + 1))
        return Alone(pixels=pixels, pixels_whole=pixels, box=box)
    counts = _counts(staged)
    first = sum(counts[:actor])
    vertices = moment.drawable.vertices[first : first + counts[actor]]
    return draw_alone(
        staged.studio.rasterizer, camera, vertices, np.asarray(staged.people[actor].figure.faces, np.int32)
    )


def _counts(staged: StagedScene) -> Sequence[int]:
    """Vertices of each actor in the figure, which has them in their order."""
    return [person.surface.shape[1] for person in staged.people]
