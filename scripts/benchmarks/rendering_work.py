"""The camera-frames that the rendering benchmark times: drawn alone, and with every effect of the sensors."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.stopwatch import Stopwatch
from capture import depth_codec
from capture.virtual import drawable, figure_color, kinect_rendering, moment
from capture.virtual.backdrop import Backdrop
from capture.virtual.color_sensor import ColorSensor
from capture.virtual.compositing import over_echo, over_srgb
from capture.virtual.config import SimulationConfig
from capture.virtual.drawable import Drawable, Studio
from capture.virtual.figure import Figure, motion_at
from capture.virtual.kinect_rendering import KinectRenderer
from capture.virtual.moment import Moment
from capture.virtual.rig import build_rig, depth_delay_us
from capture.virtual.tof.sensor import TofSensor
from geometry.face_raster.rasterizer import FaceRasterizer, open_rasterizer

Work = Literal["alone", "effects"]
RATE_HZ = 30.0
FIRST_FRAME = 5


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process does."""

    work: Work
    backend: Literal["numba", "egl"]
    folder: Path
    """Has the figure, its surface and the backdrops."""
    cameras: int
    seed: int
    instants: int
    rounds: int
    by_step: bool = False


def make_config(cameras: int, seed: int) -> SimulationConfig:
    """A second of a walk of one adult at 30 frames a second."""
    return SimulationConfig(cameras=cameras, seed=seed, children=0.0)


class Bench:
    """One process with its figure, devices and rooms."""

    def __init__(self, task: Task) -> None:
        """Loads what `rendering_subject` has stored."""
        self.task, self.watch = task, Stopwatch()
        self.config = make_config(task.cameras, task.seed)
        stored = np.load(task.folder / "figure.npz")
        figure = Figure(**{name: stored[name] for name in stored.files})
        self.surface = np.load(task.folder / "surface.npy", mmap_mode="r")
        self.studio = replace(Studio.of(figure, self.surface[0]), rasterizer=open_rasterizer(task.backend))
        self.devices = build_rig(self.config)
        self.kinects = [KinectRenderer(self.config, d, i) for i, d in enumerate(self.devices)]
        self.rooms = [Backdrop.load(task.folder / device.name) for device in self.devices]

    def instant(self, number: int) -> None:
        """One frame of every device."""
        motion = motion_at(self.surface, FIRST_FRAME + number, RATE_HZ)
        now = Moment(drawable=Drawable.of(self.studio, motion.vertices), velocity=motion.velocity)
        for index in range(len(self.devices)):
            if self.task.work == "alone":
                self._alone(index, now.drawable)
            else:
                delay_us = depth_delay_us(self.config, index)
                later = Drawable.of(self.studio, motion.at(1e-6 * delay_us)) if delay_us else now.drawable
                self._with_effects(index, now, later, np.random.default_rng([index, number]))

    def _alone(self, index: int, drawable: Drawable) -> None:
        """Faces at 2x2 samples, light and echo, over the room."""
        device, room = self.devices[index], self.rooms[index]
        shaded = drawable.shaded(device.color, room.color_rays)
        echo = drawable.echo(device.depth, room.depth_rays)
        assert shaded is not None
        assert echo is not None
        over_srgb(shaded, room.srgb)
        over_echo(echo, room.z_fine, room.amplitude_fine)

    def _with_effects(self, index: int, now: Moment, later: Drawable, rng: np.random.Generator) -> None:
        """What the product does for a frame, without the truth."""
        kinect, room = self.kinects[index], self.rooms[index]
        kinect.color_sensor.encode(kinect.color_frame(room, now, rng, truth=False).image)
        depth_codec.encode(kinect.depth_frame(room, later, rng, truth=False).depth_mm)

    def watch_steps(self) -> None:
        """Wraps the steps by timers; each goes under its own name, all else is "copies, rest"."""
        watch = self.watch
        for owner in (figure_color, drawable):
            watch.watch(owner, "shade", "colour: shading")
        watch.watch(FaceRasterizer, "draw", "face indices")
        watch.watch(drawable, "infrared_amplitude", "depth: exact depth and echo, 2x2")
        watch.watch(drawable, "exact_depth", "depth: exact depth, pixel centres (truth)")
        watch.watch(figure_color, "over_srgb", "colour: over the room")
        watch.watch(kinect_rendering, "darken_floor", "colour: shadow on the floor")
        watch.watch(drawable, "vertex_normals", "per instant: normals")
        watch.watch(moment, "figure_light", "per instant: light on the figure")
        watch.watch(moment, "floor_shadow", "per instant: shadow on the floor")
        watch.watch(ColorSensor, "motion", "colour: image motion")
        watch.watch(ColorSensor, "offset_px", "colour: rolling shutter")
        watch.watch(ColorSensor, "blur", "colour: motion blur")
        watch.watch(ColorSensor, "sense", "colour: exposure, balance, noise")
        watch.watch(ColorSensor, "encode", "colour: JPEG")
        watch.watch(TofSensor, "sense", "depth: time-of-flight effects")
        watch.watch(depth_codec, "encode", "depth: encoding")
        global over_srgb, over_echo
        over_srgb = watch._timed(over_srgb, "colour: over the room")
        over_echo = watch._timed(over_echo, "depth: over the room")


def run(task: Task, barrier: Any, answers: Any) -> None:
    """Times `rounds` rounds of `instants` and puts wall and processor seconds of each, steps and memory."""
    bench = Bench(task)
    if task.by_step:
        bench.watch_steps()
    bench.instant(0)  # compiles
    bench.watch.clear()
    rounds, cpu = [], []
    for _ in range(task.rounds):
        barrier.wait()
        start, busy = time.perf_counter(), time.process_time()
        for number in range(task.instants):
            bench.instant(number)
        rounds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - busy)
    answers.put(
        {
            "rounds": rounds,
            "steps": dict(bench.watch.seconds),
            "cpu": cpu,
            "peak_mb": peak_mb(),
            "driver": getattr(bench.studio.rasterizer, "driver", "processor"),
        }
    )


def peak_mb() -> float:
    """Most memory that this process ever held (Linux; getrusage would count the parent's before the start)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")
