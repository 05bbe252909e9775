"""How a camera moves that somebody holds: slow sway, an aim that wanders about the subject, and tremor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pydantic.dataclasses
from jaxtyping import Float, Float32
from pydantic import ConfigDict, Field
from scipy.spatial.transform import Rotation

from capture.errors import CaptureError
from geometry.rigid import look_at, rigid

SWAY_HZ, AIM_HZ, TREMOR_HZ = (0.05, 0.4), (0.1, 0.8), (8.0, 12.0)
"""Bands of the three motions. 8 to 12 Hz is physiological hand tremor; the others are assumed."""
STEP_S = 1e-3
"""Velocities are differences over this time: tremor, the fastest motion, takes 80 ms to repeat."""
WAVES = 8
"""Sine waves that make up each number of a motion."""

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class HandHeld:
    """How steady a hand is. The sway and the aim give a median of 0.07 m/s and 4 degrees/s, as a real phone capture of
    a board has (psegs-ios-lidar-ext, 31 frames); all amplitudes are assumed beyond that."""

    sway_m: NotNegative = 0.027
    """Standard deviation of each coordinate of the position."""
    aim_deg: NotNegative = 0.85
    """Standard deviation of each angle of the direction."""
    tremor_m: NotNegative = 0.0003
    tremor_deg: NotNegative = 0.02
    portrait: bool = True
    """Held upright, as people are filmed: up in the world is left in the sensor's landscape image."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Waves:
    """Smooth random numbers as functions of time: sums of sine waves, mean 0, standard deviation 1."""

    frequency_hz: Float[np.ndarray, "numbers waves"]
    phase: Float[np.ndarray, "numbers waves"]

    @classmethod
    def draw(cls, numbers: int, band_hz: tuple[float, float], rng: np.random.Generator) -> Waves:
        """Frequencies evenly spread over the band, phases over the circle."""
        size = (numbers, WAVES)
        return cls(frequency_hz=rng.uniform(*band_hz, size), phase=rng.uniform(0, 2 * np.pi, size))

    def at(self, times_s: Float[np.ndarray, "times"]) -> Float[np.ndarray, "times numbers"]:
        """Their values."""
        angle = 2 * np.pi * times_s[:, None, None] * self.frequency_hz + self.phase
        return np.sqrt(2 / WAVES) * np.sin(angle).sum(-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class HandHeldPath:
    """Where a hand-held camera is at any time. Draw one with `hand_held_path`."""

    stand: Float[np.ndarray, "3"]
    """Mean position of the camera, world, metres."""
    target: Callable[[Float[np.ndarray, "times"]], Float[np.ndarray, "times 3"]]
    """What it is aimed at."""
    hand: HandHeld
    sway: Waves
    aim: Waves
    tremor: Waves

    def at(self, times_s: Float[np.ndarray, "times"]) -> Float[np.ndarray, "times 4 4"]:
        """Ts_world_camera, OpenCV axes, of the sensor's landscape image."""
        times_s, hand = np.asarray(times_s, np.float64), self.hand
        tremor = self.tremor.at(times_s)
        eyes = self.stand + hand.sway_m * self.sway.at(times_s) + hand.tremor_m * tremor[:, :3]
        turn = np.deg2rad(hand.aim_deg * self.aim.at(times_s) + hand.tremor_deg * tremor[:, 3:])
        aimed = np.stack([look_at(eye, goal)[:3, :3] for eye, goal in zip(eyes, self.target(times_s))])
        if hand.portrait:
            aimed = aimed @ np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        return rigid(aimed @ Rotation.from_rotvec(turn).as_matrix(), eyes)

    def motion(self, time_s: float) -> CameraMotion:
        """How the camera moves at a time."""
        before, after = self.at(time_s + np.array([-0.5, 0.5]) * STEP_S)
        turn = Rotation.from_matrix(after[:3, :3] @ before[:3, :3].T).as_rotvec()
        return CameraMotion(linear=(after[:3, 3] - before[:3, 3]) / STEP_S, angular=turn / STEP_S)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CameraMotion:
    """How a camera moves at one moment, in the world."""

    linear: Float[np.ndarray, "3"]
    """Velocity of its centre, m/s."""
    angular: Float[np.ndarray, "3"]
    """Axis of its turning times the speed, rad/s."""

    def relative(
        self, center: Float[np.ndarray, "3"], p_world: Float[np.ndarray, "points 3"], v_world: np.ndarray
    ) -> Float32[np.ndarray, "points 3"]:
        """Velocities that points have seen from the camera, whose centre is given, in the world's axes."""
        return (v_world - self.linear - np.cross(self.angular, p_world - center)).astype(np.float32)


def hand_held_path(
    rng: np.random.Generator,
    *,
    stand: Float[np.ndarray, "3"],
    target: Float[np.ndarray, "3"] | Callable[[Float[np.ndarray, "times"]], Float[np.ndarray, "times 3"]],
    hand: HandHeld | None = None,
) -> HandHeldPath:
    """A path about `stand` that looks at a point, or at a point that moves (a function of times in seconds).

    Raises CaptureError when the camera stands on top of what it looks at.
    """
    point = None if callable(target) else np.asarray(target, np.float64)
    if point is not None and np.linalg.norm((point - stand)[:2]) < 0.3:
        raise CaptureError(f"a hand-held camera at {np.round(stand, 2)} stands on its subject; move it 0.3 m away")
    return HandHeldPath(
        stand=np.asarray(stand, np.float64),
        target=target if callable(target) else lambda times: np.broadcast_to(np.asarray(target), (len(times), 3)),
        hand=hand or HandHeld(),
        sway=Waves.draw(3, SWAY_HZ, rng),
        aim=Waves.draw(3, AIM_HZ, rng),
        tremor=Waves.draw(6, TREMOR_HZ, rng),
    )
