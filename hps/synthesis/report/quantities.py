"""What is counted in a data set: the name, unit and bins of each quantity, and its distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """Something that is measured on people, cameras or labels."""

    title: str
    unit: str
    low: float
    high: float
    bins: int
    """Between low and high; what lies outside is counted in the first and last."""
    of: str
    """What one value belongs to."""


PERSON, INSTANT, CAMERA, LABEL, PICTURE = "person", "person and instant", "camera", "person and picture", "picture"
QUANTITIES: Final[dict[str, Quantity]] = {
    "age_years": Quantity(title="Age", unit="years", low=0.0, high=90.0, bins=18, of=PERSON),
    "height_m": Quantity(title="Height", unit="m", low=0.9, high=2.1, bins=24, of=PERSON),
    "mass_kg": Quantity(title="Weight", unit="kg", low=10.0, high=130.0, bins=24, of=PERSON),
    "bmi": Quantity(title="Body mass index, adults", unit="kg/m²", low=14.0, high=44.0, bins=30, of=PERSON),
    "pose_from_mean_mm": Quantity(title="Pose from the mean pose", unit="mm", low=0.0, high=500.0, bins=25, of=INSTANT),
    "pose_from_rest_mm": Quantity(title="Pose from the T-pose", unit="mm", low=0.0, high=700.0, bins=28, of=INSTANT),
    "lean_deg": Quantity(title="Trunk from upright", unit="°", low=0.0, high=180.0, bins=18, of=INSTANT),
    "azimuth_deg": Quantity(title="View, 0 from the front", unit="°", low=-180.0, high=180.0, bins=24, of=LABEL),
    "elevation_deg": Quantity(title="View from above", unit="°", low=-90.0, high=90.0, bins=36, of=LABEL),
    "distance_m": Quantity(title="Distance", unit="m", low=0.0, high=10.0, bins=25, of=LABEL),
    "camera_height_m": Quantity(title="Camera above the floor", unit="m", low=0.0, high=3.0, bins=15, of=CAMERA),
    "hfov_deg": Quantity(title="Horizontal field of view", unit="°", low=30.0, high=110.0, bins=20, of=CAMERA),
    "size_px": Quantity(title="Person in the picture", unit="px", low=0.0, high=800.0, bins=20, of=LABEL),
    "occluded": Quantity(title="Hidden by others and things", unit="%", low=0.0, high=100.0, bins=20, of=LABEL),
    "truncated": Quantity(title="Beyond the edge", unit="%", low=0.0, high=100.0, bins=20, of=LABEL),
    "keypoints_seen": Quantity(title="COCO keypoints seen", unit="of 17", low=-0.5, high=17.5, bins=18, of=LABEL),
    "people_seen": Quantity(title="People in a picture", unit="people", low=-0.5, high=8.5, bins=9, of=PICTURE),
    "label_gap_mm": Quantity(title="Label from true skin", unit="mm", low=0.0, high=30.0, bins=15, of=LABEL),
}


def distribution(name: str, values: Float[np.ndarray, "values"]) -> dict[str, Any]:
    """Title, unit, number of finite values, percentiles, mean, and counts in the quantity's bins; fit for JSON."""
    quantity = QUANTITIES[name]
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    found: dict[str, Any] = {"title": quantity.title, "unit": quantity.unit, "of": quantity.of, "count": len(values)}
    if len(values):
        shares = np.percentile(values, [0, 5, 50, 95, 100])
        found |= {key: _rounded(v) for key, v in zip(("least", "p5", "median", "p95", "most"), shares)}
        found["mean"] = _rounded(values.mean())
    edges = np.linspace(quantity.low, quantity.high, quantity.bins + 1)
    inside = np.clip(values, quantity.low, quantity.high)
    return {**found, "edges": [_rounded(e) for e in edges], "counts": np.histogram(inside, edges)[0].tolist()}


def _rounded(value: float) -> float:
    return float(f"{float(value):.5g}")
