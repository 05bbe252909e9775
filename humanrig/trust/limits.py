"""Where a figure begins to cost trust, and where it has cost all that it can; each with the reason for its value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A figure's way from harmless to ruinous, linear in between."""

    fine: float
    """Up to here it costs nothing."""
    ruined: float
    """From here on it costs all of `most`. Below `fine` where a low figure is the bad one."""
    most: float
    """The most that it takes from the score."""

    def cost(self, value: float | None) -> float:
        """What a value costs; nothing where it is not known."""
        if value is None:
            return 0.0
        share = (value - self.fine) / (self.ruined - self.fine)
        return self.most * min(1.0, max(0.0, share))


GOOD = 0.8
"""From this score on nobody needs to look; `scripts/measure_trust.py` puts every fault below it."""
BAD = 0.4
"""Below this a session is not worth using as it is."""

WARNING = 0.06
"""A sentence of a stage that no figure here weighs: to be read, not to be feared."""
NO_STAGE = 0.5
"""The least that a missing, damaged or outdated stage costs: an unfinished session is never `good`."""

DROPS = Limit(fine=0.02, ruined=0.5, most=0.5)
"""Share of a camera's frames that were lost. Two in a hundred are a usual recording (sensors.md, section 4.4); with
thirty in a hundred bodies are still found, but see docs/registration_figures.md, `dropped30`."""
STALL_S = Limit(fine=0.0, ruined=5.0, most=0.3)
"""Seconds that a camera was silent."""
RESIDUAL_US = Limit(fine=1000.0, ruined=8000.0, most=0.4)
"""A camera's distance in time from its instants, 95 %: a hand at 3 m/s moves 3 mm in 1 ms and 24 mm in 8 ms."""
LEFT_OUT = Limit(fine=0.0, ruined=0.5, most=0.4)
"""Share of the devices that no estimate uses although they recorded."""
CONTENT_US = Limit(fine=4000.0, ruined=33_000.0, most=0.5)
"""What pictures say that a device is off in time; below 4 ms they do not tell."""

VIEWS = Limit(fine=3.0, ruined=1.0, most=0.5)
"""Devices that saw the person: with two, a side of the body is guessed, with one most of it."""
APART_MM = Limit(fine=3.5, ruined=9.0, most=0.6)
"""A camera's surface beyond the others' and beyond the noise; a good calibration leaves 0.5 mm, lone biases of depth 2
to 3 mm; from 5 mm on the stage clouds warns."""
ALONE_PERCENT = Limit(fine=15.0, ruined=55.0, most=0.6)
"""Points of a camera that no other confirms, in hundredths above those of the median camera. Cameras of a sound ring
differ by 6."""
WHOLE = 0.7
"""With fewer whole instants it says nothing: a camera is alone where its neighbours' frames are lost."""
NO_CLOUD = Limit(fine=0.02, ruined=0.5, most=0.5)
"""Share of instants whose cloud is empty."""

PIXELS = Limit(fine=7.0, ruined=25.0, most=0.5)
"""Median residual of the triangulation at a width of 1280 px: BlazePose is 4 px off in itself, 5 to 6 px in real
pictures (docs/keypoints.md)."""
PIXELS_RATIO = Limit(fine=1.8, ruined=5.0, most=0.5)
"""A camera's residual to the median of the cameras'."""
BIAS_PX = Limit(fine=6.0, ruined=25.0, most=0.5)
"""A camera's mean residual at a width of 1280 px: its detections lie to one side of where the others see the joints."""
UNUSED = Limit(fine=0.15, ruined=0.7, most=0.4)
"""Share of a camera's detections that the triangulation throws away."""
NO_KEYPOINTS = Limit(fine=0.0, ruined=0.5, most=0.5)
"""Share of instants without a single joint."""
MADE_UP = Limit(fine=0.05, ruined=0.5, most=0.4)
"""Share of joints that were interpolated in time, or lifted from one camera's depth."""
KEYPOINT_SIGMA_MM = Limit(fine=15.0, ruined=60.0, most=0.3)
"""What the triangulation says of its own joints."""

NO_BODY = Limit(fine=0.0, ruined=0.5, most=0.6)
"""Share of instants without a body."""
FLAGGED = Limit(fine=0.02, ruined=0.6, most=0.6)
"""Share of bodies that carry a flag."""
BODY_PX = Limit(fine=8.0, ruined=25.0, most=0.5)
"""Median distance of the body's landmarks from detections, at a width of 1280 px: 4 px in a sound fit."""
BODY_MM = Limit(fine=18.0, ruined=45.0, most=0.6)
"""Mean distance of the cloud from the naked body: 5 mm for bare skin, 13 mm in clothes."""
PART_MM = Limit(fine=32.0, ruined=80.0, most=0.5)
"""The same of the part that fits worst: a shirt stands 23 mm off the trunk, a leg that is not the person's own 50."""
PART_SEEN = Limit(fine=0.75, ruined=0.2, most=0.4)
"""Share of the least seen part that has points where depth cameras look: 97 % in a sound ring. What lacks is hidden, or
the body stands where the person does not."""
SURFACE_MM = Limit(fine=2.0, ruined=12.0, most=0.5)
"""Mean distance of the cloud from the final surface: 0.7 to 1.2 mm where all is well."""
UNEXPLAINED_PERCENT = Limit(fine=2.0, ruined=20.0, most=0.4)
"""Points of the cloud that no surface is near."""
NO_SURFACE = Limit(fine=0.0, ruined=0.5, most=0.4)
"""Share of bodies without a surface."""
TEXTURE_SEEN = Limit(fine=0.85, ruined=0.4, most=0.2)
"""Share of the surface that a colour camera saw in the course of a clip."""
POLISH_MM = Limit(fine=8.0, ruined=40.0, most=0.4)
"""How far the texture moved a camera so that pictures agree; on a sound calibration 2 mm."""
