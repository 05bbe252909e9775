"""The pass that makes labelled point clouds of scenes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from hps.errors import HpsError
from hps.synthesis.clouds.cloud import LabelledCloud
from hps.synthesis.clouds.measuring import CloudCamera, CloudScene, Measured
from hps.synthesis.clouds.sensors import open_view
from hps.synthesis.clouds.skin_offset import SkinTopology
from hps.synthesis.clouds.surroundings import Surroundings
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.labelling.actor_labels import ActorLabels, label_actors
from hps.synthesis.labelling.label_rows import camera_columns, key_columns, person_columns
from hps.synthesis.labelling.schema import ACTOR_FLAGS_FIELD, CAMERA_FIELDS, KEY_FIELDS, NAMES, PERSON_FIELDS, column
from hps.synthesis.quality.actor_flags import scene_flags
from hps.synthesis.sample import Sample, picture_key
from hps.synthesis.staging.staged import StagedScene

NOISE_SEED: Final = 68
ENDING: Final = "cloud.npz"

CLOUD_FIELDS: Final = (
    column("views", pa.int32(), "cameras of the cloud; of one, its frame is the camera's, else the world"),
    column("cameras", pa.list_(pa.int32()), "their numbers within the scene"),
    column("sensors", pa.list_(pa.string()), "whose errors their depth has"),
    column("points", pa.int32(), "points of the cloud in the actor's mask"),
    column("pixels_seen", pa.int32(), "pixels whose centres see the actor, all cameras together"),
    column("pixels_measured", pa.int32(), "pixels of the actor's mask with a depth, all cameras together"),
)


class CloudsPass:
    """Clouds of every camera alone, or of several together, for each number in `config.cloud_views`."""

    name: ClassVar[str] = "clouds"
    version: ClassVar[int] = 2
    schema: ClassVar[pa.Schema] = pa.schema(
        [*KEY_FIELDS, *PERSON_FIELDS, *CAMERA_FIELDS, *CLOUD_FIELDS, ACTOR_FLAGS_FIELD], NAMES
    )

    def __init__(self, config: SynthesisConfig) -> None:
        """One for each process."""
        self._config = config
        self._topology: SkinTopology | None = None

    def samples(self, staged: StagedScene) -> Iterator[Sample]:
        """The clouds of a scene: of each instant in the order of `cloud_views`.

        Raises HpsError for a scene with fewer cameras than a cloud wants.
        """
        config, spec = self._config, staged.spec
        if max(config.cloud_views) > len(spec.cameras):
            raise HpsError(
                f"scene {spec.name}: clouds of {max(config.cloud_views)} cameras are asked for, it has "
                f"{len(spec.cameras)}; give smaller cloud_views or more views"
            )
        if self._topology is None:
            self._topology = SkinTopology.of(staged.model.faces, staged.model.vertex_count)
        surroundings = Surroundings.of(spec.row.room_seed, config.cloud_surroundings)
        scene = CloudScene.of(staged, surroundings, self._topology)
        cameras = [
            CloudCamera(scene, number, open_view(row, config.cloud_camera, surroundings))
            for number, row in enumerate(spec.cameras)
        ]
        labels = label_actors(staged)
        groups = [(views, members) for views in config.cloud_views for members in grouped(len(cameras), views)]
        for frame in range(staged.frames):
            moment = staged.moment(frame)
            measured = [
                camera.measure(
                    moment,
                    np.random.default_rng([spec.row.noise_seed, NOISE_SEED, frame, camera.number]),
                    mask_px=config.cloud_mask_px,
                    most_points=config.cloud_points,
                )
                for camera in cameras
            ]
            place: dict[int, int] = {}
            for views, members in groups:
                group = place[views] = place.get(views, -1) + 1
                key = cloud_key(spec.name, frame, views, members[0] if views == 1 else group)
                yield self._sample(staged, key, frame, members, [measured[m] for m in members], labels)

    def _sample(
        self,
        staged: StagedScene,
        key: str,
        frame: int,
        members: list[int],
        measured: list[Measured],
        labels: tuple[ActorLabels, ...],
    ) -> Sample:
        single = len(members) == 1
        cloud = measured[0].cloud if single else LabelledCloud.fused([m.cloud for m in measured])
        T_world_frame = cloud.T_world_camera[0] if single else np.eye(4)
        points = np.bincount(cloud.mask, minlength=len(labels))
        flags = scene_flags(staged)
        rows: list[dict[str, Any]] = []
        for actor, label in enumerate(labels):
            rows.append(
                key_columns(staged, key, frame, members[0] if single else -1)
                | person_columns(staged, actor, frame, label)
                | camera_columns(label, frame, T_world_frame)
                | {
                    "views": len(members),
                    "cameras": members,
                    "sensors": [staged.spec.cameras[m].sensor for m in members],
                    "points": int(points[actor]),
                    "pixels_seen": int(sum(m.pixels_seen[actor] for m in measured)),
                    "pixels_measured": int(sum(m.pixels_measured[actor] for m in measured)),
                    "actor_flags": flags[actor],
                }
            )
        return Sample(key=key, files={ENDING: cloud.to_bytes()}, rows=tuple(rows))


def cloud_key(scene: str, frame: int, views: int, which: int) -> str:
    """SCENE_FFF_cCC of camera `which` alone; SCENE_FFF_vNN_GG of group `which` of `views` cameras."""
    if views == 1:
        return picture_key(scene, frame, which)
    return f"{scene}_{frame:03d}_v{views:02d}_{which:02d}"


def grouped(cameras: int, views: int) -> list[list[int]]:
    """Groups of cameras, spread all round: as many whole groups as there are, each camera in at most one."""
    groups = cameras // views
    return [[group + groups * n for n in range(views)] for group in range(groups)]
