"""The firmware of an Azure Kinect: its versions, and the known faults of old ones."""

from __future__ import annotations

from dataclasses import dataclass

from capture.azure_kinect.structures import HardwareVersion

FAULTS: tuple[tuple[tuple[int, int, int], str], ...] = (
    ((1, 6, 104), "a subordinate's images come about 100 us late"),
    ((1, 6, 110), "a device does not restart reliably on the synchronisation cable"),
)
"""First good version of the colour camera's firmware, and what is wrong before it (Azure-Kinect-Sensor-SDK issues 529,
530 and 818; fixed in the firmware packages 1.6.104075014 and 1.6.110079014)."""
LATEST = "1.6.110079014"


@dataclass(frozen=True, kw_only=True, slots=True)
class Firmware:
    """Versions as the device tells them."""

    color: tuple[int, int, int]
    depth: tuple[int, int, int]
    audio: tuple[int, int, int]
    sensor: tuple[int, int, int]
    release: bool
    """Whether it is a release build signed by the maker."""

    @classmethod
    def of(cls, version: HardwareVersion) -> Firmware:
        """From the C structure."""
        parts = (version.rgb, version.depth, version.audio, version.depth_sensor)
        color, depth, audio, sensor = ((p.major, p.minor, p.iteration) for p in parts)
        release = version.firmware_build == 0 and version.firmware_signature == 0
        return cls(color=color, depth=depth, audio=audio, sensor=sensor, release=release)

    def __str__(self) -> str:
        """Such as `color 1.6.110, depth 1.6.79`."""
        return f"color {_dotted(self.color)}, depth {_dotted(self.depth)}"

    def problems(self) -> tuple[str, ...]:
        """What is wrong with it, a sentence each, with the next step."""
        found = [
            f"its firmware (colour camera {_dotted(self.color)}) is old: {fault}; update it to {LATEST}"
            for good, fault in FAULTS
            if self.color < good
        ]
        if not self.release:
            found.append(f"its firmware is not a release of the maker; install {LATEST}")
        return tuple(found)


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
