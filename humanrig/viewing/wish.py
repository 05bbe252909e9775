"""What a viewer is asked to show: every knob of the panel as one value."""

from __future__ import annotations

from dataclasses import dataclass

CLOUD_COLORS = {
    "seen": "as the cameras saw it",
    "camera": "by camera",
    "body": "distance to the body",
    "surface": "distance to the surface",
    "sigma": "uncertainty",
}
"""How a cloud can be coloured, and what the panel calls it."""
BODY_COLORS = {"person": "one for each person", "sigma": "uncertainty", "other": "difference"}
SURFACE_LOOKS = {"instant": "picture of the instant", "clip": "picture of the clip", "plain": "plain"}
OVERLAYS = {"nothing": "nothing", "body": "body", "surface": "surface", "other": "compared"}
EVERYBODY = "everybody"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """One state of the panel."""

    instant: int | None = None
    """None where the session has no instants."""
    person: str = EVERYBODY
    rig: bool = True
    cloud: bool = False
    body: bool = False
    surface: bool = False
    keypoints: bool = False
    other: bool = False
    cloud_colors: str = "seen"
    body_colors: str = "person"
    surface_look: str = "instant"
    top_mm: float = 20.0
    """Where the scale of distances and uncertainties ends."""
    apart_m: float = 0.0
    """How far the compared bodies are moved aside, along x."""
    camera: str = ""
    """The colour stream whose picture is shown; empty for none."""
    overlay: str = "body"

    @property
    def needs_body_model(self) -> bool:
        """Whether a body has to be posed for it."""
        painted = self.cloud and self.cloud_colors == "body"
        drawn = bool(self.camera) and self.overlay in ("body", "other")
        return self.body or self.other or painted or drawn
