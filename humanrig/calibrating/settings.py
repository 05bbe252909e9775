"""What a user may choose when a session's rig is calibrated."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from capture.board import Board
from humanrig.errors import HumanrigError


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RigCalibrationConfig:
    """Options of `humanrig calibrate`; what is written depends on them and on the recording alone."""

    board: Board = field(default_factory=Board)
    board_from: str = ""
    """Where the board was described, in words."""
    intrinsics: Literal["free", "fixed"] = "free"
    """fixed: the lenses stay as the factory measured them."""
    refine: Literal["none", "geometry"] = "none"
    """geometry: depth of things or people checks the cameras, and refines those that the board left weak."""
    refine_with: Path | None = None
    """session.toml of the take whose depth refines; by default the take of the board."""
    phone: bool = False
    """Place the phones that filmed the board."""
    origin: str = "centre"
    """Where the world's origin lies: centre (of the cameras), board (where it lay on the floor), or a camera."""
    floor: Literal["auto", "depth", "board", "none"] = "auto"
    """What the floor is found from; auto: depth, else the board."""
    max_instants: Annotated[int, Field(ge=3)] = 200
    every: Annotated[int, Field(ge=0)] = 0
    """Of how many instants one is searched for the board; 0: so that twelve a second or a few more are."""
    depth: bool = True
    """Estimate what is wrong with each depth camera's distances."""
    color: bool = True
    """Estimate what makes the cameras' colours alike."""


def config_of(**values: Any) -> RigCalibrationConfig:
    """The configuration of plain values. Raises HumanrigError for one that cannot be."""
    try:
        return TypeAdapter(RigCalibrationConfig).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise HumanrigError(f"--{name} {first['input']}: {first['msg'].lower()}") from None
