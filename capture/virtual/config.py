"""What a simulated take is made of: every choice that changes its bytes."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from capture.board import Board
from capture.virtual.clocks import ClockEffects
from capture.virtual.color_effects import ColorEffects
from capture.virtual.depth_effects import DepthEffects

Cameras = Annotated[int, Field(ge=1, le=10)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class SimulationConfig:
    """One simulated take. The same values give the same bytes of every frame."""

    cameras: Cameras = 6
    """Azure-Kinect-like devices on the ring; ten is the most whose depth pulses fit into one period."""
    scenario: Literal["people", "board", "boxes", "empty"] = "people"
    """What is recorded: people, or for calibration a board moved by hand, stacked boxes, the empty room."""
    board: Board = field(default_factory=Board)
    """The board of the scenario `board`."""
    people: Annotated[int, Field(ge=1, le=6)] = 1
    """Persons in the room, in the scenario `people`."""
    furniture: Annotated[int, Field(ge=0, le=12)] = 0
    """Objects that stand on the floor and hide parts of the people, in the scenario `people`."""
    clip: str = "walk"
    """Name of the motion clip that everybody does, or `random`: everybody does a motion drawn from the library."""
    split: Literal["train", "validation", "test"] = "train"
    """Which part of the bank's bodies, and of the clips that random motions are made of, to draw from."""
    subjects: tuple[str, ...] = ()
    """Names of the people in the bank of bodies, one for each person; empty draws them from `split`."""
    exact_model: bool = False
    """Bodies within the body model (drawn betas) instead of bodies of the bank, which no betas describe exactly."""
    seconds: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Length of the take."""
    rate_hz: Annotated[float, Field(gt=0, le=30)] = 30.0
    """Frames a second; an Azure Kinect gives 5, 15 or 30."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Drives the body, its clothes, the placement of the devices and all noise."""
    betas: tuple[float, ...] | None = None
    """Body shape, with `exact_model` alone; None draws every coefficient of the model from N(0, 1), clipped to ±2."""
    height_m: Annotated[float, Field(gt=1.2, lt=2.2)] | None = None
    """Body height, with `exact_model` alone: reached through the first shape coefficient; None leaves the shape."""
    children: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of children, 3 to 17 years old, among the bank's bodies that are drawn."""
    outfit: Literal["dressed", "casual", "minimal"] = "dressed"
    """Clothes: `dressed` is tailored and moves; `casual` and `minimal` are painted on thickened skin, 1–3 mm thick in
    `minimal`."""
    wardrobe: Literal["sport", "everyday", "summer", "skirt", "dress"] | None = None
    """What the `dressed` wear; None draws it by sex."""
    noise: bool = True
    """Whether sensors have any effects. Off: depth is exact to its millimetre, colour has no noise, blur or bend."""
    depth_effects: DepthEffects = field(default_factory=DepthEffects)
    """Of the Kinects' depth cameras."""
    color_effects: ColorEffects = field(default_factory=ColorEffects)
    """Of the Kinects' colour cameras."""
    depth_stagger_us: Annotated[int, Field(ge=0, le=1000)] = 160
    """The depth camera of device i exposes i times this after the colour cameras, so that none lights for another."""
    depth_mode: Literal["NFOV_UNBINNED", "NFOV_2X2BINNED", "WFOV_2X2BINNED", "WFOV_UNBINNED"] = "NFOV_UNBINNED"
    """Size and field of view of the depth images, as the vendor names them."""
    color_resolution: Literal["720P", "1080P", "1440P", "1536P", "2160P", "3072P"] = "720P"
    """Size of the colour images, as the vendor names them."""
    radius_m: Annotated[float, Field(ge=1.0, le=3.2)] = 2.3
    """Radius of the ring."""
    placement_jitter: NotNegative = 1.0
    """Scale of the random placement error of the devices: 1 is 30 mm and 1 degree."""
    phones: Annotated[int, Field(ge=0, le=4)] = 0
    """Hand-held iPhones with LiDAR, 60 frames a second on clocks of their own."""
    realsense: Annotated[int, Field(ge=0, le=8)] = 0
    """RealSense units between the Kinects, 30 frames a second on clocks of their own."""
    realsense_model: Literal["D435", "D455"] = "D455"
    """The colour camera of a D435 sees 42 degrees upright: at 2.3 m it cuts a person off."""
    clocks: ClockEffects | None = None
    """What goes wrong with clocks and deliveries; None: the Kinects' are perfect, those of phones and RealSense units
    free but healthy."""
    infrared: bool = False
    """Whether the depth cameras' infrared images (active brightness) are recorded too, as `kinect_NNN/ir`."""
    factory_error: NotNegative = 0.0
    """How far the calibration that a device brings is off, as a scale of `unit.factory_calibration`: 0 is exact."""
    placed: bool = True
    """Whether the recorded cameras say where they stand; off, as a rig delivers that nobody has calibrated."""
    background_frames: Annotated[int, Field(ge=0, le=30)] = 3
    """Frames of the room before people enter, in the session `recording/background`."""

    @property
    def depth_effects_used(self) -> DepthEffects:
        """`depth_effects`, or none of them without noise."""
        return self.depth_effects if self.noise else DepthEffects.none()

    @property
    def color_effects_used(self) -> ColorEffects:
        """`color_effects`, or of them the JPEG alone without noise."""
        return self.color_effects if self.noise else replace(ColorEffects.none(), jpeg=True)
