"""The pass that takes the pictures: a JPEG of each camera at each instant and, where asked for, a sensor's depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

import cv2
import numpy as np
import pyarrow as pa

from capture.virtual.baked_room import BakedRoom, pinhole_rays
from capture.virtual.color_effects import ColorEffects
from capture.virtual.color_sensor import ColorSensor
from capture.virtual.other_color import color_picture
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.pictures.room_store import FINE_TEXEL_M, TEXEL_M, RoomStore
from hps.synthesis.pictures.sensor_depth import SensorDepth
from hps.synthesis.sample import Sample, picture_key
from hps.synthesis.scenes.rows import CameraRow
from hps.synthesis.staging.stage import SMALL_PICTURE
from hps.synthesis.staging.staged import StagedMoment, StagedScene

COLOR_SEED, DEPTH_SEED, COLOR_UNIT_SEED = 64, 66, 63
PNG_LEVEL: Final = 1
"""The lowest compression: level 3 takes twice the time for a tenth less (640x480 depth with noise)."""
COLOR: Final = "color.jpg"
SENSOR_DEPTH: Final = "sensor_depth.png"


class ImagesPass:
    """Colour pictures of scenes staged with colours; one for each process."""

    name: ClassVar[str] = "images"
    version: ClassVar[int] = 1
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("key", pa.string()),
            ("scene", pa.string()),
            ("frame", pa.int32()),
            ("camera", pa.int32()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("sensor", pa.string()),
            ("color_bytes", pa.int32()),
        ]
    )

    def __init__(self, config: SynthesisConfig) -> None:
        """Pictures as a configuration wants them."""
        self.config = config
        self._rooms = RoomStore(TEXEL_M if config.width <= SMALL_PICTURE else FINE_TEXEL_M)

    def prepare(self, staged: StagedScene) -> None:
        """Paints the scene's room, which `samples` does otherwise."""
        self._rooms.room(staged.spec.row.room_seed)

    def samples(self, staged: StagedScene) -> Iterator[Sample]:
        """All pictures of a scene: instants, and of each the cameras."""
        room = self._rooms.room(staged.spec.row.room_seed)
        moments = [staged.moment(frame) for frame in range(staged.frames)]
        taken = [self._of_camera(staged, row, room, moments) for row in staged.spec.cameras]
        for frame in range(staged.frames):
            for samples in taken:
                yield samples[frame]

    def _of_camera(
        self, staged: StagedScene, row: CameraRow, room: BakedRoom, moments: list[StagedMoment]
    ) -> list[Sample]:
        """The pictures of one camera, whose sensors are set up once."""
        camera, effects, samples = row.to_camera(), color_effects(row, self.config.effects), []
        rays = pinhole_rays(camera)
        unit = ColorSensor(camera, effects, np.random.default_rng([row.unit_seed, COLOR_UNIT_SEED]))
        depth = SensorDepth(row, room, effects=self.config.effects) if self.config.sensor_depth else None
        for moment in moments:
            seeds = staged.spec.row.noise_seed, row.camera, moment.frame
            rng = np.random.default_rng([COLOR_SEED, *seeds])
            files = {COLOR: unit.encode(color_picture(room, camera, unit, moment.moment, None, rng, rays=rays))}
            if depth is not None:
                found = depth.millimetres(moment.drawable, np.random.default_rng([DEPTH_SEED, *seeds]))
                files[SENSOR_DEPTH] = cv2.imencode(".png", found, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])[1].tobytes()
            key = picture_key(row.scene, moment.frame, row.camera)
            about = {
                "key": key,
                "scene": row.scene,
                "frame": moment.frame,
                "camera": row.camera,
                "width": row.width,
                "height": row.height,
                "sensor": row.sensor,
                "color_bytes": len(files[COLOR]),
            }
            samples.append(Sample(key=key, files=files, rows=(about,)))
        return samples


def color_effects(row: CameraRow, effects: bool) -> ColorEffects:
    """Those of the camera's kind, a pinhole camera's being a Kinect's; without a rolling shutter.

    Labels are of one instant: rows read at their own times would move a fast arm away from its mask and keypoints, in a
    scene of three people by 2.9 pixels at the 90th percentile of their vertices and by 18 at most.
    """
    if not effects:
        return replace(ColorEffects.none(), jpeg=True)
    kinds = {"realsense": ColorEffects.realsense, "iphone": ColorEffects.iphone}
    return replace(kinds.get(row.sensor, ColorEffects.azure_kinect)(), rolling_shutter=False)
