"""A virtual iPhone with LiDAR: its cameras, a hand-held take, and what it reports of its own motion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import pydantic.dataclasses
from jaxtyping import Float, UInt8
from pydantic import ConfigDict, Field

from capture.device import DeviceDescription, DeviceStream
from capture.iphone.message import PhoneMessage
from capture.session_info import DeviceInfo
from capture.virtual.hand_held import HandHeld, HandHeldPath, Waves, hand_held_path
from capture.virtual.odometry import Odometry, OdometryEffects, track
from geometry.camera import Camera

COLOR_SIZE, DEPTH_SIZE = (1920, 1440), (256, 192)
RATE_HZ = 60.0
PATH_SEED, LENS_SEED, ODOMETRY_SEED = 50, 51, 52

# Intrinsics of a real LiDAR iPhone and how they move within one capture (focus and image stabilisation): mean and
# standard deviation over 31 frames of psegs-ios-lidar-ext (Apache-2.0). Square pixels, no distortion.
FOCAL_PX, FOCAL_SPREAD_PX = 1453.5, 1.2
CENTER_PX, CENTER_SPREAD_PX = np.array([973.9, 715.5]), np.array([5.2, 1.3])
LENS_HZ = (0.05, 0.5)
"""How fast focus and stabiliser wander. Assumed."""


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PhoneConfig:
    """One take with a phone."""

    seconds: Annotated[float, Field(gt=0, le=3600)] = 1.0
    rate_hz: Annotated[float, Field(gt=0, le=60)] = RATE_HZ
    seed: Annotated[int, Field(ge=0)] = 0
    stand_m: tuple[float, float, float] = (1.7, -1.3, 1.35)
    """Where the person who films stands, about: in a gap of the ring of Kinects."""
    target_m: tuple[float, float, float] = (0.0, 0.0, 0.95)
    hand: HandHeld = field(default_factory=HandHeld)
    odometry: OdometryEffects = field(default_factory=OdometryEffects)
    lens_moves: bool = True
    """Whether focus and image stabilisation change the intrinsics from frame to frame."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhoneTake:
    """A take's geometry: everything that is true, and what the phone says of it."""

    name: str
    config: PhoneConfig
    path: HandHeldPath
    times_s: Float[np.ndarray, "frames"]
    Ks: Float[np.ndarray, "frames 3 3"]
    """Intrinsics of the colour image at each frame; the phone reports them exactly."""
    Ts_world_camera: Float[np.ndarray, "frames 4 4"]
    """The truth. Colour and depth are one camera: the phone aligns them."""
    odometry: Odometry

    def color_camera(self, frame: int) -> Camera:
        """The true colour camera of a frame, 1920x1440."""
        width, height = COLOR_SIZE
        return Camera(
            name=f"{self.name}/color",
            K=self.Ks[frame],
            width=width,
            height=height,
            T_world_camera=self.Ts_world_camera[frame],
        )

    def depth_camera(self, frame: int) -> Camera:
        """The true depth camera of a frame, 256x192: the colour camera 7.5 times smaller, edge upon edge."""
        color = self.color_camera(frame).resized(*DEPTH_SIZE)
        return Camera(
            name=f"{self.name}/depth",
            K=color.K,
            width=color.width,
            height=color.height,
            T_world_camera=color.T_world_camera,
        )

    def message(self, frame: int, timestamp_s: float, confidence: UInt8[np.ndarray, "192 256"]) -> PhoneMessage:
        """What the phone says beside the images: the true K, and the pose that it believes."""
        return PhoneMessage(
            timestamp_s=timestamp_s,
            K=self.Ks[frame],
            T_arkit_camera=self.odometry.arkit(frame),
            confidence=confidence,
        )

    def truth(self) -> dict[str, np.ndarray]:
        """Arrays for truth/phones/NAME.npz, one row for each exposure, lost ones too."""
        return {
            "times_s": self.times_s,
            "Ks": self.Ks,
            "Ts_world_camera": self.Ts_world_camera,
            "Ts_odometry_camera": self.odometry.Ts_odometry_camera,
            "Ts_world_odometry": self.odometry.Ts_world_odometry,
        }

    def description(self) -> DeviceDescription:
        """The phone as a device: colour, depth, and a `PhoneMessage` a frame with K, pose and confidence."""
        rate_hz = self.config.rate_hz
        sizes = {"color": COLOR_SIZE, "depth": DEPTH_SIZE}
        return DeviceDescription(
            info=DeviceInfo(name=self.name, model="virtual iPhone", serial="virtual", clock=self.name),
            streams=(
                DeviceStream(
                    name=f"{self.name}/color",
                    kind="color",
                    encoding="jpeg",
                    rate_hz=rate_hz,
                    width=sizes["color"][0],
                    height=sizes["color"][1],
                ),
                DeviceStream(
                    name=f"{self.name}/depth",
                    kind="depth",
                    encoding="dzp",
                    rate_hz=rate_hz,
                    width=sizes["depth"][0],
                    height=sizes["depth"][1],
                ),
                DeviceStream(name=f"{self.name}/imu", kind="imu", encoding="json", rate_hz=rate_hz),
            ),
        )


def phone_take(
    config: PhoneConfig, name: str = "iphone", times_s: Float[np.ndarray, "frames"] | None = None
) -> PhoneTake:
    """A take of a phone that somebody holds and aims at the ring's centre. The same config gives the same take.

    `times_s` is when the frames are exposed, increasing; None: evenly, at the configured rate from 0.
    """
    path = hand_held_path(
        np.random.default_rng([config.seed, PATH_SEED]),
        stand=np.array(config.stand_m),
        target=np.array(config.target_m),
        hand=config.hand,
    )
    if times_s is None:
        times_s = np.arange(round(np.ceil(config.seconds * config.rate_hz - 1e-9))) / config.rate_hz
    poses = path.at(times_s)
    lens = Waves.draw(3, LENS_HZ, np.random.default_rng([config.seed, LENS_SEED])).at(times_s) * config.lens_moves
    Ks = np.zeros((len(times_s), 3, 3))
    Ks[:, 0, 0] = Ks[:, 1, 1] = FOCAL_PX + FOCAL_SPREAD_PX * lens[:, 0]
    Ks[:, :2, 2], Ks[:, 2, 2] = CENTER_PX + CENTER_SPREAD_PX * lens[:, 1:], 1.0
    odometry = track(times_s, poses, config.odometry, np.random.default_rng([config.seed, ODOMETRY_SEED]))
    return PhoneTake(
        name=name, config=config, path=path, times_s=times_s, Ks=Ks, Ts_world_camera=poses, odometry=odometry
    )
