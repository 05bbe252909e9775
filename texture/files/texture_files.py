"""Where the textures of one person lie: one for each segment of surfaces, and one for each instant where wanted.

texture/personNN/segment_SSS.jpg              the sequence texture, RGB, complete
texture/personNN/segment_SSS_confidence.png   how well each texel was seen
texture/personNN/segment_SSS_source.png       which camera it owes most to: 0 none, n the n-th in the manifest
texture/personNN/NNNNNN.jpg                   of an instant; as large as its segment's
"""

from __future__ import annotations

from pathlib import Path


def segment_texture(folder: Path, person: str, number: int) -> Path:
    """The JPEG of a segment."""
    return folder / person / f"segment_{number:03d}.jpg"


def confidence_map(folder: Path, person: str, number: int) -> Path:
    """The confidence map of a segment."""
    return folder / person / f"segment_{number:03d}_confidence.png"


def source_map(folder: Path, person: str, number: int) -> Path:
    """The source map of a segment."""
    return folder / person / f"segment_{number:03d}_source.png"


def instant_texture(folder: Path, person: str, instant: int) -> Path:
    """The JPEG of an instant."""
    return folder / person / f"{instant:06d}.jpg"
