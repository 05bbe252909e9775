"""What a data set is made of: every choice that changes its bytes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from hps.synthesis.scenes.rows import Sensor

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class SynthesisConfig:
    """One data set. The same values give the same bytes, with any number of workers and after any interruption."""

    people: Count = 200
    """People in all splits together: a body, clothes and a look each."""
    views: Annotated[int, Field(ge=1, le=32)] = 8
    """Cameras of a scene."""
    appearances: Count = 4
    """Scenes that each person plays in."""
    frames: Count = 4
    """Instants of a scene."""
    rate_hz: Annotated[float, Field(ge=5, le=120)] = 10.0
    """Instants a second. Motions fade into each other over half a second, of which fewer would see nothing."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of everything that is drawn."""
    shares: tuple[Share, Share, Share] = (0.8, 0.1, 0.1)
    """Of people for training, validation and test."""
    bodies: Literal["bank", "model"] = "bank"
    """bank: people whom no betas describe exactly; model: bodies of the model, whose labels are exact."""
    children: Share = 0.2
    """Share of people of the bank who are 3 to 17 years old."""
    groups: Share = 0.35
    """Share of scenes with two to four people."""
    crowds: Share = 0.1
    """Share of scenes with five to eight people."""
    furniture: Annotated[int, Field(ge=0, le=12)] = 3
    """Most pieces of furniture in a scene."""
    width: Annotated[int, Field(ge=64, le=4096)] = 640
    height: Annotated[int, Field(ge=64, le=4096)] = 480
    """Of the pictures, pixels."""
    sensors: Annotated[tuple[Sensor, ...], Field(min_length=1)] = ("kinect",)
    """Whose depth errors the cameras have; each camera draws one."""
    distance_m: tuple[float, float] = (1.5, 3.3)
    """Of the cameras from the people's middle."""
    effects: bool = True
    """Whether pictures have the errors of colour cameras (blur, noise, exposure, balance). No rolling shutter:
    a picture shows one instant, as its labels do."""
    sensor_depth: bool = False
    """Whether pictures come with the depth that a sensor would measure, beside the exact one."""
    passes: Annotated[tuple[Literal["images", "labels", "clouds"], ...], Field(min_length=1)] = ("images", "labels")
    """What is made of the scenes."""
    cloud_views: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    """Clouds of so many cameras each: 1 is every camera alone, 8 is eight cameras fused."""
    cloud_camera: Literal["table", "device"] = "table"
    """table: clouds are measured through the table's pinhole cameras; device: through the optics of units of their
    sensors, at the same places."""
    cloud_surroundings: Literal["room", "floor"] = "room"
    """What stands behind people in clouds: the scene's room, or an open floor, for cameras out of any room's reach."""
    cloud_mask_px: tuple[Annotated[int, Field(ge=-16)], Annotated[int, Field(le=16)]] = (0, 0)
    """People are cut out of clouds by masks that are off by a whole number of pixels drawn from this range: dilated,
    or eroded below 0."""
    cloud_points: Annotated[int, Field(ge=0)] = 4096
    """Most points of a camera's cloud, drawn evenly; 0: all."""
    shard_pictures: Count = 256
    """About so many pictures (or clouds) in a shard."""
    renderer: Literal["numba", "egl", "auto"] = "numba"
    """numba draws the same bits on every machine of a kind; egl and auto use a graphics library."""

    @model_validator(mode="after")
    def _agree(self) -> SynthesisConfig:
        """What no field alone can tell."""
        total = sum(self.shares)
        if not abs(total - 1) < 1e-6:
            words = " + ".join(f"{share:g}" for share in self.shares)
            raise ValueError(
                f"the shares of training, validation and test are {words} = {total:g}; they must add up to 1"
            )
        if self.groups + self.crowds > 1 + 1e-9:
            raise ValueError(
                f"groups {self.groups:g} + crowds {self.crowds:g} are more than all scenes; their sum is at most 1"
            )
        low, high = self.cloud_mask_px
        if low > high:
            raise ValueError(f"cloud_mask_px is {low} to {high}; give the lower end first")
        if "clouds" in self.passes and max(self.cloud_views) > self.views:
            raise ValueError(
                f"clouds of {max(self.cloud_views)} cameras are asked for, scenes have {self.views}; give smaller "
                "cloud_views or more views"
            )
        return self
