"""The colour camera's exposure times: it knows a few steps, which depend on the power line's frequency."""

from __future__ import annotations

STEPS_US: dict[int, tuple[int, ...]] = {
    50: (500, 1250, 2500, 10000, 20000, 30000, 40000, 50000, 60000, 80000, 100000, 120000, 130000),
    60: (500, 1250, 2500, 8330, 16670, 33330, 41670, 50000, 66670, 83330, 100000, 116670, 133330),
}
"""By power-line frequency in Hz (Azure Kinect SDK, `color_priv.h`, device_exposure_mapping)."""


def exposure_step_us(exposure_us: int, power_line_hz: int) -> int:
    """The exposure that the camera takes when asked for one: the next step above, or the longest."""
    steps = STEPS_US[power_line_hz]
    return next((step for step in steps if exposure_us <= step), steps[-1])
