"""Pictures of a kick through each sensor, bare and with effects: python scripts/sensor_effects/pictures.py FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import tyro  # noqa: E402

from capture.virtual.baked_room import BakedRoom, pinhole_rays  # noqa: E402
from capture.virtual.color_effects import ColorEffects  # noqa: E402
from capture.virtual.color_sensor import ColorSensor  # noqa: E402
from capture.virtual.config import SimulationConfig  # noqa: E402
from capture.virtual.drawable import Drawable, Studio  # noqa: E402
from capture.virtual.figure import motion_at  # noqa: E402
from capture.virtual.figure_color import draw_over  # noqa: E402
from capture.virtual.iphone import PhoneConfig, phone_take  # noqa: E402
from capture.virtual.lidar_depth import LidarDepth  # noqa: E402
from capture.virtual.lidar_effects import LidarEffects  # noqa: E402
from capture.virtual.moment import Moment  # noqa: E402
from capture.virtual.realsense import place_realsense  # noqa: E402
from capture.virtual.room import draw_room  # noqa: E402
from capture.virtual.scene import Scene  # noqa: E402
from capture.virtual.stereo_depth import StereoDepth  # noqa: E402
from capture.virtual.stereo_effects import StereoEffects  # noqa: E402
from geometry.camera import Camera  # noqa: E402
from geometry.rigid import look_at  # noqa: E402
from humanrig.simulation import make_scene  # noqa: E402

RATE_HZ = 30.0
KICK, STRIDE = 22, 11
"""Instants of the clip: the foot at 5 m/s and more; a leg behind the other."""
STAND_M = np.array([1.7, -1.2, 1.3])
NEAR_MM, FAR_MM = 1000.0, 4500.0
CONFIDENCE = np.array([[200, 0, 0], [255, 200, 0], [90, 90, 90]], np.uint8)


def main(folder: tyro.conf.Positional[Path]) -> None:
    """Writes color_effects.jpg and stereo_and_lidar_depth.jpg into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    people, things = make_scene(SimulationConfig(clip="spinkick", seed=3, seconds=1.0, rate_hz=RATE_HZ))
    scene = Scene.of(people, things)
    figure = scene.figure()
    assert figure is not None
    studio, vertices = Studio.of(figure), scene.vertices()
    room = BakedRoom.of(draw_room(np.random.default_rng(0)), 0.008)
    write(folder / "color_effects.jpg", kick(studio, vertices, room))
    write(folder / "stereo_and_lidar_depth.jpg", depths(studio, vertices[STRIDE], room))


def kick(studio: Studio, vertices: np.ndarray, room: BakedRoom) -> np.ndarray:
    """The kick in two instants, each without and with effects."""
    K = np.array([[605.0, 0, 639.5], [0, 605.0, 359.5], [0, 0, 1]])
    target = np.array([0, 0, 0.9])
    eye = np.array([0.0, 2.3, 1.5])
    camera = Camera(name="kinect_000/color", K=K, width=1280, height=720, T_world_camera=look_at(eye, target))
    tiles = []
    for number in (KICK, KICK + 1):
        motion = motion_at(vertices, number, RATE_HZ)
        moment = Moment(drawable=Drawable.of(studio, motion.vertices), velocity=motion.velocity)
        for effects in (ColorEffects.none(), ColorEffects()):
            sensor = ColorSensor(camera, effects, np.random.default_rng(1))
            picture = draw_over(room.color(camera), camera, pinhole_rays(camera), sensor, moment)
            tiles.append(sensor.sense(picture, np.random.default_rng(2))[60:560, 400:900])
    return np.concatenate(tiles, 1)


def depths(studio: Studio, vertices: np.ndarray, room: BakedRoom) -> np.ndarray:
    """A RealSense's depth without and with effects, above a phone's depth likewise and its confidence."""
    unit = place_realsense("realsense_000", look_at(STAND_M, np.array([0, 0, 0.9])), model="D435")
    seen = echo(studio, vertices, room, unit.depth)
    stereo = [
        StereoDepth(unit, effects, np.random.default_rng(0)).sense(*seen, np.random.default_rng(1))
        for effects in (StereoEffects.none(), StereoEffects())
    ]
    phone = phone_take(PhoneConfig(stand_m=(1.7, -1.2, 1.35))).depth_camera(5)
    seen = echo(studio, vertices, room, phone)
    frames = [
        LidarDepth(effects, np.random.default_rng(0)).sense(*seen, np.random.default_rng(1))
        for effects in (LidarEffects.none(), LidarEffects())
    ]
    parts = [colored(frame.depth_mm) for frame in frames] + [CONFIDENCE[frames[1].confidence]]
    above = np.concatenate([colored(image) for image in stereo], 1)
    below = np.concatenate(
        [cv2.resize(part, None, fx=2.2, fy=2.2, interpolation=cv2.INTER_NEAREST) for part in parts], 1
    )
    height = round(below.shape[0] * above.shape[1] / below.shape[1])
    return np.concatenate([above, cv2.resize(below, (above.shape[1], height), interpolation=cv2.INTER_NEAREST)])


def echo(studio: Studio, vertices: np.ndarray, room: BakedRoom, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Depth and infrared echo of the figure in the room, two by two samples a pixel."""
    depth, amplitude = room.echo(camera)
    found = Drawable.of(studio, vertices).echo(camera, pinhole_rays(camera))
    if found is not None:
        window = tuple(slice(2 * part.start, 2 * part.stop) for part in found.window)
        front = found.depth < depth[window]
        depth[window] = np.where(front, found.depth, depth[window])
        amplitude[window] = np.where(front, found.amplitude, amplitude[window])
    return depth, amplitude


def colored(depth_mm: np.ndarray) -> np.ndarray:
    """Near blue, far red, missing black; RGB."""
    level = np.clip((depth_mm - NEAR_MM) / (FAR_MM - NEAR_MM) * 255, 0, 255).astype(np.uint8)
    picture = cv2.applyColorMap(level, cv2.COLORMAP_TURBO)[..., ::-1].copy()
    picture[depth_mm == 0] = 0
    return picture


def write(path: Path, picture: np.ndarray) -> None:
    """An RGB picture as JPEG."""
    if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85]):
        sys.exit(f"cannot write {path}")


if __name__ == "__main__":
    tyro.cli(main)
